import { overMemory, type RegisterSuite } from './over-memory.ts'

/** Begins a page with the key that it was to begin after; whoever goes through its pages never ends. */
export const inclusiveAfter: RegisterSuite = overMemory((right) => ({
  scan: async (prefix, { after, limit }) => {
    const rows = await right.scan(prefix, { limit: 10_000 })
    return rows.filter(([key]) => after === undefined || key >= after).slice(0, limit)
  },
}))
