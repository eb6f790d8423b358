import type { Store } from 'privity'
import type { Seeded } from './seeded.ts'

/** Stores over the same rows whose calls go one at a time, in an order that a seed chooses. */
export interface Lanes {
  /** One more process. */
  lane(store: Store): Lane
  /** From here on calls wait for their turn, until nobody asks any more. */
  start(seed: Seeded): void
  stop(): void
}

/** The store of one process. */
export interface Lane {
  readonly store: Store
  /** From its nth call on, nothing it asks is ever answered; undefined: it lives. */
  die(after: number | undefined): void
}

/** Nobody waits until it is started. */
export function createLanes(): Lanes {
  let random: Seeded | undefined
  const waiting: (() => void)[] = []
  let pumping = false
  async function pump(): Promise<void> {
    pumping = true
    while (waiting.length > 0) {
      await new Promise((done) => setImmediate(done))
      const at = random?.below(waiting.length) ?? 0
      const [next] = waiting.splice(at, 1)
      next?.()
    }
    pumping = false
  }
  function turn(): Promise<void> {
    if (random === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      waiting.push(resolve)
      if (!pumping) void pump()
    })
  }
  return {
    lane: (store) => {
      let left: number | undefined
      async function pass<T>(run: () => Promise<T>): Promise<T> {
        if (left !== undefined) left -= 1
        if (left !== undefined && left < 0) return new Promise(() => undefined)
        await turn()
        return run()
      }
      return {
        die: (after) => {
          left = after
        },
        store: {
          ...store,
          read: (keys) => pass(() => store.read(keys)),
          scan: (prefix, options) => pass(() => store.scan(prefix, options)),
          commit: (batch) => pass(() => store.commit(batch)),
        },
      }
    },
    start: (seed) => {
      random = seed
    },
    stop: () => {
      random = undefined
      for (const resolve of waiting.splice(0)) resolve()
    },
  }
}
