import type { Row } from '../../src/storage/store.ts'
import type { RegisterSuite } from './over-memory.ts'
import { overWorld } from './over-world.ts'

const gathered: Row[] = []

/** Keeps every row that it ever gave out. */
export const gathersRows: RegisterSuite = overWorld({
  build: (right) => ({
    scan: async (prefix, page) => {
      const rows = await right.scan(prefix, page)
      gathered.push(...rows)
      return rows
    },
  }),
  // A row is counted as a kilobyte, so that nobody has to collect garbage.
  abilities: { heap: async () => gathered.length * 1_024 },
})
