import { expect, test } from 'vitest'
import { PrivityError } from '../../src/base/errors.ts'
import { endOfTurn } from '../../src/base/platform.ts'
import { storeSuite } from '../../src/testkit/store-suite.ts'
import { aliasingIn } from '../broken/aliasing-in.ts'
import { aliasingOut } from '../broken/aliasing-out.ts'
import { checksIgnored } from '../broken/checks-ignored.ts'
import { chunkedBatch } from '../broken/chunked-batch.ts'
import { conflictAsSuccess } from '../broken/conflict-as-success.ts'
import { endlessPages } from '../broken/endless-pages.ts'
import { earlyResolve } from '../broken/early-resolve.ts'
import { emptyAsAbsent } from '../broken/empty-as-absent.ts'
import { falseScrub } from '../broken/false-scrub.ts'
import { foreignErrors } from '../broken/foreign-errors.ts'
import { forgetsAtClose } from '../broken/forgets-at-close.ts'
import { inclusiveAfter } from '../broken/inclusive-after.ts'
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
import { cachedChecks } from '../broken/cached-checks.ts'
import { writeBehind } from '../broken/write-behind.ts'
import { foreignReadErrors } from '../broken/foreign-read-errors.ts'
import { fullAsSuccess } from '../broken/full-as-success.ts'
import { neverReconnects } from '../broken/never-reconnects.ts'
import { claimsDurability } from '../broken/claims-durability.ts'
import { unflushed } from '../broken/unflushed.ts'
import { pretendsToWrite } from '../broken/pretends-to-write.ts'
import { trustsTheClock } from '../broken/trusts-the-clock.ts'
import { floatingPromises } from '../broken/floating-promises.ts'
import { readableFiles } from '../broken/readable-files.ts'
import { halfOpened } from '../broken/half-opened.ts'
import { lostInScrub } from '../broken/lost-in-scrub.ts'
import { gathersRows } from '../broken/gathers-rows.ts'
import { retriesBlindly } from '../broken/retries-blindly.ts'
import { dropsWhileSilent } from '../broken/drops-while-silent.ts'
import { writesIntoNothing } from '../broken/writes-into-nothing.ts'
import { lockedPerTab } from '../broken/locked-per-tab.ts'
import { overWorld } from '../broken/over-world.ts'
import { worksWhenClosed } from '../broken/works-when-closed.ts'

interface Broken {
  readonly mistake: string
  readonly register: RegisterSuite
  /** Cases that must fail; they are the only ones that run. */
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
  {
    mistake: 'begins a page with the last key',
    register: inclusiveAfter,
    caughtBy: ['C10', 'C11'],
  },
  {
    mistake: 'overlooks where a page is to begin',
    register: endlessPages,
    caughtBy: ['C8', 'C10', 'C11'],
  },
  { mistake: 'resolves before it has written', register: earlyResolve, caughtBy: ['C1', 'C29'] },
  { mistake: 'works after close', register: worksWhenClosed, caughtBy: ['C43'] },
  { mistake: 'forgets its rows at close', register: forgetsAtClose, caughtBy: ['C46', 'C47'] },
  { mistake: 'lets foreign errors through', register: foreignErrors, caughtBy: ['C18', 'C36'] },
  { mistake: 'quotes what it refused', register: quotingErrors, caughtBy: ['C40'] },
  { mistake: 'swallows a failure', register: swallowsFailure, caughtBy: ['C14'] },
  { mistake: 'takes a lost answer for a failure', register: unknownAsFailed, caughtBy: ['C14'] },
  { mistake: 'takes a lost answer for a conflict', register: unknownAsConflict, caughtBy: ['C14'] },
  { mistake: 'claims a scrub it did not do', register: falseScrub, caughtBy: ['C53'] },
  { mistake: 'checks against its own cache', register: cachedChecks, caughtBy: ['C26'] },
  {
    mistake: 'acknowledges what is in its buffer',
    register: writeBehind,
    caughtBy: ['C29', 'C30'],
  },
  { mistake: 'lets the errors of reads through', register: foreignReadErrors, caughtBy: ['C41'] },
  { mistake: 'swallows a full disk', register: fullAsSuccess, caughtBy: ['C38'] },
  { mistake: 'never connects again', register: neverReconnects, caughtBy: ['C51'] },
  {
    mistake: 'claims more durability than there is',
    register: claimsDurability,
    caughtBy: ['C35'],
  },
  { mistake: 'acknowledges before it flushes', register: unflushed, caughtBy: ['C34'] },
  {
    mistake: 'pretends to write where it may only read',
    register: pretendsToWrite,
    caughtBy: ['C49'],
  },
  { mistake: 'lets the later time win', register: trustsTheClock, caughtBy: ['C60'] },
  { mistake: 'makes files that all may read', register: readableFiles, caughtBy: ['C52'] },
  { mistake: 'locks itself out when it dies', register: halfOpened, caughtBy: ['C32'] },
  { mistake: 'loses rows when it dies in a scrub', register: lostInScrub, caughtBy: ['C55'] },
  { mistake: 'keeps every row in memory', register: gathersRows, caughtBy: ['C59'] },
  { mistake: 'sends a batch again after a cut', register: retriesBlindly, caughtBy: ['C37'] },
  {
    mistake: 'drops what waits while the database is silent',
    register: dropsWhileSilent,
    caughtBy: ['C39'],
  },
  { mistake: 'writes into nothing', register: writesIntoNothing, caughtBy: ['C50'] },
  { mistake: 'locks one tab only', register: lockedPerTab, caughtBy: ['C28'] },
]

