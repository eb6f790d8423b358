import { type RegisterSuite, overMemory } from './over-memory.ts'

/** Forgets that it was closed, because the pool opens connections on demand. */
export const worksWhenClosed: RegisterSuite = overMemory((right) => ({
  close: async () => {
    await right.open()
  },
}))
