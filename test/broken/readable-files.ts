import type { RegisterSuite } from './over-memory.ts'
import { overWorld } from './over-world.ts'

/** Makes its files as the process makes any file. */
export const readableFiles: RegisterSuite = overWorld({
  abilities: { modes: async () => [0o600, 0o644] },
})