for (const { mistake, register, caughtBy } of BROKEN) {
  test(`the suite fails an adapter that ${mistake}`, async () => {
    expect(await failedCases(register, caughtBy)).toEqual([...caughtBy].sort(byNumber))
  })
}

test('the suite passes the adapter that the broken ones are made from', async () => {
  expect(await failedCases(overMemory(() => ({})))).toEqual([])
})

test('the suite passes the adapter to a database that things happen to', async () => {
  expect(await failedCases(overWorld({}))).toEqual([])
})

test('the suite passes an adapter that is in doubt about every failure', async () => {
  const honest = overFlakyMemory({
    commit: () => {
      throw new PrivityError('outcome_unknown', {})
    },
  })
  expect(await failedCases(honest)).toEqual([])
})

test('the suite has the sixty cases of the plan, each under its number', () => {
  const numbers = new Set<number>()
  storeSuite({
    test: (title) => {
      const number = /(?:^|: )C(\d+) /.exec(title)?.[1]
      if (!title.startsWith('not proven in all')) numbers.add(Number(number))
    },
    open: () => Promise.reject(new TypeError('not opened here')),
  })
  expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, at) => at + 1))
})

test('what cannot be tried is registered as a test that says so, and listed by the last one', () => {
  const titles: string[] = []
  storeSuite({
    test: (title) => titles.push(title),
    open: () => Promise.reject(new TypeError('not opened here')),
  })
  const gaps = titles.filter((title) => title.startsWith('not proven'))
  expect(gaps).toEqual(
    expect.arrayContaining([
      'not proven, because the suite was given no failAt: C14 a failure anywhere inside a commit leaves all or nothing',
      'not proven, because the suite was given no kill: C31 processes that are killed lose nothing acknowledged',
      'not proven, because the suite was given no race: C27 two processes at once lose no update',
    ]),
  )
  expect(titles.at(-1)).toMatch(/^not proven in all: /)
  for (const part of ['C14, C41 without failAt', 'C35 without durability', 'C31 without kill']) {
    expect(titles.at(-1)).toContain(part)
  }
  expect(new Set(titles).size).toBe(titles.length)
})

test('what cannot be tried is skipped by a runner that can skip, and nothing else is', () => {
  const [run, skipped]: [string[], string[]] = [[], []]
  storeSuite({
    test: Object.assign((title: string) => void run.push(title), {
      skip: (title: string) => skipped.push(title),
    }),
    open: () => Promise.reject(new TypeError('not opened here')),
  })
  expect(run.filter((title) => title.startsWith('not proven'))).toEqual([])
  expect(skipped.filter((title) => !title.startsWith('not proven'))).toEqual([])
  expect(skipped.at(-1)).toMatch(/^not proven in all: /)
})

test.for([
  {
    mistake: 'a page that begins too early',
    register: inclusiveAfter,
    number: 'C10',
    rule: 'after',
  },
  { mistake: 'pages without end', register: endlessPages, number: 'C11', rule: 'after' },
  {
    mistake: 'a commit that has not happened',
    register: earlyResolve,
    number: 'C1',
    rule: 'resolves',
  },
])('the first failure of $mistake names the rule', async ({ register, number, rule }) => {
  expect(await firstMessage(register, number)).toContain(rule)
})

test('the suite fails an adapter that leaves rejections unhandled', async () => {
  // The runner takes such a rejection for a failure of its own.
  const listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', () => undefined)
  try {
    expect(await failedCases(floatingPromises, ['C42'])).toEqual(['C42'])
    await endOfTurn()
  } finally {
    process.removeAllListeners('unhandledRejection')
    for (const listener of listeners) process.on('unhandledRejection', listener)
  }
})

/** Numbers of the cases that fail, each once; of all cases, or of those with these numbers. */
async function failedCases(
  register: RegisterSuite,
  numbers?: readonly string[],
): Promise<readonly string[]> {
  const cases: { readonly number: string; readonly run: () => Promise<void> }[] = []
  register((title, run) => {
    const number = title.split(' ')[0] ?? title
    if (numbers === undefined || numbers.includes(number)) cases.push({ number, run })
  })
  const failed = new Set<string>()
  for (const { number, run } of cases) {
    const outcome = await run().then(
      () => 'passed',
      () => 'failed',
    )
    if (outcome === 'failed') failed.add(number)
  }
  return [...failed].sort(byNumber)
}

/** Why the first test with this number fails. */
async function firstMessage(register: RegisterSuite, number: string): Promise<string> {
  const runs: (() => Promise<void>)[] = []
  register((title, run) => {
    if (title.startsWith(`${number} `)) runs.push(run)
  })
  const failure = await runs[0]?.().catch((error: unknown) => error)
  return failure instanceof Error ? failure.message : 'it passed'
}

function byNumber(a: string, b: string): number {
  return Number(a.slice(1)) - Number(b.slice(1))
}
