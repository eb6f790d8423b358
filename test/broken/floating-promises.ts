import { type RegisterSuite, overMemory } from './over-memory.ts'

/** Starts a rollback that nobody waits for, and that fails because there is nothing to roll back. */
export const floatingPromises: RegisterSuite = overMemory((right) => ({
  commit: async (batch) => {
    try {
      await right.commit(batch)
    } catch (error) {
      void Promise.reject(new Error('no transaction is active'))
      throw error
    }
  },
}))
