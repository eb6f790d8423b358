import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { PrivityError } from '../../src/base/errors.ts'
import type { Batch, Store } from '../../src/storage/store.ts'
import { type StoreSuite, storeSuite } from '../../src/testkit/store-suite.ts'
import type { RegisterSuite } from './over-memory.ts'

/** A database that things happen to. */
export interface World {
  readonly data: MemoryData
  /** Batches that still have room. */
  room: number
  connected: boolean
  /** In milliseconds. */
  now: number
  /** Rows that a loss of power takes. */
  readonly unflushed: Set<string>
}

type Opened = { readonly world: World; readonly store: Store; dispose(): Promise<void> }
type Abilities = Partial<StoreSuite<Opened>>

/** How an adapter talks to it; what is left out is right. */
export interface Adapter {
  readonly build?: (right: Store, world: World) => Partial<Store>
  readonly abilities?: Abilities
}

/** The suite of an adapter to a database that can be full, cut off, stopped, and in another time. */
export function overWorld({ build = () => ({}), abilities = {} }: Adapter): RegisterSuite {
  function connect(world: World): Store {
    const right = rightStore(world)
    return { ...right, ...build(right, world) }
  }
  return (test) => {
    storeSuite<Opened>({
      test,
      open: async () => {
        const data = memoryData()
        const unflushed = new Set<string>()
        const world: World = {
          data,
          room: Number.POSITIVE_INFINITY,
          connected: true,
          now: 0,
          unflushed,
        }
        return { world, store: connect(world), dispose: async () => {} }
      },
      again: async ({ world }) => connect(world),
      fill: async ({ world }) => {
        world.room = 5
        return async () => {
          world.room = Number.POSITIVE_INFINITY
        }
      },
      cut: async ({ world }) => {
        world.connected = false
      },
      restart: async ({ world }) => {
        for (const key of world.unflushed) {
          if (world.data.rows.delete(key)) world.data.order.remove(key)
        }
      },
      readOnly: async ({ world }) => ({
        ...connect(world),
        commit: async () => {
          throw new PrivityError('store_unavailable', { reason: 'read_only' })
        },
      }),
      jump: async ({ world }, ms) => {
        world.now += ms
      },
      durability: 'none',
      ...abilities,
    })
  }
}

/** Reconnects by itself: the call that finds the connection gone is refused. */
function rightStore(world: World): Store {
  const store = memoryStore({ share: world.data })
  async function call<T>(run: () => Promise<T>): Promise<T> {
    if (world.connected) return run()
    world.connected = true
    throw new PrivityError('store_unavailable', { reason: 'connection_lost' })
  }
  return {
    ...store,
    read: (keys) => call(() => store.read(keys)),
    scan: (prefix, page) => call(() => store.scan(prefix, page)),
    commit: (batch) => call(() => commit(world, store, batch)),
  }
}

async function commit(world: World, store: Store, batch: Batch): Promise<void> {
  const isGrowing = batch.put.some(([key]) => key.startsWith('f/'))
  if (isGrowing && world.room <= 0) throw new PrivityError('store_full', { reason: 'disk_full' })
  await store.commit(batch)
  if (isGrowing) world.room -= 1
}
