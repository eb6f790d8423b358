import { PrivityError } from '../../src/base/errors.ts'
import { overFlakyMemory } from './over-flaky-memory.ts'
import type { RegisterSuite } from './over-memory.ts'

/** Retries after a lost answer, and reports the conflict with its own first attempt. */
export const unknownAsConflict: RegisterSuite = overFlakyMemory({
  commit: (when) => {
    if (when === 'before') throw new PrivityError('outcome_unknown', {})
    throw new PrivityError('write_conflict', { attempts: 1 })
  },
})
