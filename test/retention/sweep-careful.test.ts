import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type ErasureHook,
  localKeys,
} from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import {
  collect,
  controller,
  eagerClock,
  type FakeClock,
  refusal,
  SECRET,
} from '../support/acme.ts'
import { hookedStore } from '../support/hooked-store.ts'

const START = Date.UTC(2026, 0, 15)
const ACTOR = { id: 'staff:ida', roles: ['agent'] } as const
const REASON = { reason: 'subject_request' } as const
const HOLD = { matter: 'c1', reviewAt: '2040-01-01T00:00:00Z' } as const

/** Two consents of which one has a grace, and a policy of which one deployment can say something else. */
function policyOf({
  a = { basis: 'consent', description: 'A', erasureGrace: { days: 30 } },
  version = '1',
}: {
  readonly a?: object
  readonly version?: string
} = {}) {
  const purposes = definePurposes({
    a: a as { basis: 'consent'; description: string },
    b: { basis: 'consent', description: 'B' },
    books: { basis: 'legal_obligation', description: 'Books' },
  })
  const note = defineRecord(purposes, ({ field }) => ({
    onlyA: field(z.string().exactOptional(), { purposes: ['a'] }),
    onlyB: field(z.string().exactOptional(), { purposes: ['b'] }),
    both: field(z.string().exactOptional(), { purposes: ['a', 'b'] }),
    law: field(z.string().exactOptional(), {
      purposes: ['b'],
      floor: { keep: { years: 1 }, from: 'created', ground: 'Law 1' },
    }),
  }))
  const bill = defineRecord(
    purposes,
    ({ field }) => ({ sum: field(z.int(), { purposes: ['books'] }) }),
    {
      many: true,
      events: ['shut'],
      floor: { keep: { years: 3 }, from: 'shut', ground: 'Law 2' },
    },
  )
  return definePolicy({
    controller,
    version,
    purposes,
    records: { note, bill },
    roles: { agent: { purposes: ['a', 'b', 'books'] } },
  })
}

interface Opening {
  readonly share: MemoryData
  readonly clock: FakeClock
  readonly policy?: ReturnType<typeof policyOf>
  readonly onCommit?: (nth: number) => void
  readonly hooks?: readonly ErasureHook[]
}

async function open({ share, clock, policy = policyOf(), onCommit, hooks = [] }: Opening) {
  const store = hookedStore(memoryStore({ share }), {
    commit: (_, next, nth) => {
      onCommit?.(nth)
      return next()
    },
  })
  const privity = await createPrivity({ policy, store, keys: localKeys(SECRET), clock, hooks })
  const as = <Q extends 'a' | 'b' | 'books'>(purpose: Q) =>
    privity.accessor({ purpose, actor: ACTOR })
  return { privity, as }
}

async function withSomebody() {
  const share = memoryData()
  const clock = eagerClock(START)
  const opened = await open({ share, clock })
  const { privity, as } = opened
  const { id } = await privity.subjects.register()
  const notice = await privity.notices.publish({ id: 'n', version: '1', texts: { en: 'w' } })
  const give = (...purposes: readonly ('a' | 'b')[]) =>
    privity.consent.give(id, { purposes, notice, method: { channel: 'paper' } })
  await give('a', 'b')
  await as('a').note.create(id, { onlyA: 'A', both: 'AB' })
  await as('b').note.update(id, { onlyB: 'B', law: 'L' })
  return { ...opened, share, clock, id, give }
}

async function faults({ privity }: Awaited<ReturnType<typeof open>>): Promise<unknown> {
  return (await privity.ledger.verify({ deep: true })).faults
}

