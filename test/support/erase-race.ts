import { PrivityError, type Store } from 'privity'
import { type MemoryData, memoryStore } from 'privity/memory'
import { type Acme, eagerClock, type FakeClock, openAcme } from './acme.ts'
import { copiedRows } from './copied-rows.ts'
import { type EraseWatch, eraseWatch } from './erase-watch.ts'
import { createLanes, type Lanes } from './lanes.ts'
import type { Leavers } from './leavers.ts'

/** Two processes over the rows of some leavers, whose calls go one at a time in an order that a seed chooses. */
export interface EraseRace {
  readonly leavers: Leavers
  readonly main: MemoryData
  readonly keys: MemoryData | undefined
  readonly clock: FakeClock
  readonly lanes: Lanes
  readonly watch: EraseWatch
  readonly eraser: Racer
  readonly other: Racer
}

/** One process. */
export interface Racer {
  readonly acme: Acme
  readonly store: Store
  readonly keyStore: Store | undefined
  readonly health: Health
}

/** What is wrong with the stores of one process. */
export interface Health {
  /** Calls that are answered yet; undefined: all. */
  left: number | undefined
  /** The first that is not answered takes effect, and those after it are answered again; else none is. */
  losesAnswer: boolean
  /** Which of the rows that are deleted next stays; undefined: none. */
  forgets: number | undefined
  /** What stayed. */
  forgotten: string | undefined
}

/** Batches that delete at least so many rows destroy a person. */
const DESTROYED = 6

export async function openRace(leavers: Leavers): Promise<EraseRace> {
  const [main, keys] = [copiedRows(leavers.main), leavers.keys && copiedRows(leavers.keys)]
  const [clock, lanes, watch] = [tickingClock(), createLanes(), eraseWatch(main, keys)]
  async function racer(): Promise<Racer> {
    const health = { left: undefined, losesAnswer: false, forgets: undefined, forgotten: undefined }
    const over = (share: MemoryData): Store =>
      lanes.lane(ailing(watch.store(memoryStore({ share })), health)).store
    const [store, keyStore] = [over(main), keys && over(keys)]
    const stores = keyStore === undefined ? {} : { keyStore }
    return { acme: await openAcme(store, { clock, ...stores }), store, keyStore, health }
  }
  const [eraser, other] = [await racer(), await racer()]
  return { leavers, main, keys, clock, lanes, watch, eraser, other }
}

/** Nobody has to wait, and yet time goes by: whoever tries again for so long gives up. */
function tickingClock(): FakeClock {
  const clock = eagerClock()
  return {
    ...clock,
    wait: (ms, signal) => {
      clock.advance(Math.ceil(ms))
      return clock.wait(ms, signal)
    },
  }
}

function ailing(store: Store, health: Health): Store {
  async function pass<T>(run: () => Promise<T>): Promise<T> {
    if (health.left === undefined) return run()
    health.left -= 1
    if (health.left >= 0) return run()
    if (!health.losesAnswer) throw new PrivityError('store_unavailable', { reason: 'failed' })
    health.left = undefined
    await run()
    throw new TypeError('connection reset')
  }
  return {
    ...store,
    read: (keys) => pass(() => store.read(keys)),
    scan: (prefix, options) => pass(() => store.scan(prefix, options)),
    commit: (batch) =>
      pass(async () => {
        const { forgets } = health
        if (forgets === undefined || batch.del.length < DESTROYED) return store.commit(batch)
        const stays = batch.del[forgets % batch.del.length]
        const checks = batch.checks.filter(([key]) => key !== stays)
        const del = batch.del.filter((key) => key !== stays)
        await store.commit({ ...batch, checks, del })
        health.forgets = undefined
        health.forgotten = stays
      }),
  }
}
