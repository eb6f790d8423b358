import { isPrivityError } from '../../src/base/errors.ts'
import { type RegisterSuite, overMemory } from './over-memory.ts'

/** Lets the driver's errors through. */
export const foreignErrors: RegisterSuite = overMemory((right) => ({
  commit: async (batch) => {
    try {
      await right.commit(batch)
    } catch (error) {
      if (!isPrivityError(error, 'write_conflict')) throw error
      throw new Error('duplicate key value violates unique constraint')
    }
  },
}))
