import type { Row, Store } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { verifyCertificate } from 'privity/verify'
import { type Acme, type AcmeOptions, eagerClock, openAcme } from './acme.ts'
import { allRows, type Place, STORES } from './stores.ts'

/** A place and its journal, which is in another one. */
export interface Journaled {
  readonly place: Place
  readonly journal: MemoryData
}

/** A place with a journal in memory, which nobody sets back with it. */
export function journaled(place: Place = STORES.memory()): Journaled {
  return { place, journal: memoryData() }
}

/** Acme on a place with its journal. */
export function openJournaled(
  { place, journal }: Journaled,
  options: AcmeOptions = {},
): Promise<Acme> {
  return openAcme(place.store(), {
    journal: memoryStore({ share: journal }),
    clock: eagerClock(),
    ...options,
  })
}

/** The same for as long as something is done there. */
export async function within<T>(
  stores: Journaled,
  run: (acme: Acme) => Promise<T>,
  options: AcmeOptions = {},
): Promise<T> {
  const acme = await openJournaled(stores, options)
  try {
    return await run(acme)
  } finally {
    await acme.close()
  }
}

/** What a certificate says; of one that does not hold, why. */
export async function certificateOf(
  { ledger }: Pick<Acme, 'ledger'>,
  certificate: string | undefined,
): Promise<object> {
  const verdict = await verifyCertificate(certificate ?? '', ledger.publicKeys)
  return verdict.certificate ?? verdict
}

/** A store of a place, and a copy of all rows behind each of its commits. */
export function copying(place: Place): {
  readonly store: Store
  readonly copies: (readonly Row[])[]
} {
  const store = place.store()
  const copies: (readonly Row[])[] = []
  return {
    copies,
    store: {
      ...store,
      commit: async (batch) => {
        await store.commit(batch)
        copies.push(await place.rows())
      },
    },
  }
}

/** The rows of a journal as a place, to be set back as well. */
export function journalOf({ journal }: Journaled): Place {
  const store = (): Store => memoryStore({ share: journal })
  return { ...STORES.memory(), store, rows: () => allRows(store()) }
}
