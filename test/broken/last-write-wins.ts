import { equalBytes } from '../../src/base/bytes.ts'
import { PrivityError } from '../../src/base/errors.ts'
import { overMemory, turn, type RegisterSuite } from './over-memory.ts'

/** Looks at the checks first and writes afterwards: whoever comes last wins. */
export const lastWriteWins: RegisterSuite = overMemory((right) => ({
  commit: async (batch) => {
    const values = await right.read(batch.checks.map(([key]) => key))
    for (const [index, [, expected]] of batch.checks.entries()) {
      const held = values[index]
      const holds =
        held === undefined || expected === null
          ? held === (expected ?? undefined)
          : equalBytes(held, expected)
      if (!holds) throw new PrivityError('write_conflict', { attempts: 1 })
    }
    await turn()
    await right.commit({ ...batch, checks: [] })
  },
}))
