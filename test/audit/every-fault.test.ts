import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryData, memoryStore } from '../../src/adapters/memory.ts'
import type { AccessFilter } from '../../src/audit/filter.ts'
import { writerLog } from '../../src/audit/writer.ts'
import { isPrivityError } from '../../src/base/errors.ts'
import { verifyLog } from '../../src/ledger/verify-log.ts'
import { guardStore } from '../../src/storage/guarded-store.ts'
import { type Fault, type FaultKind, faultyStore } from '../../src/testkit/faulty-store.ts'
import { collect, eagerClock, START } from '../support/acme.ts'
import { access, type Desk, faceOf, openDesk, storedTasks } from '../support/audit-desk.ts'

type Data = ReturnType<typeof memoryData>
type Mode = 'strict' | 'deferred'
type Fate = 'acknowledged' | 'refused' | 'unknown'
/** Carries out one call, whatever the store does. */
type Drive = <T>(call: Promise<T>) => Promise<T>

const SLOW = 120_000
const FOREIGN = new RangeError('anna@example.com')
const KINDS: readonly (readonly [string, FaultKind, unknown?])[] = [
  ['is refused', 'before'],
  ['is carried out, but its answer is lost', 'after-applied'],
  ['is carried out, but throws something foreign', 'after-applied', FOREIGN],
  ['is not carried out, and throws something foreign', 'before', FOREIGN],
  ['is delivered twice', 'double-delivery'],
]
const GROUPS = [['a'], ['b', 'c'], ['d', 'e', 'f'], ['g']] as const
const TASKS = GROUPS.flat()
const PERSON = 'q83vASNFZ4mrze8BI0VniQ'

interface Run {
  readonly data: Data
  readonly fates: ReadonlyMap<string, Fate>
  readonly calls: number
  release(): Promise<void>
}

async function settled(call: Promise<void>, drive: Drive): Promise<Fate> {
  try {
    await drive(call)
    return 'acknowledged'
  } catch (error) {
    if (!isPrivityError(error)) throw error
    return error.code === 'outcome_unknown' ? 'unknown' : 'refused'
  }
}

/** Logs in groups; what was deferred is flushed after each, again and again until it is stored. */
async function play(mode: Mode, plan: readonly Fault[], drive: Drive): Promise<Run> {
  const data = memoryData()
  const faulty = faultyStore(memoryStore({ share: data }), plan)
  const store = (): ReturnType<typeof guardStore> => guardStore(faulty)
  const desk = await openDesk({ data, store, mode, clock: eagerClock() })
  const fates = new Map<string, Fate>()
  for (const group of GROUPS) {
    const logging = group.map((task) => settled(desk.audit.record(access(task)), drive))
    for (const [at, fate] of (await Promise.all(logging)).entries())
      fates.set(group[at] ?? '', fate)
    for (const task of await flushed(desk, drive))
      if (mode === 'deferred') fates.set(task, 'unknown')
  }
  await drive(desk.audit.close()).catch((error: unknown) => {
    if (!isPrivityError(error)) throw error
  })
  return { data, fates, calls: faulty.calls.all, release: () => faulty.release() }
}

/** All tasks so far, if it is not known what became of an attempt to write them. */
async function flushed(desk: Desk, drive: Drive): Promise<readonly string[]> {
  let isDoubtful = false
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const fate = await settled(desk.audit.flush(), drive)
    if (fate === 'acknowledged') return isDoubtful ? TASKS : []
    isDoubtful ||= fate === 'unknown'
  }
  throw new TypeError('what was deferred was never written')
}

/** How often an access may be in the log, by what the app was told. */
const TIMES: { readonly [M in Mode]: { readonly [F in Fate]: readonly number[] } } = {
  strict: { acknowledged: [1], refused: [0], unknown: [0, 1] },
  // What was deferred is written again after an unknown outcome.
  deferred: { acknowledged: [1], refused: [0], unknown: [1, 2] },
}

function expectKept(mode: Mode, { fates }: Run, desk: Desk): void {
  const stored = storedTasks(desk)
  for (const task of TASKS) {
    const times = stored.filter((one) => one === task).length
    expect([task, TIMES[mode][fates.get(task) ?? 'unknown']]).toEqual([
      task,
      expect.arrayContaining([times]),
    ])
  }
  expect([...new Set(stored)]).toEqual(TASKS.filter((task) => stored.includes(task)))
}

