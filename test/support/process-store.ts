import type { Store } from '../../src/storage/store.ts'
import type { ClientKind } from './postgres-clients.ts'
import type { Driver } from './sqlite-drivers.ts'

/** What a process opens a store with. */
export type StoreClient = Driver['name'] | ClientKind['name']

/** A store over a file or a server; closing it ends what keeps the process. */
export async function storeAt(name: StoreClient, place: string): Promise<Store> {
  // Asked for when needed: each of the drivers takes a while to load.
  if (name === 'pg' || name === 'postgres.js') {
    const { postgresStore } = await import('../../src/adapters/postgres.ts')
    const { CLIENTS } = await import('./postgres-clients.ts')
    return postgresStore(CLIENTS[name].connect(place), { onClose: 'end' })
  }
  const { sqliteStore } = await import('../../src/adapters/sqlite.ts')
  const { DRIVERS } = await import('./sqlite-drivers.ts')
  const connection = DRIVERS[name].connect(place)
  const store = sqliteStore(connection)
  return {
    ...store,
    close: async () => {
      await store.close()
      connection.close()
    },
  }
}
