import { PrivityError } from '../../src/base/errors.ts'
import type { RegisterSuite } from './over-memory.ts'
import { overWorld } from './over-world.ts'

/** Keeps the connection object after its close event, and asks it again and again. */
export const neverReconnects: RegisterSuite = overWorld({
  build: (right, world) => {
    let isGone = false
    function check(): void {
      isGone ||= !world.connected
      if (isGone) throw new PrivityError('store_unavailable', { reason: 'connection_lost' })
    }
    return {
      read: async (keys) => {
        check()
        return right.read(keys)
      },
    }
  },
})
