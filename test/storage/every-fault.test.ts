import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { isPrivityError } from '../../src/base/errors.ts'
import type { ErasurePlan } from '../../src/erasure/plan.ts'
import type { NoticeRef } from '../../src/notices/notice-ref.ts'
import type { Store } from '../../src/storage/store.ts'
import { PATIENCE } from '../../src/storage/patience.ts'
import {
  type Fault,
  type FaultKind,
  type FaultyStore,
  faultyStore,
} from '../../src/testkit/faulty-store.ts'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  eagerClock,
  openAcme,
  publishNotice,
} from '../support/acme.ts'

/** What the app keeps between the steps. */
interface Memo {
  id: string
  servedId: string
  notice: NoticeRef | undefined
  plan: ErasurePlan | undefined
}

interface Step {
  readonly name: string
  run(acme: Acme, memo: Memo): Promise<void>
  /** The same once more, after an error that left open whether it was applied. */
  again?(acme: Acme, memo: Memo): Promise<void>
}

const EXTERNAL = 'crm:1'
const NOBODY = '0'.repeat(32)
const SLOW = 120_000

const STEPS: readonly Step[] = [
  {
    name: 'register',
    run: async (acme, memo) => {
      const { id } = await acme.subjects.register({ externalId: EXTERNAL, jurisdiction: 'NL' })
      memo.id = id
    },
    again: async (acme, memo) => {
      const found = await acme.subjects.find({ externalId: EXTERNAL })
      memo.id = (found ?? (await acme.subjects.register({ externalId: EXTERNAL }))).id
    },
  },
  {
    name: 'create',
    run: (acme, { id }) =>
      accessorsOf(acme).support.contact.create(id, ANNA, { operationId: 'create' }),
  },
  {
    name: 'publish',
    run: async (acme, memo) => {
      memo.notice = await publishNotice(acme)
    },
  },
  {
    name: 'serve',
    run: async (acme, memo) => {
      const to = { subjectId: memo.id, language: 'en' }
      memo.servedId = (await acme.notices.serve(known(memo.notice), to)).servedId
    },
  },
  {
    name: 'give',
    run: async (acme, { id, notice, servedId }) => {
      const method = { channel: 'web', servedId } as const
      const input = { purposes: ['marketing'], notice: known(notice), method } as const
      await acme.consent.give(id, input, { operationId: 'give' })
    },
  },
  {
    name: 'withdraw',
    run: async (acme, { id }) => {
      await acme.consent.withdraw(id, { purposes: ['marketing'] }, { operationId: 'withdraw' })
    },
  },
  {
    name: 'read',
    run: async (acme, { id }) => {
      expect({ ...(await accessorsOf(acme).support.contact.read(id)) }).toMatchObject(ANNA)
    },
  },
  {
    name: 'plan',
    run: async (acme, memo) => {
      memo.plan = await acme.erasure.plan(memo.id, { reason: 'subject_request' })
    },
  },
  {
    name: 'erase',
    run: async (acme, { plan }) => {
      await acme.erasure.run(known(plan))
    },
    again: async (acme, { plan }) => {
      await acme.erasure.resume(known(plan).erasureId)
    },
  },
  { name: 'close', run: (acme) => acme.close(), again: async () => undefined },
]

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('an earlier step did not run')
  return value
}

/** What an app can see of the person, as plain values. */
interface Seen {
  readonly registered: boolean
  readonly contact: unknown
  readonly marketing: unknown
  readonly history: unknown
}

type Rows = ReturnType<typeof memoryData>

/** A process of its own without faults looks at what is there. */
async function see(rows: Rows): Promise<Seen> {
  const acme = await reopen(rows)
  const found = await acme.subjects.find({ externalId: EXTERNAL })
  const id = found?.id ?? lastId(rows) ?? NOBODY
  const seen = {
    registered: found !== undefined,
    contact: await shown(
      accessorsOf(acme)
        .support.contact.read(id)
        .then((view) => ({ ...view })),
    ),
    marketing: await shown(
      acme.consent.status(id, 'marketing').then(({ state, permits }) => ({ state, permits })),
    ),
    history: await shown(
      collect(acme.consent.history(id)).then((entries) => entries.map(({ state }) => state)),
    ),
  }
  await acme.close()
  return seen
}

/** After an erasure nothing but the fence tells who it was. */
function lastId({ rows }: Rows): string | undefined {
  const documents = [...rows.keys()].flatMap((key) => /\/p\/([0-9a-f]{32})$/.exec(key)?.[1] ?? [])
  return documents[0]
}

async function shown(value: Promise<unknown>): Promise<unknown> {
  try {
    return await value
  } catch (error) {
    if (isPrivityError(error)) return error.code
    throw error
  }
}