describe('a sweep after a withdrawal', () => {
  test('waits for the grace of every purpose that saw a field', async () => {
    const it = await withSomebody()
    const { data } = await it.privity.consent.withdraw(it.id, { purposes: ['a', 'b'] })
    expect(data?.goes.find(({ fields }) => fields.includes('both'))?.at).toMatch(/^2026-02-14/)
    await it.privity.retention.sweep()
    await it.give('a')
    expect(await it.as('a').note.read(it.id)).toEqual({ onlyA: 'A', both: 'AB' })
    await it.privity.consent.withdraw(it.id, { purposes: ['a'] })
    it.clock.advance({ days: 30 })
    await it.privity.retention.sweep()
    await it.give('a', 'b')
    expect(await it.as('a').note.read(it.id)).toEqual({})
    expect(await it.as('b').note.read(it.id)).toEqual({ law: 'L' })
    expect(await faults(it)).toEqual([])
  })

  test('erases nothing of a purpose that rests on another basis by now', async () => {
    const it = await withSomebody()
    await it.privity.consent.withdraw(it.id, { purposes: ['b'] })
    await it.privity.close()
    const policy = policyOf({ a: { basis: 'contract', description: 'A' }, version: '2' })
    it.clock.advance({ days: 400 })
    const later = await open({ ...it, policy })
    await later.privity.retention.sweep()
    expect(await later.as('a').note.read(it.id)).toEqual({ onlyA: 'A', both: 'AB' })
    expect(await faults(later)).toEqual([])
  })

  test('comes back to what a law kept, once the law lets it go', async () => {
    const it = await withSomebody()
    const { data } = await it.privity.consent.withdraw(it.id, { purposes: ['b'] })
    expect(data?.stays).toContainEqual({
      record: 'note',
      field: 'law',
      ground: 'Law 1',
      until: '2027-01-15T00:00:00.000Z',
    })
    expect(await it.privity.retention.sweep()).toMatchObject({ people: 1, failed: 0 })
    it.clock.set(Date.UTC(2027, 0, 15))
    await it.privity.retention.sweep()
    await it.give('b')
    expect(await it.as('b').note.read(it.id)).toEqual({ both: 'AB' })
  })

  test('comes back to what was under a hold, once that is released', async () => {
    const it = await withSomebody()
    const { holdId } = await it.privity.retention.hold(it.id, HOLD)
    await it.privity.consent.withdraw(it.id, { purposes: ['a', 'b'] })
    it.clock.advance({ days: 31 })
    await it.privity.retention.sweep()
    it.clock.advance({ days: 31 })
    await it.privity.retention.releaseHold(it.id, holdId)
    await it.privity.retention.sweep()
    await it.give('a', 'b')
    expect(await it.as('a').note.read(it.id)).toEqual({})
  })

  test('erases nothing that a consent or a hold came for while it was at work', async () => {
    for (const comes of ['consent', 'hold'] as const) {
      const outcomes = new Set<string>()
      for (let nth = 1; nth <= 12; nth += 1) {
        const it = await withSomebody()
        await it.privity.consent.withdraw(it.id, { purposes: ['a', 'b'] })
        it.clock.advance({ days: 31 })
        let isSweeping = false
        let commits = 0
        let coming: Promise<unknown> | undefined
        const other = await open({
          ...it,
          onCommit: () => {
            commits += isSweeping ? 1 : 0
            if (isSweeping && commits === nth)
              coming = comes === 'hold' ? it.privity.retention.hold(it.id, HOLD) : it.give('a', 'b')
          },
        })
        isSweeping = true
        await other.privity.retention.sweep()
        isSweeping = false
        if (coming === undefined) continue
        await coming
        if (comes === 'hold') await it.give('a', 'b')
        const { onlyA } = await it.as('a').note.read(it.id)
        outcomes.add(onlyA === undefined ? 'erased before' : 'kept')
        expect(await faults(it)).toEqual([])
      }
      expect([...outcomes].sort()).toEqual(['erased before', 'kept'])
    }
  }, 60_000)

  test('that a hook blocked erases nothing of what a new consent is for', async () => {
    const it = await withSomebody()
    let isDown = true
    const hook: ErasureHook = {
      id: 'crm',
      partial: true,
      needsPlaintext: true,
      plan: async () => [{ id: 'row', description: 'row', count: 1 }],
      execute: async () => (isDown ? { blocked: 'down' } : 'done'),
      verify: async () => 'absent',
    }
    const hooked = await open({ ...it, hooks: [hook] })
    await hooked.privity.consent.withdraw(it.id, { purposes: ['a', 'b'] })
    it.clock.advance({ days: 31 })
    expect(await hooked.privity.retention.sweep()).toMatchObject({ failed: 1 })
    expect(await hooked.privity.retention.sweep()).toMatchObject({ failed: 1 })
    expect(await collect(hooked.privity.erasure.pending())).toHaveLength(1)
    await it.give('a', 'b')
    await it.as('a').note.update(it.id, { onlyA: 'new' })
    isDown = false
    for await (const { erasureId } of hooked.privity.erasure.pending())
      await hooked.privity.erasure.retry(erasureId, { hook: 'crm' })
    it.clock.advance({ hours: 1 })
    await hooked.privity.erasure.work()
    await hooked.privity.retention.sweep()
    expect(await it.as('a').note.read(it.id)).toMatchObject({ onlyA: 'new', both: 'AB' })
    expect(await collect(hooked.privity.erasure.pending())).toEqual([])
    expect(await faults(it)).toEqual([])
  })

  test('is refused to a process whose policy is no longer the newest', async () => {
    const it = await withSomebody()
    const newer = await open({ ...it, policy: policyOf({ version: '2' }) })
    await newer.privity.consent.withdraw(it.id, { purposes: ['b'] })
    expect((await refusal(it.privity.retention.sweep())).code).toBe('policy_outdated')
    expect(await newer.privity.retention.sweep()).toMatchObject({ people: 1, failed: 0 })
  })
})

