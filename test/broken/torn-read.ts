import { type RegisterSuite, overMemory, turn } from './over-memory.ts'

/** One query for each key, without a transaction. */
export const tornRead: RegisterSuite = overMemory((right) => ({
  read: async (keys) => {
    const values: (Uint8Array | undefined)[] = []
    for (const key of keys) {
      values.push(...(await right.read([key])))
      await turn()
    }
    return values
  },
}))
