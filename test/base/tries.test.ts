import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PrivityError } from '../../src/base/errors.ts'
import { afterConflicts, untilSteady } from '../../src/base/tries.ts'

/** Fails so often, each time in its own way. */
function losing(times: number): { readonly runs: () => number; run(): Promise<number> } {
  let runs = 0
  return {
    runs: () => runs,
    run: async () => {
      runs += 1
      if (runs <= times) throw new PrivityError('write_conflict', { attempts: runs })
      return runs
    },
  }
}

const small = fc.integer({ min: 1, max: 12 })

describe('attempts after conflicts', () => {
  test('are as many as it takes, and no more than there may be', async () => {
    const rule = fc.asyncProperty(small, fc.nat(12), async (attempts, conflicts) => {
      const { run, runs } = losing(conflicts)
      const [outcome] = await Promise.allSettled([afterConflicts(attempts, run)])
      expect(runs()).toBe(Math.min(conflicts + 1, attempts))
      const last = { code: 'write_conflict', details: { attempts } }
      if (conflicts < attempts) expect(outcome).toEqual({ status: 'fulfilled', value: runs() })
      else expect(outcome).toMatchObject({ status: 'rejected', reason: last })
    })
    await fc.assert(rule)
  })

  test('end with whatever else goes wrong', async () => {
    let runs = 0
    const run = async (): Promise<never> => {
      runs += 1
      throw new PrivityError('outcome_unknown', {})
    }
    await expect(afterConflicts(5, run)).rejects.toMatchObject({ code: 'outcome_unknown' })
    expect(runs).toBe(1)
  })
})

describe('looks until nothing changed', () => {
  test('are as many as it takes, and no more than there may be', async () => {
    const rule = fc.asyncProperty(small, fc.nat(12), async (looks, changes) => {
      let made = 0
      const look = async (): Promise<'stale' | undefined> => {
        made += 1
        return made <= changes ? 'stale' : undefined
      }
      const [outcome] = await Promise.allSettled([untilSteady(looks, look)])
      expect(made).toBe(Math.min(changes + 1, looks))
      const tired = { code: 'write_conflict', details: { attempts: looks } }
      if (changes < looks) expect(outcome).toEqual({ status: 'fulfilled', value: undefined })
      else expect(outcome).toMatchObject({ status: 'rejected', reason: tired })
    })
    await fc.assert(rule)
  })

  test('end with whatever goes wrong in one of them', async () => {
    const look = async (): Promise<'stale'> => {
      throw new PrivityError('not_found', { kind: 'subject' })
    }
    await expect(untilSteady(5, look)).rejects.toMatchObject({ code: 'not_found' })
  })
})
