import { overFlakyMemory } from './over-flaky-memory.ts'
import type { RegisterSuite } from './over-memory.ts'

/** Catches the full disk, logs it, and goes on. */
export const swallowsFailure: RegisterSuite = overFlakyMemory(() => {})
