import { type RegisterSuite, overMemory } from './over-memory.ts'

/** Gives out views of one large buffer, as a network driver receives them. */
export const poolViews: RegisterSuite = overMemory((right) => ({
  read: async (keys) => {
    const values = await right.read(keys)
    return values.map((value) => (value === undefined ? undefined : viewOf(value)))
  },
}))

function viewOf(value: Uint8Array): Uint8Array {
  const pool = new Uint8Array(value.length + 16)
  pool.set(value, 8)
  return pool.subarray(8, 8 + value.length)
}
