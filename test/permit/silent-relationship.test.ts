import { memoryStore } from 'privity/memory'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  accessorsOf,
  type Acme,
  ACTORS,
  ANNA,
  collect,
  openAcme,
  refusal,
} from '../support/acme.ts'
import { addFamily, as, openHome } from '../support/household.ts'

const TOLD = {
  code: 'not_permitted',
  details: { purpose: 'support', reason: 'no_relationship', reasons: ['no_relationship'] },
}
const NEVER: Promise<boolean> = new Promise(() => undefined)

interface Desk {
  readonly acme: Acme
  readonly ids: readonly string[]
  /** Who was asked about since the app fell silent. */
  readonly asked: readonly string[]
  /** About some, or about everybody. */
  fallSilent(about?: readonly string[]): void
}

async function openDesk(people: number): Promise<Desk> {
  const asked: string[] = []
  let isSilent: (id: string) => boolean = () => false
  const acme = await openAcme(memoryStore(), {
    relationship: ({ subjectId }) => {
      asked.push(subjectId)
      return isSilent(subjectId) ? NEVER : true
    },
  })
  const registered = await Promise.all(
    Array.from({ length: people }, () => acme.subjects.register()),
  )
  const ids = registered.map(({ id }) => id).toSorted()
  const { support } = accessorsOf(acme)
  for (const [at, id] of ids.entries())
    await support.contact.create(id, { ...ANNA, email: `p${at}@example.com` })
  return {
    acme,
    ids,
    asked,
    fallSilent: (about) => {
      asked.length = 0
      isSilent = (id) => about?.includes(id) !== false
    },
  }
}

/** What it came to, and after how many seconds. */
async function timed<T>(
  call: Promise<T>,
): Promise<{ readonly outcome: Promise<T>; readonly seconds: number }> {
  let isSettled = false
  const end = (): void => {
    isSettled = true
  }
  call.then(end, end)
  let seconds = 0
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 200 && !isSettled; turn += 1)
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
  }
  await turns()
  for (; !isSettled && seconds < 60; seconds += 1) {
    await vi.advanceTimersByTimeAsync(1_000)
    await turns()
  }
  return { outcome: call, seconds }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('an app that does not answer in ten seconds has said no', async () => {
  const { acme, ids, fallSilent } = await openDesk(1)
  const [id = ''] = ids
  const { support } = accessorsOf(acme)
  fallSilent()
  for (const call of [
    () => support.contact.read(id),
    () => support.contact.select(id, ['name']),
    () => support.contact.update(id, { name: 'x' }),
    () => support.contact.create(id, ANNA),
  ]) {
    const { outcome, seconds } = await timed<unknown>(call())
    expect(await refusal(outcome)).toEqual(TOLD)
    expect(seconds).toBeGreaterThanOrEqual(10)
    expect(seconds).toBeLessThanOrEqual(11)
  }
  const { outcome } = await timed(
    acme.may({ subjectId: id, purpose: 'support', actor: ACTORS.support }),
  )
  expect(await outcome).toEqual({ allowed: false, reasons: ['no_relationship'] })
  await acme.close()
})

test('a listing ends where the app is silent: the next of so many would wait as long', async () => {
  const { acme, ids, asked, fallSilent } = await openDesk(6)
  const { support } = accessorsOf(acme)
  fallSilent([ids[3] ?? '', ids[4] ?? '', ids[5] ?? ''])
  const given: string[] = []
  async function list(): Promise<void> {
    for await (const { subjectId } of support.contact.list()) given.push(subjectId)
  }
  const listing = await timed(list())
  expect(await refusal(listing.outcome)).toEqual(TOLD)
  expect(given).toEqual(ids.slice(0, 3))
  expect(listing.seconds).toBeLessThanOrEqual(11)
  expect(asked).not.toContain(ids[4])
  const finding = await timed(collect(support.contact.find({ email: 'p4@example.com' })))
  expect(await refusal(finding.outcome)).toEqual(TOLD)
  await acme.close()
})

