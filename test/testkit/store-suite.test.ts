import { expect, test } from 'vitest'
import { PrivityError } from '../../src/base/errors.ts'
import { storeSuite } from '../../src/testkit/store-suite.ts'
import { aliasingIn } from '../broken/aliasing-in.ts'
import { aliasingOut } from '../broken/aliasing-out.ts'
import { checksIgnored } from '../broken/checks-ignored.ts'
import { chunkedBatch } from '../broken/chunked-batch.ts'
import { conflictAsSuccess } from '../broken/conflict-as-success.ts'
import { earlyResolve } from '../broken/early-resolve.ts'
import { emptyAsAbsent } from '../broken/empty-as-absent.ts'
import { falseScrub } from '../broken/false-scrub.ts'
import { foreignErrors } from '../broken/foreign-errors.ts'
import { forgetsAtClose } from '../broken/forgets-at-close.ts'
import { lastWriteWins } from '../broken/last-write-wins.ts'
import { localeOrder } from '../broken/locale-order.ts'
import { offsetPaging } from '../broken/offset-paging.ts'
import { overFlakyMemory } from '../broken/over-flaky-memory.ts'
import { overMemory, type RegisterSuite } from '../broken/over-memory.ts'
import { poolViews } from '../broken/pool-views.ts'
import { quotingErrors } from '../broken/quoting-errors.ts'
import { swallowsFailure } from '../broken/swallows-failure.ts'
import { tornBatch } from '../broken/torn-batch.ts'
import { tornRead } from '../broken/torn-read.ts'
import { unknownAsConflict } from '../broken/unknown-as-conflict.ts'
import { unknownAsFailed } from '../broken/unknown-as-failed.ts'
import { wildcardScan } from '../broken/wildcard-scan.ts'
import { worksWhenClosed } from '../broken/works-when-closed.ts'

interface Broken {
  readonly mistake: string
  readonly register: RegisterSuite
  /** Cases that must fail; others may fail too. */
  readonly caughtBy: readonly string[]
}

const BROKEN: readonly Broken[] = [
  { mistake: 'lets the last write win', register: lastWriteWins, caughtBy: ['C24', 'C25'] },
  { mistake: 'ignores checks', register: checksIgnored, caughtBy: ['C13', 'C18', 'C24'] },
  {
    mistake: 'takes a conflict for success',
    register: conflictAsSuccess,
    caughtBy: ['C18', 'C25'],
  },
  { mistake: 'writes row by row', register: tornBatch, caughtBy: ['C13', 'C22', 'C23'] },
  { mistake: 'writes in chunks', register: chunkedBatch, caughtBy: ['C13', 'C22'] },
  { mistake: 'reads key by key', register: tornRead, caughtBy: ['C23'] },
  { mistake: 'has wildcards in prefixes', register: wildcardScan, caughtBy: ['C9', 'C56'] },
  { mistake: 'takes an empty value for none', register: emptyAsAbsent, caughtBy: ['C2'] },
  { mistake: 'looks into its arguments later', register: aliasingIn, caughtBy: ['C4'] },
  { mistake: 'gives out its cache', register: aliasingOut, caughtBy: ['C4', 'C29'] },
  { mistake: 'gives out views of a pool', register: poolViews, caughtBy: ['C4'] },
  { mistake: 'sorts as a language does', register: localeOrder, caughtBy: ['C8'] },
  { mistake: 'pages by offset', register: offsetPaging, caughtBy: ['C10'] },
  { mistake: 'resolves before it has written', register: earlyResolve, caughtBy: ['C1', 'C29'] },
  { mistake: 'works after close', register: worksWhenClosed, caughtBy: ['C43'] },
  { mistake: 'forgets its rows at close', register: forgetsAtClose, caughtBy: ['C46', 'C47'] },
  { mistake: 'lets foreign errors through', register: foreignErrors, caughtBy: ['C18', 'C36'] },
  { mistake: 'quotes what it refused', register: quotingErrors, caughtBy: ['C40'] },
  { mistake: 'swallows a failure', register: swallowsFailure, caughtBy: ['C14'] },
  { mistake: 'takes a lost answer for a failure', register: unknownAsFailed, caughtBy: ['C14'] },
  { mistake: 'takes a lost answer for a conflict', register: unknownAsConflict, caughtBy: ['C14'] },
  { mistake: 'claims a scrub it did not do', register: falseScrub, caughtBy: ['C53'] },
]

for (const { mistake, register, caughtBy } of BROKEN) {
  test(`the suite fails an adapter that ${mistake}`, async () => {
    const failed = await failedCases(register)
    expect(failed).toEqual(expect.arrayContaining([...caughtBy]))
  })
}

test('the suite passes the adapter that the broken ones are made from', async () => {
  expect(await failedCases(overMemory(() => ({})))).toEqual([])
})

test('the suite passes an adapter that is in doubt about every failure', async () => {
  const honest = overFlakyMemory(() => {
    throw new PrivityError('outcome_unknown', {})
  })
  expect(await failedCases(honest)).toEqual([])
})

test('what cannot be tried is registered as a test that says so', () => {
  const titles: string[] = []
  storeSuite({
    test: (title) => titles.push(title),
    open: () => Promise.reject(new TypeError('not opened here')),
  })
  const gaps = titles.filter((title) => title.startsWith('not proven'))
  expect(gaps).toEqual(
    expect.arrayContaining([
      'not proven, because the suite was given no failAt: C14 a failure anywhere inside a commit leaves all or nothing',
      'not proven, because the suite was given no kill: C31 ten killed processes lose nothing acknowledged',
      'not proven, because the suite was given no race: C27 two processes at once lose no update',
    ]),
  )
  expect(new Set(titles).size).toBe(titles.length)
})

/** Numbers of the cases that fail, each once. */
async function failedCases(register: RegisterSuite): Promise<readonly string[]> {
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
