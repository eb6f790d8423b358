import { expect, test } from 'vitest'
import { simulate, SIMULATED_FAULTS } from '../../src/testkit/simulate.ts'
import { acmeScenario, makeTemplate, oneIn, siteOf } from '../support/simulated-acme.ts'

const FIRST = Number(process.env['PRIVITY_SEED'] ?? 1)
const SEEDS = process.env['PRIVITY_TORTURE'] === undefined ? 200 : 10_000
const COUNT = process.env['PRIVITY_SEED'] === undefined ? SEEDS : 1
/** The rows that every operation goes through: people, log, accesses and what the controller keeps. */
const SITES = [
  'read of p',
  'read of l',
  'read of w',
  'read of c',
  'commit of p',
  'commit of l',
  'commit of w',
] as const
const SLOW = 3_600_000

function replay(seed: number): string {
  return `PRIVITY_SEED=${seed} npx vitest run test/testkit/simulate-sdk.test.ts`
}

test('no seed makes the SDK lose, repeat or contradict anything', { timeout: SLOW }, async () => {
  const template = await makeTemplate()
  const met = new Map<string, number>()
  for (let seed = FIRST; seed < FIRST + COUNT; seed += 1) {
    const scenario = (): ReturnType<typeof acmeScenario> => acmeScenario(template)
    const simulated = await simulate({ seed, scenario, siteOf, oneIn, replay, faults: 12 })
    for (const [pair, times] of simulated.met) met.set(pair, (met.get(pair) ?? 0) + times)
  }
  if (COUNT < SEEDS) return
  const pairs = SITES.flatMap((site) => SIMULATED_FAULTS.map((fault) => `${fault} at ${site}`))
  expect(pairs.filter((pair) => (met.get(pair) ?? 0) < 10)).toEqual([])
})

test('an adapter that ignores checks is found, and named with its seed', {
  timeout: SLOW,
}, async () => {
  const template = await makeTemplate()
  const failures: string[] = []
  for (let seed = 1; seed <= 5; seed += 1) {
    const scenario = (): ReturnType<typeof acmeScenario> =>
      acmeScenario(template, (right) => ({
        commit: (batch) => right.commit({ ...batch, checks: [] }),
      }))
    await simulate({ seed, scenario, siteOf, oneIn, replay }).catch((error: Error) => {
      failures.push(error.message.split('\n').at(-1) ?? '')
    })
  }
  expect(failures.length).toBeGreaterThan(0)
  for (const line of failures) expect(line).toMatch(/^replay: PRIVITY_SEED=\d npx vitest run test/)
})
