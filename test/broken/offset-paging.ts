import type { Key } from '../../src/storage/store.ts'
import { type RegisterSuite, overMemory } from './over-memory.ts'

/** Remembers how many rows were given instead of which was the last. */
export const offsetPaging: RegisterSuite = overMemory((right) => {
  const given = new Map<Key, number>()
  return {
    scan: async (prefix, { after, limit }) => {
      const skipped = after === undefined ? 0 : (given.get(after) ?? 0)
      const rows = await right.scan(prefix, { limit: Math.min(10_000, skipped + limit) })
      const page = rows.slice(skipped)
      const last = page.at(-1)
      if (last !== undefined) given.set(last[0], skipped + page.length)
      return page
    },
  }
})