test('a listing of those who may not be seen anyway ends there as well, and says nothing of them', async () => {
  const { acme, asked, fallSilent } = await openDesk(3)
  fallSilent()
  const { marketing } = accessorsOf(acme)
  const { outcome, seconds } = await timed(collect(marketing.contact.list()))
  expect(await refusal(outcome)).toEqual({
    code: 'not_permitted',
    details: { ...TOLD.details, purpose: 'marketing' },
  })
  expect([asked.length, seconds <= 11]).toEqual([1, true])
  await acme.close()
})

test('the signal of the caller ends the wait', async () => {
  const { acme, ids, fallSilent } = await openDesk(2)
  const [id = ''] = ids
  const { support } = accessorsOf(acme)
  fallSilent()
  for (const call of [
    (signal: AbortSignal) => support.contact.read(id, { signal }),
    (signal: AbortSignal) => support.contact.update(id, { name: 'x' }, { signal }),
    (signal: AbortSignal) => collect(support.contact.list({ signal })),
    (signal: AbortSignal) => collect(support.contact.find({ email: 'p0@example.com' }, { signal })),
  ]) {
    const stop = new AbortController()
    const reason = new TypeError('enough')
    const running: Promise<unknown> = call(stop.signal)
    running.catch(() => undefined)
    await vi.advanceTimersByTimeAsync(2_000)
    stop.abort(reason)
    const { outcome, seconds } = await timed(running)
    await expect(outcome).rejects.toBe(reason)
    expect(seconds).toBe(0)
  }
  await acme.close()
})

test('an answer that comes too late is none, and a failure that does disturbs nobody', async () => {
  let settle: (() => void) | undefined
  for (const late of ['yes', 'error'] as const) {
    let isSlow = false
    const acme = await openAcme(memoryStore(), {
      relationship: () =>
        isSlow &&
        new Promise<boolean>((resolve, reject) => {
          settle = () => (late === 'yes' ? resolve(true) : reject(new TypeError('marker')))
        }),
    })
    const { id } = await acme.subjects.register()
    isSlow = true
    const { outcome } = await timed(accessorsOf(acme).support.contact.read(id))
    settle?.()
    expect(await refusal(outcome)).toEqual(TOLD)
    await acme.close()
  }
})

test('an app that takes nine seconds for each of many has answered', async () => {
  let isSlow = false
  const acme = await openAcme(memoryStore(), {
    relationship: async () => {
      if (!isSlow) return true
      await new Promise((resolve) => {
        setTimeout(resolve, 9_000)
      })
      return true
    },
  })
  const { support } = accessorsOf(acme)
  for (const name of ['Anna', 'Ben', 'Cleo']) {
    const { id } = await acme.subjects.register()
    await support.contact.create(id, { ...ANNA, name, email: `${name}@example.com` })
  }
  isSlow = true
  const { outcome } = await timed(collect(support.contact.list({ limit: 2 })))
  expect(await outcome).toHaveLength(2)
  await acme.close()
})

test('of a group, the first member of whom nothing is heard is the last who is asked about', async () => {
  const asked: string[] = []
  let isSilent = false
  const home = await openHome(memoryStore(), {
    relationship: ({ subjectId }) => {
      asked.push(subjectId)
      return isSilent ? NEVER : true
    },
  })
  const { ada, household } = await addFamily(home)
  isSilent = true
  const no = { ...TOLD, details: { ...TOLD.details, purpose: 'home' } }
  for (const call of [
    () => as(home).home.household.read(household),
    () => as(home).home.household.update(household, { rent: 'none' }),
  ]) {
    asked.length = 0
    const { outcome, seconds } = await timed<unknown>(call())
    expect(await refusal(outcome)).toEqual(no)
    expect([asked, seconds <= 11]).toEqual([[ada], true])
  }
  await home.close()
})
