import { PrivityError } from '../../src/base/errors.ts'
import type { RegisterSuite } from './over-memory.ts'
import { overWorld } from './over-world.ts'

const LOCK = '!opening'

/** Takes a lock that it never gives back when it dies while it sets up. */
export const halfOpened: RegisterSuite = overWorld({
  build: (right, world) => ({
    open: async () => {
      if (world.data.rows.has(LOCK)) throw new PrivityError('store_unavailable', { reason: 'busy' })
      return right.open()
    },
  }),
  abilities: {
    killDuring: async ({ world }) => {
      world.data.rows.set(LOCK, new Uint8Array(0))
    },
  },
})
