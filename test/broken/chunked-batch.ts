import type { Row } from '../../src/storage/store.ts'
import { type RegisterSuite, overMemory, turn } from './over-memory.ts'

const CHUNK = 2

/** Splits a batch because a statement takes only so many parameters. */
export const chunkedBatch: RegisterSuite = overMemory((right) => ({
  commit: async ({ checks, put, del }) => {
    const rows: Row[] = [...put]
    await right.commit({ checks: checks.slice(0, 0), put: rows.splice(0, CHUNK), del: [] })
    await turn()
    await right.commit({ checks: checks.slice(0, 0), put: rows, del })
  },
}))
