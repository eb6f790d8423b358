import type { RegisterSuite } from './over-memory.ts'
import { overWorld } from './over-world.ts'

/** Gives every write a time, and lets the later time win. */
export const trustsTheClock: RegisterSuite = overWorld({
  build: (right, world) => {
    const written = new Map<string, number>()
    return {
      commit: async (batch) => {
        const put = batch.put.filter(([key]) => (written.get(key) ?? world.now) <= world.now)
        const kept = new Set(put.map(([key]) => key))
        const checks = batch.checks.filter(([key]) => kept.has(key) || batch.del.includes(key))
        await right.commit({ ...batch, checks, put })
        for (const [key] of put) written.set(key, world.now)
      },
    }
  },
})
