import { expect, test } from 'vitest'
import { keyProviderSuite } from '../../src/testkit/key-provider-suite.ts'
import {
  deadAsUnavailable,
  destroysAnything,
  destroysCurrent,
  destroysNothing,
  foreignKeyErrors,
  ignores,
  ignoresViews,
  joinsParts,
  keepsHex,
  keepsPlaintext,
  keepsSecrets,
  mixesCalls,
  neverNotices,
  newTimes,
  oneSecret,
  quotesKeys,
  racingRotations,
  reusesNumbers,
  sharesMemory,
  startsAnew,
  unauthenticated,
  wipesInput,
} from '../broken/key-mistakes.ts'
import {
  keyData,
  type KeyMistake,
  memoryKeys,
  overKeys,
  type RegisterKeySuite,
} from '../broken/over-keys.ts'

interface Broken {
  readonly mistake: string
  readonly by: KeyMistake
  /** Cases that must fail; others may fail too. */
  readonly caughtBy: readonly string[]
}

const BROKEN: readonly Broken[] = [
  { mistake: 'ignores the store', by: ignores('storeId'), caughtBy: ['K3'] },
  { mistake: 'ignores the class', by: ignores('accessClass'), caughtBy: ['K3'] },
  { mistake: 'ignores the salt', by: ignores('salt'), caughtBy: ['K3'] },
  { mistake: 'joins the parts of the context', by: joinsParts, caughtBy: ['K3'] },
  { mistake: 'authenticates nothing', by: unauthenticated, caughtBy: ['K3', 'K4', 'K5', 'K22'] },
  { mistake: 'stores the key in clear', by: keepsPlaintext, caughtBy: ['K2'] },
  { mistake: 'stores the key in digits', by: keepsHex, caughtBy: ['K2'] },
  { mistake: 'has one secret for all epochs', by: oneSecret, caughtBy: ['K22', 'K24'] },
  { mistake: 'destroys nothing', by: destroysNothing, caughtBy: ['K24'] },
  { mistake: 'destroys what is in use', by: destroysCurrent, caughtBy: ['K23'] },
  { mistake: 'destroys what never was', by: destroysAnything, caughtBy: ['K26'] },
  { mistake: 'gives a new time each time', by: newTimes, caughtBy: ['K25'] },
  { mistake: 'gives numbers out again', by: reusesNumbers, caughtBy: ['K27'] },
  { mistake: 'lets two rotations make one epoch', by: racingRotations, caughtBy: ['K28', 'K30'] },
  { mistake: 'does not notice other processes', by: neverNotices, caughtBy: ['K29'] },
  { mistake: 'keeps secrets that were destroyed', by: keepsSecrets, caughtBy: ['K24', 'K29'] },
  { mistake: 'takes a dead epoch for a silent one', by: deadAsUnavailable, caughtBy: ['K24'] },
  { mistake: 'lets foreign errors through', by: foreignKeyErrors, caughtBy: ['K3', 'K9'] },
  { mistake: 'quotes what it refused', by: quotesKeys, caughtBy: ['K9'] },
  { mistake: 'gives out memory that it uses again', by: sharesMemory, caughtBy: ['K7'] },
  { mistake: 'overwrites what it was given', by: wipesInput, caughtBy: ['K7'] },
  { mistake: 'takes a view for its memory', by: ignoresViews, caughtBy: ['K7'] },
  { mistake: 'mixes calls up', by: mixesCalls, caughtBy: ['K8'] },
  { mistake: 'starts anew when its secrets are away', by: startsAnew, caughtBy: ['K11'] },
]

test.for(BROKEN)('the suite fails a provider that $mistake', async ({ by, caughtBy }) => {
  expect(await failedCases(overKeys(by))).toEqual(expect.arrayContaining([...caughtBy]))
})

test('the suite passes the provider that the broken ones are made from', async () => {
  expect(await failedCases(overKeys(() => ({})))).toEqual([])
})

test('the suite fails a provider whose one epoch could die', async () => {
  const register: RegisterKeySuite = (test) => {
    keyProviderSuite({
      test,
      epochs: 'one',
      open: async () => ({ keys: memoryKeys(keyData()), dispose: async () => {} }),
    })
  }
  expect(await failedCases(register)).toEqual(['K20'])
})

test('what cannot be tried is registered as a test that says so', async () => {
  const titles: string[] = []
  keyProviderSuite({
    test: (title) => titles.push(title),
    epochs: 'many',
    open: () => Promise.reject(new TypeError('not opened here')),
  })
  expect(titles.filter((title) => title.startsWith('not proven'))).toEqual([
    'not proven, because the suite was given no again: K10 another process unwraps what one wrapped',
    'not proven, because the suite was given no outage: K11 secrets out of reach are unavailable, and no others are made in their place',
    'not proven, because the suite was given no again: K29 other processes notice new and dead epochs',
    'not proven, because the suite was given no again: K30 rotations in several processes make an epoch each',
    'not proven in all: K10, K29, K30 without again; K11 without outage',
  ])
  expect(new Set(titles).size).toBe(titles.length)
})

test('what is tried in full has no list of what is not proven', async () => {
  const titles: string[] = []
  const refuse = () => Promise.reject(new TypeError('not opened here'))
  const register = (title: string) => titles.push(title)
  keyProviderSuite({ test: register, epochs: 'many', open: refuse, again: refuse, outage: refuse })
  expect(titles.filter((title) => title.startsWith('not proven'))).toEqual([])
})

/** Numbers of the cases that fail, each once. */
async function failedCases(register: RegisterKeySuite): Promise<readonly string[]> {
  const cases: { readonly title: string; readonly run: () => Promise<void> }[] = []
  register((title, run) => cases.push({ title, run }))
  const failed = new Set<string>()
  for (const { title, run } of cases) {
    const outcome = await run().then(
      () => 'passed',
      () => 'failed',
    )
    if (outcome === 'failed') failed.add(title.split(' ')[0] ?? title)
  }
  return [...failed]
}
