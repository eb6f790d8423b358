import { normaliserId } from './normaliser.ts'
import { FULL_BITS, type LookupKind, type RecordLookup } from './record-lookups.ts'

/** A lookup as the library works with it. */
export interface CompiledLookup extends RecordLookup {
  /** In the catalogue: what makes it another lookup makes it another name. */
  readonly name: string
  /** The access class that its key is wrapped for: of its fields, the one that fewest purposes see. */
  readonly classKey: string
}

/** What the name of a lookup in the catalogue says of it, also of one that no policy has any more. */
export interface LookupName {
  readonly record: string
  readonly fieldIds: readonly string[]
  /** Ids of the normalisers, field by field. */
  readonly normalisers: readonly string[]
  readonly kind: LookupKind
  readonly length: number | undefined
  readonly bits: number
}

const SUFFIX = /^(?:\/(?:(unique)|(startsWith|endsWith)\.(\d+)))?(?:\/(\d+))?$/

/**
 * Record type, field ids and normalisers, then what differs from a whole value whose token is not cut:
 * `contact/email/email`, `contact/phone/phone-e164/endsWith.4/9`. Ids and names hold neither `/` nor `+`.
 */
export function nameOfLookup(
  record: string,
  { kind, length, fields, bits }: Omit<RecordLookup, 'people' | 'distinct'>,
): string {
  const ids = fields.map(({ id }) => id).join('+')
  const normalisers = fields.map(({ normaliser }) => normaliserId(normaliser)).join('+')
  const part = length === undefined ? '' : `.${length}`
  const suffix = `${kind === 'whole' ? '' : `/${kind}${part}`}${bits === FULL_BITS ? '' : `/${bits}`}`
  return `${record}/${ids}/${normalisers}${suffix}`
}

/** Reads the name of a lookup; undefined for one that a later version wrote. */
export function parseLookupName(name: string): LookupName | undefined {
  const [record = '', ids = '', normalisers = '', ...rest] = name.split('/')
  const suffix = SUFFIX.exec(rest.map((it) => `/${it}`).join(''))
  if (suffix === null) return undefined
  const [, unique, part, length, bits] = suffix
  return {
    record,
    fieldIds: ids.split('+'),
    normalisers: normalisers.split('+'),
    kind: (unique ?? part ?? 'whole') as LookupKind,
    length: length === undefined ? undefined : Number(length),
    bits: bits === undefined ? FULL_BITS : Number(bits),
  }
}