describe('an erasure in a process with an older policy', () => {
  test('is refused where the newest keeps something by law', async () => {
    const it = await withSomebody()
    const newer = await open({ ...it, policy: policyOf({ version: '2' }) })
    const refused = await refusal(it.privity.erasure.erase(it.id, REASON))
    expect(refused).toEqual({
      code: 'policy_outdated',
      details: { newest: newer.privity.policy.hash },
    })
    await newer.privity.erasure.erase(it.id, REASON)
    expect(await refusal(newer.as('b').note.read(it.id))).toMatchObject({
      code: 'not_permitted',
      details: { reason: 'erased' },
    })
  })
})

describe('a hold on everything', () => {
  test('keeps somebody who has no records', async () => {
    const it = await withSomebody()
    const { id } = await it.privity.subjects.register()
    const { holdId } = await it.privity.retention.hold(id, HOLD)
    await it.privity.erasure.erase(id, REASON)
    expect(await it.privity.retention.holds(id)).toMatchObject([{ holdId }])
    await it.privity.retention.releaseHold(id, holdId)
    await it.privity.retention.sweep()
    expect((await refusal(it.privity.retention.holds(id))).code).toBe('erased')
  })
})

describe('somebody who is closed', () => {
  test('goes bit by bit, as each of what had to stay may go', async () => {
    const it = await withSomebody()
    const first = await it.as('books').bill.create(it.id, { sum: 1 })
    const second = await it.as('books').bill.create(it.id, { sum: 2 })
    await it.privity.retention.event(it.id, {
      record: 'bill',
      recordId: first.recordId,
      event: 'shut',
    })
    await it.privity.erasure.erase(it.id, REASON)
    it.clock.advance({ years: 3 })
    expect(await it.privity.retention.sweep()).toMatchObject({ people: 1, erased: 0 })
    expect((await refusal(it.as('books').bill.read(it.id, first.recordId))).code).toBe('not_found')
    expect(await it.as('books').bill.read(it.id, second.recordId)).toEqual({ sum: 2 })
    it.clock.advance({ years: 3 })
    await it.privity.retention.event(it.id, {
      record: 'bill',
      recordId: second.recordId,
      event: 'shut',
    })
    await it.privity.retention.sweep()
    it.clock.advance({ years: 3 })
    expect(await it.privity.retention.sweep()).toMatchObject({ erased: 1 })
    expect((await refusal(it.privity.retention.holds(it.id))).code).toBe('erased')
    expect(await faults(it)).toEqual([])
  })
})
