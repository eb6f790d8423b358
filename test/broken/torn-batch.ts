import { assertBatch } from '../../src/storage/batch-rules.ts'
import { type RegisterSuite, overMemory, turn } from './over-memory.ts'

/** One statement after the other, without a transaction. */
export const tornBatch: RegisterSuite = overMemory((right) => ({
  commit: async (batch) => {
    assertBatch(batch, right.limits)
    const checks = new Map(batch.checks)
    for (const [key, value] of batch.put) {
      const expected = checks.get(key)
      await right.commit({
        checks: expected === undefined ? [] : [[key, expected]],
        put: [[key, value]],
        del: [],
      })
      await turn()
    }
    for (const key of batch.del) {
      const expected = checks.get(key)
      await right.commit({
        checks: expected === undefined ? [] : [[key, expected]],
        put: [],
        del: [key],
      })
      await turn()
    }
  },
}))
