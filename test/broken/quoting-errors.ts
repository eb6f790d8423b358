import { isPrivityError } from '../../src/base/errors.ts'
import { type RegisterSuite, overMemory } from './over-memory.ts'

/** Helps the reader of the log by quoting what was refused. */
export const quotingErrors: RegisterSuite = overMemory((right) => ({
  commit: async (batch) => {
    try {
      await right.commit(batch)
    } catch (error) {
      const keys = batch.put.map(([key]) => key).join()
      if (!isPrivityError(error)) throw error
      throw Object.assign(error, { cause: new Error(`Key (key)=(${keys}) already exists.`) })
    }
  },
}))
