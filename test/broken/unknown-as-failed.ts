import { PrivityError } from '../../src/base/errors.ts'
import { overFlakyMemory } from './over-flaky-memory.ts'
import type { RegisterSuite } from './over-memory.ts'

/** Takes every error for a refusal, also one that came after the change. */
export const unknownAsFailed: RegisterSuite = overFlakyMemory({
  commit: () => {
    throw new PrivityError('store_unavailable', { reason: 'connection_lost' })
  },
})
