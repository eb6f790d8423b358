import { fromHex, toHex, utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import { hmacSha256 } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import type { PersonKeys } from '../keys/person-keys.ts'
import { type Catalogue, lookupName } from '../policy/catalogue.ts'
import type { CompiledField } from '../policy/compiled.ts'
import type { Keyspace, LookupKey } from '../storage/keyspace.ts'
import type { Row, Store } from '../storage/store.ts'

/**
 * Blind indexes: a keyed digest of the normalised value, under a key of its own per lookup. Storage sees
 * which records share a value, never the value.
 */
export interface Lookups {
  /** Number of a field's lookup. */
  numberOf(record: string, field: CompiledField): number
  /** Every lookup that a field ever had: its rows go when the value does, whatever the policy says now. */
  numbersOf(record: string, fieldId: string): readonly number[]
  /** The token of a normalised value. @throws {@link key_unavailable} */
  token(lookup: number, normalised: string): LookupKey
}

/** What lookups need. */
export interface LookupsDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly keys: PersonKeys
  readonly catalogue: Catalogue
}

const GENERATION = 1
const KEY_LENGTH = 32
const TOKEN_LENGTH = 16
const EPOCH_DIGITS = 8

/** Unwraps the keys of all lookups; one whose class is withheld fails when it is used. */
export async function openLookups({
  store,
  keyspace,
  keys,
  catalogue,
}: LookupsDeps): Promise<Lookups> {
  const rows = await store.read(
    catalogue.lookups.map((_, lookup) => keyspace.lookupKey(lookup, GENERATION)),
  )
  const secrets = new Map<number, Secret>()
  function secretOf(lookup: number): Secret {
    const known = secrets.get(lookup)
    if (known !== undefined) return known
    const row = rows[lookup]
    const accessClass = catalogue.lookups[lookup]?.accessClass
    if (row === undefined || accessClass === undefined)
      throw new PrivityError('key_unknown', { what: 'lookup' })
    const epoch = Number.parseInt(toHex(row.subarray(0, EPOCH_DIGITS / 2)), 16)
    const key = keys.unwrap({ epoch, accessClass }, label(lookup), row.subarray(EPOCH_DIGITS / 2))
    const secret = Secret.of(key)
    secrets.set(lookup, secret)
    return secret
  }
  return {
    numberOf: (record, { id, lookup = '' }) =>
      catalogue.lookups.findIndex(({ name }) => name === lookupName(record, id, lookup)),
    numbersOf: (record, fieldId) =>
      catalogue.lookups.flatMap(({ name }, lookup) =>
        name.startsWith(lookupName(record, fieldId, '')) ? [lookup] : [],
      ),
    token: (lookup, normalised) => {
      const digest = secretOf(lookup).use((key) => hmacSha256(key, utf8(normalised)))
      return { lookup, generation: GENERATION, token: toHex(digest.subarray(0, TOKEN_LENGTH)) }
    },
  }
}

/** The row of a new lookup key: its epoch (u32), then the wrapped key. */
export function lookupKeyRow(
  { keyspace, keys, catalogue }: Omit<LookupsDeps, 'store'>,
  lookup: number,
): Row {
  const accessClass = catalogue.lookups[lookup]?.accessClass ?? 0
  const wrapped = keys.wrap(
    { epoch: keys.epoch, accessClass },
    label(lookup),
    randomBytes(KEY_LENGTH),
  )
  const epoch = fromHex(keys.epoch.toString(16).padStart(EPOCH_DIGITS, '0')) ?? new Uint8Array(0)
  const row = new Uint8Array(epoch.length + wrapped.length)
  row.set(epoch)
  row.set(wrapped, epoch.length)
  return [keyspace.lookupKey(lookup, GENERATION), row]
}

function label(lookup: number): string {
  return `lookup/${lookup}/${GENERATION}`
}
