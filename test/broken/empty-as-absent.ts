import { type RegisterSuite, overMemory } from './over-memory.ts'

/** `if (row.value.length)`: an empty value is taken for a missing row. */
export const emptyAsAbsent: RegisterSuite = overMemory((right) => ({
  read: async (keys) => {
    const values = await right.read(keys)
    return values.map((value) => (value?.length ? value : undefined))
  },
}))
