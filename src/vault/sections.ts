import { fromUtf8 } from '../base/bytes.ts'
import type { JsonValue } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { ownBytes } from '../base/own-json.ts'
import type { ClassKey } from '../keys/class-key.ts'
import { type EnvelopeContext, openEnvelope, ROW_KIND, sealEnvelope } from '../keys/envelope.ts'
import { decodeContainer, encodeContainer, SECTION } from '../storage/container.ts'
import type { RecordHead } from '../subjects/head.ts'

/** Values of one access class of one record, by field id. */
export type Payload = { readonly [fieldId: string]: JsonValue }

/** Which record a section belongs to. */
export interface RecordPlace {
  readonly storeId: string
  readonly personId: string
  /** Number of the record type. */
  readonly type: number
  /** Absent for the single record of a type. */
  readonly recordId: string | undefined
}

/** The sealed sections of one record. */
export interface SealedRecord {
  readonly place: RecordPlace
  readonly head: RecordHead
  section(accessClass: number): Uint8Array | undefined
}

/**
 * Opens one access class of a record under the revision and layout that the head names.
 *
 * @throws {@link store_corrupt} when the section is missing
 * @throws {@link decryption_failed} when it was changed, moved, or set back to an older self
 */
export function openSection(
  record: SealedRecord,
  accessClass: number,
  key: ClassKey | undefined,
): Payload {
  const sealed = record.section(accessClass)
  const [revision, layout] = record.head.sections[String(accessClass)] ?? []
  if (sealed === undefined || revision === undefined || layout === undefined) {
    throw new PrivityError('store_corrupt', { reason: 'missing_section' })
  }
  if (key === undefined) throw new PrivityError('key_unknown', { what: 'fields' })
  const plaintext = openEnvelope(
    key,
    contextOf(record.place, accessClass, { revision, layout }),
    sealed,
  )
  // Authenticated bytes of this library: parsed without a schema.
  return JSON.parse(fromUtf8(plaintext) ?? '{}') as Payload
}

/** Seals one access class of a record. */
export function sealSection(
  key: ClassKey,
  section: {
    readonly place: RecordPlace
    readonly accessClass: number
    readonly revision: number
    readonly layout: string
  },
  payload: Payload,
): Uint8Array {
  return sealEnvelope(
    key,
    contextOf(section.place, section.accessClass, section),
    ownBytes(payload),
  )
}

/** The row of a `many` record. */
export function encodeRecord(sections: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const sorted = [...sections].sort(([a], [b]) => a - b)
  return encodeContainer(
    sorted.map(([accessClass, bytes]) => ({ kind: SECTION.fields, accessClass, bytes })),
  )
}

/** The sections of a `many` record by class. */
export function decodeRecord(row: Uint8Array | undefined): Map<number, Uint8Array> {
  const sections = row === undefined ? [] : decodeContainer(row)
  if (sections === undefined)
    throw new PrivityError('unsupported_format', { what: 'record', version: 0 })
  return new Map(sections.map(({ accessClass, bytes }) => [accessClass, bytes]))
}

function contextOf(
  { storeId, personId, type, recordId }: RecordPlace,
  accessClass: number,
  { revision, layout }: { readonly revision: number; readonly layout: string },
): EnvelopeContext {
  const base = { storeId, personId, accessClass, recordType: type, layout, revision }
  if (recordId === undefined) return { ...base, kind: ROW_KIND.fields }
  return { ...base, kind: ROW_KIND.record, recordId }
}
