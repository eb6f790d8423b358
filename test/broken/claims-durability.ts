import type { RegisterSuite } from './over-memory.ts'
import { overWorld } from './over-world.ts'

/** Reports the level that it asked for, and not the one that the database gives. */
export const claimsDurability: RegisterSuite = overWorld({
  build: (right) => ({ open: async () => ({ ...(await right.open()), durability: 'power-loss' }) }),
})
