import { isPrivityError } from '../../src/base/errors.ts'
import { type RegisterSuite, overMemory } from './over-memory.ts'

/** ON CONFLICT DO NOTHING, and nobody looks at the number of rows. */
export const conflictAsSuccess: RegisterSuite = overMemory((right) => ({
  commit: async (batch) => {
    try {
      await right.commit(batch)
    } catch (error) {
      if (!isPrivityError(error, 'write_conflict')) throw error
    }
  },
}))
