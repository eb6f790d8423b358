import { memoryStore } from '../../src/adapters/memory.ts'
import { type RegisterSuite, overMemory } from './over-memory.ts'

/** Checks against the rows that it wrote itself, and not against the database. */
export const cachedChecks: RegisterSuite = overMemory((right) => {
  const own = memoryStore()
  return {
    open: async () => {
      await own.open()
      return right.open()
    },
    commit: async (batch) => {
      await right.read([])
      await own.commit(batch)
      await right.commit({ ...batch, checks: [] })
    },
  }
})
