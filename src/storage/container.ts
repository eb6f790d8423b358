/**
 * A document or record row: version byte, section count (u16), a table of (kind u8, class u16, length
 * u32), then the sections, all integers big-endian.
 */
export interface Section {
  readonly kind: SectionKind
  /** Number of the access class in the catalogue; 0 is `core`. */
  readonly accessClass: number
  readonly bytes: Uint8Array
}

/** What a section holds. Numbers are stored: never reuse one. */
export const SECTION = { head: 1, ring: 2, fields: 3, keyList: 4, fence: 9 } as const
export type SectionKind = (typeof SECTION)[keyof typeof SECTION]

const VERSION = 1
const HEADER = 3
const ENTRY = 7
const KINDS: ReadonlySet<number> = new Set(Object.values(SECTION))

/** The bytes of a row that holds these sections, in the order given. */
export function encodeContainer(sections: readonly Section[]): Uint8Array {
  const table = HEADER + sections.length * ENTRY
  const bytes = new Uint8Array(sections.reduce((sum, section) => sum + section.bytes.length, table))
  const view = new DataView(bytes.buffer)
  view.setUint8(0, VERSION)
  view.setUint16(1, sections.length)
  let offset = table
  sections.forEach((section, index) => {
    const entry = HEADER + index * ENTRY
    view.setUint8(entry, section.kind)
    view.setUint16(entry + 1, section.accessClass)
    view.setUint32(entry + 3, section.bytes.length)
    bytes.set(section.bytes, offset)
    offset += section.bytes.length
  })
  return bytes
}

/** The sections of a row; undefined unless every byte is accounted for. */
export function decodeContainer(bytes: Uint8Array): readonly Section[] | undefined {
  if (bytes.length < HEADER || bytes[0] !== VERSION) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint16(1)
  let offset = HEADER + count * ENTRY
  if (offset > bytes.length) return undefined
  const sections: Section[] = []
  for (let entry = HEADER; entry < HEADER + count * ENTRY; entry += ENTRY) {
    const kind = view.getUint8(entry)
    const end = offset + view.getUint32(entry + 3)
    if (!isKind(kind) || end > bytes.length) return undefined
    sections.push({
      kind,
      accessClass: view.getUint16(entry + 1),
      bytes: bytes.subarray(offset, end),
    })
    offset = end
  }
  return offset === bytes.length ? sections : undefined
}

function isKind(kind: number): kind is SectionKind {
  return KINDS.has(kind)
}
