import { isPrivityError } from '../../src/base/errors.ts'
import type { RegisterSuite } from './over-memory.ts'
import { overWorld } from './over-world.ts'

/** Lets a quota that is exceeded abort the transaction, and waits for a request that had succeeded. */
export const fullAsSuccess: RegisterSuite = overWorld({
  build: (right) => {
    let isFull = false
    return {
      commit: async (batch) => {
        if (isFull) throw new TypeError('endless')
        await right.commit(batch).catch((error: unknown) => {
          if (!isPrivityError(error, 'store_full')) throw error
          isFull = true
        })
      },
    }
  },
})
