import { overFlakyMemory } from './over-flaky-memory.ts'
import type { RegisterSuite } from './over-memory.ts'

/** Types the errors of commits, and lets those of reads through. */
export const foreignReadErrors: RegisterSuite = overFlakyMemory({
  read: () => {
    throw new Error('Connection terminated unexpectedly')
  },
})
