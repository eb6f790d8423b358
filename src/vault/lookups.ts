import { toHex } from '../base/bytes.ts'
import { type CompiledLookup, parseLookupName } from '../policy/compiled-lookup.ts'
import type { CompiledRecord } from '../policy/compiled.ts'
import { FULL_BITS } from '../policy/record-lookups.ts'
import type { LookupKey } from '../storage/keyspace.ts'
import type { Key, Row } from '../storage/store.ts'
import { type EarlierLookup, earlierLookup } from './earlier-lookup.ts'
import { type LookupKeyDeps, lookupKeyRow, type Slot } from './lookup-key-row.ts'
import { type LookupKeys, openLookupKeys, type WatchedRows } from './lookup-keys.ts'

/**
 * Blind indexes: a keyed digest of the normalised value, under a key of its own per lookup and generation. Storage
 * sees which records share a token, never the value.
 */
export interface Lookups extends Omit<LookupKeys, 'mac' | 'isReady' | 'watched' | 'follow'> {
  /** Number of a lookup in the catalogue. */
  numberOf(lookup: CompiledLookup): number
  /** Every lookup that these fields ever had: its rows go when the value does, whatever the policy says now. */
  numbersOf(record: string, fieldIds: ReadonlySet<string>): ReadonlySet<number>
  /** Lookups of earlier policies that answer the same question, as long as their keys are there. */
  earlier(record: CompiledRecord, lookup: CompiledLookup): readonly EarlierLookup[]
  /** The token of a text. @throws {@link key_unavailable} */
  token(slot: Slot, text: Uint8Array): LookupKey
  /** The row that would stand where another process had started a further generation. */
  ahead(lookup: CompiledLookup): Key
  /** The row of a new key for a lookup, of the generation behind the newest. */
  mint(lookup: number): Row
  /** Whether there are keys to search by, and all of every lookup are open. */
  isReady(lookup: CompiledLookup): boolean
  /** Rows that tell whether the newest key of this lookup is what it was. */
  watched(lookup: CompiledLookup): readonly Key[]
  /** Learns of what other processes did if these rows, or those that it reads, are not what they were; tells so. */
  follow(lookup: CompiledLookup, rows?: WatchedRows): Promise<boolean>
}

/** Finds the keys of all lookups; one whose class is withheld fails when it is used. */
export async function openLookups(deps: LookupKeyDeps): Promise<Lookups> {
  const { catalogue, keyspace } = deps
  const keys = await openLookupKeys(deps)
  const { slots, generations, newest, open, refresh } = keys
  const numbers = new Map(catalogue.lookups.map(({ name }, lookup) => [name, lookup]))
  const names = catalogue.lookups.map(({ name }) => parseLookupName(name))
  const numberOf = ({ name }: CompiledLookup): number => numbers.get(name) ?? -1
  return {
    slots,
    generations,
    newest,
    open,
    refresh,
    get version() {
      return keys.version
    },
    numberOf,
    numbersOf: (record, fieldIds) =>
      new Set(
        names.flatMap((name, lookup) =>
          name?.record === record && name.fieldIds.some((id) => fieldIds.has(id)) ? [lookup] : [],
        ),
      ),
    earlier: (record, lookup) =>
      names.flatMap((name, number) => {
        if (name?.record !== record.name || generations(number).length === 0) return []
        if (number === numberOf(lookup)) return []
        return earlierLookup(lookup, name, number)
      }),
    token: (slot, text) => {
      const bits = names[slot.lookup]?.bits ?? FULL_BITS
      return { ...slot, token: toHex(firstBits(keys.mac(slot).mac(text), bits)) }
    },
    ahead: (lookup) => {
      const number = numberOf(lookup)
      return keyspace.lookupKey(number, newest(number) + 1)
    },
    mint: (lookup) => lookupKeyRow(deps, { lookup, generation: newest(lookup) + 1 }),
    isReady: (lookup) => keys.isReady(numberOf(lookup)),
    watched: (lookup) => keys.watched(numberOf(lookup)),
    follow: (lookup, rows) => keys.follow(numberOf(lookup), rows),
  }
}

/** The first bits of a digest, in as few bytes as hold them; the rest of the last byte is zero. */
function firstBits(digest: Uint8Array, bits: number): Uint8Array {
  const bytes = digest.slice(0, Math.ceil(bits / 8))
  const last = bytes.length - 1
  bytes[last] = (bytes[last] ?? 0) & (0xff << (8 * bytes.length - bits))
  return bytes
}