/** Another process finds the log whole, and every index says what the log says. */
async function expectWhole(desk: Desk): Promise<void> {
  const writers = [...desk.data.rows.keys()].filter((key) => /\/w\/[0-9a-f]{4}\/head$/.test(key))
  for (const writer of writers.keys()) {
    const verified = await verifyLog(desk.store, writerLog(desk.deps, writer))
    expect(verified).toMatchObject({ ok: true, faults: [] })
  }
  for (const wanted of FILTERS) expect(await askTasks(desk, wanted)).toEqual(storedTasks(desk))
}

const FILTERS: readonly AccessFilter[] = [
  {},
  { subjectId: PERSON },
  { actor: 'staff:ida' },
  { purpose: 'support' },
]

async function askTasks(desk: Desk, wanted: AccessFilter): Promise<readonly string[]> {
  const records = await collect(faceOf(desk).query(wanted))
  return records.map(({ task }) => task ?? '')
}

async function survive(mode: Mode, fault: Fault, drive: Drive): Promise<void> {
  const run = await play(mode, [fault], drive)
  const other = await openDesk({ data: run.data, clock: eagerClock() })
  expectKept(mode, run, other)
  const before = storedTasks(other)
  await run.release()
  expect(storedTasks(other)).toEqual(before)
  await expectWhole(other)
}

const MODES: readonly Mode[] = ['strict', 'deferred']
const CASES = MODES.flatMap((mode) => KINDS.map((kind) => [mode, ...kind] as const))

describe('after any single fault of the store', () => {
  test.for(CASES)(
    'no access that was acknowledged is lost: %s, a call %s',
    { timeout: SLOW },
    async ([mode, , kind, error]) => {
      const drive: Drive = (call) => call
      const clean = await play(mode, [], drive)
      expect(clean.calls).toBeGreaterThan(8)
      expect([...clean.fates.values()]).toEqual(TASKS.map(() => 'acknowledged'))
      for (let nth = 1; nth <= clean.calls; nth += 1) {
        const fault = { nth, kind, ...(error === undefined ? {} : { error }) }
        await survive(mode, fault, drive).catch((failure: unknown) => {
          throw new TypeError(`call ${nth} of ${clean.calls}`, { cause: failure })
        })
      }
    },
  )

  test.for(KINDS)('a query tells all, or fails: a call %s', async ([, kind, error]) => {
    const { data } = await play('strict', [], (call) => call)
    const second = await openDesk({ data, clock: eagerClock() })
    await second.audit.record(access('h', { at: START + 1 }))
    const all = [...TASKS, 'h']
    for (const wanted of [...FILTERS, { from: '2026-11-21T00:00:00Z' }]) {
      let calls = 1
      for (let nth = 1; nth <= calls; nth += 1) {
        const fault = { nth, kind, ...(error === undefined ? {} : { error }) }
        const faulty = faultyStore(memoryStore({ share: data }), [fault])
        const desk = await openDesk({ data, store: () => guardStore(faulty) })
        await faulty.open()
        const answer = await askTasks(desk, wanted).catch((failure: unknown) => {
          if (!isPrivityError(failure)) throw failure
          return failure.code
        })
        calls = Math.max(calls, faulty.calls.all + 1)
        const isDone = nth > faulty.calls.all
        if (isDone || kind === 'double-delivery') expect(answer).toEqual(all)
        else expect(answer).toBe('store_unavailable')
        if (isDone) break
      }
      expect(calls).toBeGreaterThan(3)
    }
  })
})

describe('while the store hangs', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** Lets time go by until the call has an outcome. */
  async function impatient<T>(call: Promise<T>): Promise<T> {
    let isSettled = false
    const outcome = call.finally(() => {
      isSettled = true
    })
    outcome.catch(() => undefined)
    for (let turn = 0; !isSettled; turn += 1) {
      if (turn % 50 === 49) await vi.advanceTimersByTimeAsync(1_000)
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    return outcome
  }

  test.for(MODES)(
    'no access that was acknowledged is lost: %s',
    { timeout: SLOW },
    async (mode) => {
      const { calls } = await play(mode, [], impatient)
      for (let nth = 1; nth <= calls; nth += 1)
        await survive(mode, { nth, kind: 'hang' }, impatient)
    },
  )
})
