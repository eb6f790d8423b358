import { afterAll, beforeAll, expect, test } from 'vitest'
import { type memoryData, memoryStore } from '../../src/adapters/memory.ts'
import type { Store } from '../../src/storage/store.ts'
import { simulate, SIMULATED_FAULTS, type Simulated } from '../../src/testkit/simulate.ts'
import { appendingScenario, siteOf } from '../support/simulated-log.ts'

const SEEDS = process.env['PRIVITY_TORTURE'] === undefined ? 10_000 : 100_000
const FIRST = Number(process.env['PRIVITY_SEED'] ?? 1)
const COUNT = process.env['PRIVITY_SEED'] === undefined ? SEEDS : 1
const SLOW = 3_600_000
const SITES = [
  'read of head',
  'read of o',
  'read of row',
  'scan of e',
  'commit of e',
  'commit of head',
  'commit of o',
  'commit of row',
] as const

// A tenth of the time goes into stacks of errors that nobody reads.
const { stackTraceLimit } = Error
beforeAll(() => {
  Error.stackTraceLimit = 0
})
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit
})

function replay(seed: number): string {
  return `PRIVITY_SEED=${seed} npx vitest run test/testkit/simulate.test.ts`
}

function run(seed: number, connect?: Parameters<typeof appendingScenario>[0]): Promise<Simulated> {
  return simulate({ seed, scenario: () => appendingScenario(connect), siteOf, replay, faults: 10 })
}

test('no seed makes the write queue lose, repeat or reorder anything', {
  timeout: SLOW,
}, async () => {
  const met = new Map<string, number>()
  for (let seed = FIRST; seed < FIRST + COUNT; seed += 1) {
    for (const [pair, times] of (await run(seed)).met) met.set(pair, (met.get(pair) ?? 0) + times)
  }
  if (COUNT < SEEDS) return
  const pairs = SITES.flatMap((site) => SIMULATED_FAULTS.map((fault) => `${fault} at ${site}`))
  expect(pairs.filter((pair) => (met.get(pair) ?? 0) < 10)).toEqual([])
  expect([...met.keys()].filter((pair) => !pairs.includes(pair))).toEqual([])
})

test('a seed simulates the same each time, and another one something else', async () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const first = await run(seed)
    const second = await run(seed)
    expect(second.trace).toEqual(first.trace)
    expect([...second.met]).toEqual([...first.met])
  }
  expect((await run(1)).trace).not.toEqual((await run(2)).trace)
})

/** An adapter with a mistake that only shows when calls meet. */
function ignoresChecks(share: ReturnType<typeof memoryData>): Store {
  const right = memoryStore({ share })
  return { ...right, commit: (batch) => right.commit({ ...batch, checks: [] }) }
}

test('a store that loses updates is found, and the line of its seed repeats it', async () => {
  const failures: { readonly seed: number; readonly message: string }[] = []
  for (let seed = 1; seed <= 20; seed += 1) {
    await run(seed, ignoresChecks).catch(({ message }: Error) => failures.push({ seed, message }))
  }
  expect(failures.length).toBeGreaterThan(0)
  for (const { seed, message } of failures) {
    expect(message.split('\n').at(-1)).toBe(`replay: ${replay(seed)}`)
    await expect(run(seed, ignoresChecks)).rejects.toThrow(message)
  }
})

test('what an instance throws ends the simulation with its seed', async () => {
  const scenario = (): ReturnType<typeof appendingScenario> => ({
    ...appendingScenario(),
    live: async () => {
      throw new RangeError('a mistake of the app')
    },
  })
  await expect(simulate({ seed: 7, scenario })).rejects.toThrow(
    /a mistake of the app\nreplay: seed 7/,
  )
})

test('an instance that waits for what is not simulated is found', { timeout: 60_000 }, async () => {
  const scenario = (): ReturnType<typeof appendingScenario> => ({
    ...appendingScenario(),
    live: () => new Promise(() => undefined),
  })
  await expect(simulate({ seed: 7, scenario })).rejects.toThrow(/waits for something that is not/)
})
