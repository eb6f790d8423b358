import type { Batch, Key, Store } from '../../src/storage/store.ts'

/** What happens instead of a call; `next` carries it out. */
export interface StoreHooks {
  readonly limits?: Store['limits']
  readonly read?: (
    keys: readonly Key[],
    next: () => ReturnType<Store['read']>,
    nth: number,
  ) => ReturnType<Store['read']>
  readonly commit?: (batch: Batch, next: () => Promise<void>, nth: number) => Promise<void>
}

/** A store whose calls a test looks at or replaces; calls are numbered from 1. */
export interface HookedStore extends Store {
  readonly reads: readonly (readonly Key[])[]
  readonly batches: readonly Batch[]
}

export function hookedStore(store: Store, hooks: StoreHooks = {}): HookedStore {
  const reads: (readonly Key[])[] = []
  const batches: Batch[] = []
  return {
    ...store,
    limits: hooks.limits ?? store.limits,
    reads,
    batches,
    read: (keys) => {
      reads.push(keys)
      const next = (): ReturnType<Store['read']> => store.read(keys)
      return hooks.read === undefined ? next() : hooks.read(keys, next, reads.length)
    },
    commit: (batch) => {
      batches.push(batch)
      const next = (): Promise<void> => store.commit(batch)
      return hooks.commit === undefined ? next() : hooks.commit(batch, next, batches.length)
    },
  }
}

/** A store that was opened, in memory. */
export async function opened<S extends Store>(store: S): Promise<S> {
  await store.open()
  return store
}