function reopen(rows: Rows): Promise<Acme> {
  return openAcme(memoryStore({ share: rows }), { clock: eagerClock() })
}

function emptyMemo(): Memo {
  return { id: NOBODY, servedId: '', notice: undefined, plan: undefined }
}

/** The states before and after each step, and how often the store was called up to there. */
interface CleanRun {
  readonly states: readonly Seen[]
  readonly calls: readonly number[]
}

async function cleanRun(): Promise<CleanRun> {
  const rows = memoryData()
  const store = faultyStore(memoryStore({ share: rows }), [])
  const acme = await openAcme(store, { clock: eagerClock() })
  const memo = emptyMemo()
  const states = [await see(rows)]
  const calls = [store.calls.all]
  for (const step of STEPS) {
    await step.run(acme, memo)
    states.push(await see(rows))
    calls.push(store.calls.all)
  }
  return { states, calls }
}

/** What a failed step may have left, by what it said. */
function allowed(step: Step, clean: CleanRun, code: string): readonly Seen[] {
  const at = STEPS.indexOf(step)
  const [before, after] = [known(clean.states[at]), known(clean.states[at + 1])]
  const fenced = { ...after, registered: true }
  // An erasure goes on from any of its steps: the fence, then the rows, then the certificate.
  if (step.name === 'erase') return [before, fenced, after]
  return code === 'outcome_unknown' ? [before, after] : [before]
}

interface FaultyRun {
  readonly rows: Rows
  readonly clean: CleanRun
  readonly memo: Memo
  /** Carries out one call of the app, whatever the store does. */
  readonly drive: <T>(call: Promise<T>) => Promise<T>
  readonly hasFired: () => boolean
}

/** Plays until the fault shows; resolves to the steps that are left. */
async function playFaulty(store: Store, run: FaultyRun): Promise<readonly Step[]> {
  const { rows, clean, memo, drive, hasFired } = run
  let acme: Acme
  try {
    acme = await drive(openAcme(store, { clock: eagerClock() }))
  } catch (error) {
    expect(isPrivityError(error)).toBe(true)
    expect(await see(rows)).toEqual(clean.states[0])
    return STEPS
  }
  for (const [index, step] of STEPS.entries()) {
    try {
      await drive(step.run(acme, memo))
    } catch (error) {
      if (!isPrivityError(error)) throw error
      expect(allowed(step, clean, error.code)).toContainEqual(await see(rows))
      return STEPS.slice(index)
    }
    if (hasFired())
      expect([step.name, await see(rows)]).toEqual([step.name, clean.states[index + 1]])
  }
  return []
}

/** Another process goes on, from the step that failed. */
async function finish(rest: readonly Step[], { rows, clean, memo }: FaultyRun): Promise<void> {
  const acme = await reopen(rows)
  for (const [index, step] of rest.entries()) {
    await (index === 0 && step.again !== undefined ? step.again(acme, memo) : step.run(acme, memo))
    expect([step.name, await see(rows)]).toEqual([step.name, clean.states[STEPS.indexOf(step) + 1]])
  }
}

async function expectVerified(rows: Rows): Promise<void> {
  const acme = await reopen(rows)
  expect(await acme.ledger.verify()).toMatchObject({ ok: true, faults: [] })
  await acme.close()
}

async function survive(fault: Fault, clean: CleanRun, drive: FaultyRun['drive']): Promise<void> {
  const rows = memoryData()
  const store = faultyStore(memoryStore({ share: rows }), [fault])
  const hasFired = (): boolean => store.calls.all >= fault.nth
  const run: FaultyRun = { rows, clean, memo: emptyMemo(), drive, hasFired }
  const rest = await playFaulty(store, run)
  await expectVerified(rows)
  // What was delivered late or twice changes nothing.
  const before = await see(rows)
  await store.release()
  expect(await see(rows)).toEqual(before)
  await finish(rest, run)
  expect(await see(rows)).toEqual(clean.states.at(-1))
  await expectVerified(rows)
}

const FOREIGN = new RangeError('anna@example.com')

describe('after any single fault of the store', () => {
  const kinds: readonly (readonly [string, FaultKind, unknown?])[] = [
    ['is refused', 'before'],
    ['is carried out, but its answer is lost', 'after-applied'],
    ['is carried out, but throws something foreign', 'after-applied', FOREIGN],
    ['is not carried out, and throws something foreign', 'before', FOREIGN],
    ['is delivered twice', 'double-delivery'],
  ]
  test.for(kinds)(
    'nothing acknowledged is lost when a call %s',
    { timeout: SLOW },
    async ([, kind, error]) => {
      const clean = await cleanRun()
      const calls = known(clean.calls.at(-1))
      expect(calls).toBeGreaterThan(50)
      for (let nth = 1; nth <= calls; nth += 1) {
        try {
          await survive(
            { nth, kind, ...(error === undefined ? {} : { error }) },
            clean,
            (call) => call,
          )
        } catch (failure) {
          throw new TypeError(`call ${nth} of ${calls}: ${String(failure)}`, { cause: failure })
        }
      }
    },
  )
})

