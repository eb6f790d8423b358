import { decodeKeyList, isSameKey, type KeyName } from '../keys/key-list.ts'
import { decodeRing, encodeRing, type RingEntry } from '../keys/key-ring.ts'
import { CORE } from '../policy/catalogue.ts'
import { decodeContainer, encodeContainer, SECTION, type Section } from '../storage/container.ts'

/** The row of a person in a key store: the key ring, and during an erasure the fence before it; after it, only that. */
export interface KeyRow {
  /** As stored; undefined when there is none. */
  readonly bytes: Uint8Array | undefined
  /** Sealed by the controller. */
  readonly fence: Uint8Array | undefined
  readonly entries: readonly RingEntry[]
  /** There is a row, and it is none that is known here. */
  readonly isMalformed?: true
}

/** What a row is made of. */
export type KeyRowContent = Pick<KeyRow, 'fence' | 'entries'>

/** A row as it was read for one call, and what that call did to it. */
export interface Held {
  readonly row: KeyRow
  /** Keys that this call added, and that no document lists yet. */
  readonly offered: readonly RingEntry[]
  /** It was read after the document that lacked a key in it, which is a verdict then. */
  readonly isSettled: boolean
}

/** Keys that a document counts on. */
export interface ListedKeys {
  readonly ring: readonly RingEntry[]
  /** Listed, and not in the key store. */
  readonly missing: readonly KeyName[]
}

/** Reads a row; undefined unless every byte is accounted for. */
export function decodeKeyRow(bytes: Uint8Array | undefined): KeyRow | undefined {
  if (bytes === undefined) return { bytes, fence: undefined, entries: [] }
  const sections = decodeContainer(bytes)
  const rings = sections?.filter(({ kind }) => kind === SECTION.ring) ?? []
  const fences = sections?.filter(({ kind }) => kind === SECTION.fence) ?? []
  const [ring, fence] = [rings[0]?.bytes, fences[0]?.bytes]
  const entries = ring === undefined ? [] : decodeRing(ring)
  // Of two rings, or two fences, nobody could say which one counts.
  const isWhole = rings.length + fences.length > 0 && Math.max(rings.length, fences.length) === 1
  return entries === undefined || !isWhole ? undefined : { bytes, fence, entries }
}

/** The same, where a row that is none is told apart only once it is clear that somebody needs it. */
export function readKeyRow(bytes: Uint8Array | undefined): KeyRow {
  return decodeKeyRow(bytes) ?? { bytes, fence: undefined, entries: [], isMalformed: true }
}

/** The bytes of a row; undefined when there is nothing to keep. */
export function encodeKeyRow({ fence, entries }: KeyRowContent): Uint8Array | undefined {
  const sections: Section[] = []
  if (fence !== undefined) sections.push({ kind: SECTION.fence, accessClass: CORE, bytes: fence })
  if (entries.length > 0)
    sections.push({ kind: SECTION.ring, accessClass: CORE, bytes: encodeRing(entries) })
  return sections.length === 0 ? undefined : encodeContainer(sections)
}

/** The keys of a document: within it, or in this row; undefined when the document says neither. */
export function listedKeys(
  sections: readonly Section[],
  row: KeyRowContent | undefined,
): ListedKeys | undefined {
  const kind = row === undefined ? SECTION.ring : SECTION.keyList
  const bytes = sections.find((section) => section.kind === kind)?.bytes
  if (bytes === undefined) return undefined
  if (row === undefined) {
    const ring = decodeRing(bytes)
    return ring === undefined ? undefined : { ring, missing: [] }
  }
  const names = decodeKeyList(bytes)
  return names === undefined ? undefined : partition(names, row.entries)
}

function partition(names: readonly KeyName[], entries: readonly RingEntry[]): ListedKeys {
  const ring = names.flatMap((name) => entries.find((entry) => isSameKey(entry, name)) ?? [])
  return {
    ring,
    missing: names.filter((name) => !ring.some((entry) => isSameKey(entry, name))),
  }
}
