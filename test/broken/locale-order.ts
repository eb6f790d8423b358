import type { Row } from '../../src/storage/store.ts'
import { type RegisterSuite, overMemory } from './over-memory.ts'

/** The database's default collation is a language's. */
export const localeOrder: RegisterSuite = overMemory((right) => ({
  scan: async (prefix, page) => {
    const rows: Row[] = [...(await right.scan(prefix, page))]
    const { compare } = new Intl.Collator('en')
    return rows.sort(([a], [b]) => compare(a, b))
  },
}))