describe('an erasure in one call', () => {
  /** How many rows are left after a fault of one call and a second try; undefined if it never came. */
  async function leftAfter(nth: number, kind: FaultKind): Promise<number | undefined> {
    const rows = memoryData()
    const memo = emptyMemo()
    const before = await reopen(rows)
    for (const step of STEPS.slice(0, 2)) await step.run(before, memo)
    await before.close()
    const counted = faultyStore(memoryStore({ share: rows }), [])
    await openAcme(counted, { clock: eagerClock() })
    const fault = { nth: counted.calls.all + nth, kind }
    const store = faultyStore(memoryStore({ share: rows }), [fault])
    const acme = await openAcme(store, { clock: eagerClock() })
    const ask = { reason: 'subject_request' }
    await shown(acme.erasure.erase(memo.id, ask))
    if (store.calls.all < fault.nth) return undefined
    await shown(acme.erasure.erase(memo.id, ask))
    expect(await shown(acme.consent.status(memo.id, 'marketing'))).toBe('erased')
    await acme.close()
    return [...rows.rows.keys()].filter((key) => key.includes(`/p/${memo.id}/`)).length
  }

  const kinds: readonly FaultKind[] = ['before', 'after-applied']
  test.for(kinds)('is finished by asking again, whichever call failed: %s', async (kind) => {
    const unfinished: string[] = []
    let nth = 1
    for (let left = await leftAfter(nth, kind); left !== undefined; ) {
      if (left > 0) unfinished.push(`call ${nth}: ${left} rows left`)
      nth += 1
      left = await leftAfter(nth, kind)
    }
    expect(nth).toBeGreaterThan(10)
    expect(unfinished).toEqual([])
  })
})

describe('while the store hangs', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** Once the store hangs, the patience of the app runs out; in the end the store answers. */
  async function impatient<T>(call: Promise<T>, store: FaultyStore, nth: number): Promise<T> {
    let isSettled = false
    const outcome = call.finally(() => {
      isSettled = true
    })
    outcome.catch(() => undefined)
    await until(() => isSettled || store.calls.all >= nth)
    for (let second = 0; second < 25 && !isSettled; second += 1) {
      await vi.advanceTimersByTimeAsync(1_000)
      for (let turn = 0; turn < 20 && !isSettled; turn += 1) await nextTurn()
    }
    if (!isSettled) await store.release()
    return outcome
  }

  test('nothing acknowledged is lost', { timeout: SLOW }, async () => {
    const clean = await cleanRun()
    for (let nth = 1; nth <= known(clean.calls.at(-1)); nth += 1) {
      const rows = memoryData()
      const store = faultyStore(memoryStore({ share: rows }), [{ nth, kind: 'hang' }])
      const drive = <T>(call: Promise<T>): Promise<T> => impatient(call, store, nth)
      const hasFired = (): boolean => store.calls.all >= nth
      const run: FaultyRun = { rows, clean, memo: emptyMemo(), drive, hasFired }
      const rest = await playFaulty(store, run)
      await expectVerified(rows)
      await finish(rest, run)
      expect(await see(rows)).toEqual(clean.states.at(-1))
      await expectVerified(rows)
    }
  })

  test('no call of the app waits longer than its patience', { timeout: SLOW }, async () => {
    const clean = await cleanRun()
    const stuck: string[] = []
    for (let nth = 1; nth <= known(clean.calls.at(-1)); nth += 1) {
      const store = faultyStore(memoryStore(), [{ nth, kind: 'hang' }])
      const memo = emptyMemo()
      let at = 'open'
      const run = openAcme(store, { clock: eagerClock() }).then(async (acme) => {
        for (const step of STEPS) {
          at = step.name
          await step.run(acme, memo)
        }
      })
      let isSettled = false
      const settled = run.then(
        () => undefined,
        () => undefined,
      )
      settled.then(() => {
        isSettled = true
      })
      await until(() => isSettled || store.calls.all >= nth)
      await vi.advanceTimersByTimeAsync(PATIENCE)
      for (let turn = 0; turn < 200 && !isSettled; turn += 1) await nextTurn()
      if (!isSettled) stuck.push(at)
      await store.release()
      await settled
    }
    expect([...new Set(stuck)]).toEqual([])
  })
})

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await nextTurn()
}
