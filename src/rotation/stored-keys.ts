import type { PersonKeys } from '../keys/person-keys.ts'
import { epochOf, type StoredKeySlot } from '../keys/stored-key.ts'
import { requireNamedRows } from '../ledger/named-rows.ts'
import { CORE, decodeCatalogue } from '../policy/catalogue.ts'
import { slotOf as scopeSlotOf } from '../pseudonyms/scope-keys.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Key, Row, Store } from '../storage/store.ts'
import type { PeopleDeps } from '../subjects/people.ts'
import { slotOf as suppressionSlotOf } from '../subjects/suppression.ts'
import { labelOf } from '../vault/lookup-key-row.ts'

/** A kind of row that holds a key of its own, wrapped for one access class. */
export interface StoredKeyFamily {
  readonly prefix: Key
  /** What the key of a row is bound to; undefined for a row that is none of this family. */
  slotOf(key: Key): StoredKeySlot | undefined
}

/** A row of a family. */
export interface FoundKey {
  readonly row: Row
  readonly slot: StoredKeySlot
  readonly epoch: number
}

const PAGE = 500
const LOOKUP = /^([0-9a-f]{4})\/([0-9a-f]{4})$/

/** Every kind of such rows, by the catalogue as it is now. */
export async function storedKeyFamilies({
  store,
  keyspace,
  controller,
  ledger,
}: Pick<PeopleDeps, 'store' | 'keyspace' | 'controller' | 'ledger'>): Promise<
  readonly StoredKeyFamily[]
> {
  const [sealed, head] = await store.read([keyspace.catalogue, keyspace.log.head])
  requireNamedRows(keyspace, await ledger.log.head(head), [[keyspace.catalogue, sealed]])
  const lookups =
    sealed === undefined ? [] : decodeCatalogue(controller.open(keyspace.catalogue, sealed)).lookups
  const classes = lookups.map(({ accessClass }) => accessClass)
  return [
    lookupKeys(keyspace, classes),
    { prefix: keyspace.scopeKeys, slotOf: scopeSlotOf },
    { prefix: keyspace.suppressionKeys, slotOf: suppressionSlotOf },
  ]
}

/** Every key of these families, in the order of their rows. */
export async function* findStoredKeys(
  store: Store,
  families: readonly StoredKeyFamily[],
): AsyncGenerator<FoundKey> {
  for (const family of families) {
    for await (const row of scanRows(store, family.prefix, { page: PAGE })) {
      const slot = family.slotOf(row[0])
      if (slot !== undefined) yield { row, slot, epoch: epochOf(row[1]) }
    }
  }
}

function lookupKeys({ lookupKeys: prefix }: Keyspace, classes: readonly number[]): StoredKeyFamily {
  return {
    prefix,
    slotOf: (key) => {
      const [, lookup = '', generation = ''] = LOOKUP.exec(key.slice(prefix.length)) ?? []
      const number = Number.parseInt(lookup, 16)
      if (Number.isNaN(number)) return undefined
      // Of a lookup that is in no catalogue nothing is known: it is counted, and does not open.
      const accessClass = classes[number] ?? CORE
      return {
        accessClass,
        label: labelOf({ lookup: number, generation: Number.parseInt(generation, 16) }),
      }
    },
  }
}

/** The class that a key is wrapped for, under its epoch. */
export function epochClassOf({ slot, epoch }: FoundKey): Parameters<PersonKeys['load']>[0][number] {
  return { epoch, accessClass: slot.accessClass }
}
