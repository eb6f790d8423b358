import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  type Store,
} from 'privity'
import { memoryStore } from 'privity/memory'
import { collect, controller, eagerClock, type FakeClock, SECRET } from '../support/acme.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { journey, type Place, storesOf } from '../support/stores.ts'

const START = Date.UTC(2026, 0, 1)
const REVIEW = '2026-06-01T00:00:00.000Z'
const ACTOR = { id: 'staff:ida', roles: ['agent'] } as const

const purposes = definePurposes({ support: { basis: 'contract', description: 'Answer' } })

/** A note is kept for some days, and its nick for one more. */
function policyOf(days: number, version = '1') {
  const note = defineRecord(
    purposes,
    ({ field }) => ({
      text: field(z.string().exactOptional(), {
        purposes: ['support'],
        retention: { keep: { days }, from: 'created' },
      }),
      nick: field(z.string().exactOptional(), {
        purposes: ['support'],
        retention: { keep: { days: days + 1 }, from: 'created' },
      }),
    }),
    { many: true },
  )
  const roles = { agent: { purposes: ['support'] } } as const
  return definePolicy({ controller, version, purposes, records: { note }, roles })
}

async function open(store: Store, clock: FakeClock, policy = policyOf(10)) {
  const privity = await createPrivity({
    policy,
    ...storesOf(store),
    keys: localKeys(SECRET),
    clock,
  })
  const { note } = privity.accessor({ purpose: 'support', actor: ACTOR })
  return { privity, note }
}

async function dates(place: Place): Promise<readonly string[]> {
  const keys = (await place.rows()).map(([key]) => key.slice(17))
  return keys
    .filter((key) => key.startsWith('d/'))
    .map((key) => new Date(Number.parseInt(key.slice(2, 14), 16)).toISOString().slice(0, 10))
}

describe('what a hold keeps', () => {
  journey('comes up at its review, and when it is released', async (place) => {
    const clock = eagerClock(START)
    const { privity, note } = await open(place.store(), clock)
    const { id } = await privity.subjects.register()
    await note.create(id, { text: 'a', nick: 'b' })
    const ask = { matter: 'c1', reviewAt: REVIEW }
    const { holdId } = await privity.retention.hold(id, ask)
    clock.advance({ days: 12 })
    expect(await collect(privity.retention.due())).toHaveLength(1)
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, records: 0, kept: 1 })
    expect(await dates(place)).toEqual(['2026-06-01', '2026-06-01'])
    expect(await privity.retention.sweep()).toMatchObject({ people: 0, kept: 0 })
    expect(await collect(privity.retention.due())).toEqual([])
    clock.set(Date.parse(REVIEW))
    expect(await collect(privity.retention.due())).toHaveLength(1)
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, kept: 1 })
    // Nobody looked: what is left is the date of the review itself.
    expect(await dates(place)).toEqual(['2026-06-01'])
    expect(await privity.retention.sweep()).toMatchObject({ people: 0, kept: 0 })
    await privity.retention.releaseHold(id, holdId)
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, records: 1, kept: 0 })
    expect(await collect(note.list({ subjectId: id }))).toEqual([])
    expect(await dates(place)).toEqual([])
    expect((await privity.ledger.verify({ deep: true })).faults).toEqual([])
    await privity.close()
  })

  test('costs a sweep nothing, however much of it there is', async () => {
    const clock = eagerClock(START)
    const store = hookedStore(memoryStore())
    const { privity, note } = await open(store, clock)
    const { id } = await privity.subjects.register()
    for (let nth = 0; nth < 150; nth += 1) await note.create(id, { text: 'a', nick: 'b' })
    const { holdId } = await privity.retention.hold(id, { matter: 'c1', reviewAt: REVIEW })
    clock.advance({ days: 12 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, kept: 1 })
    const before = store.reads.length
    expect(await privity.retention.sweep()).toMatchObject({ people: 0, kept: 0 })
    // The head of the log says which policy is the newest.
    expect(store.reads.length).toBeLessThanOrEqual(before + 1)
    await privity.retention.releaseHold(id, holdId)
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, records: 150, kept: 0 })
    expect(await collect(note.list({ subjectId: id }))).toEqual([])
    await privity.close()
  })

  test('is due of the rest all the same', async () => {
    const clock = eagerClock(START)
    const { privity, note } = await open(memoryStore(), clock)
    const { id } = await privity.subjects.register()
    const { recordId } = await note.create(id, { text: 'a', nick: 'b' })
    await privity.retention.hold(id, {
      matter: 'c1',
      reviewAt: REVIEW,
      records: [{ record: 'note', fields: ['text'] }],
    })
    clock.advance({ days: 10 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, records: 0, kept: 1 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 0 })
    clock.advance({ days: 1 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, records: 1, kept: 1 })
    expect(await note.read(id, recordId)).toEqual({ text: 'a' })
    await privity.close()
  })
})

describe('a date', () => {
  test('that other rules set comes up until the record is resealed, and again under the first rules', async () => {
    const clock = eagerClock(START)
    const store = memoryStore()
    const first = await open(store, clock)
    const { id } = await first.privity.subjects.register()
    const { recordId } = await first.note.create(id, { text: 'a' })
    const other = await first.note.create(id, { text: 'b' })
    const next = await open(store, clock, policyOf(20, '2'))
    clock.advance({ days: 10 })
    expect(await next.privity.retention.sweep()).toMatchObject({ people: 0, records: 0 })
    expect(await next.note.read(id, recordId)).toEqual({ text: 'a' })
    await next.note.remove(id, other.recordId)
    const again = await open(store, clock, policyOf(10, '3'))
    expect(await again.privity.retention.sweep()).toMatchObject({ people: 1, records: 1 })
    expect((await again.privity.ledger.verify({ deep: true })).faults).toEqual([])
  })

  test('that comes while a sweep is at work is not lost', async () => {
    let met = 0
    for (let nth = 1; nth <= 8; nth += 1) {
      const clock = eagerClock(START)
      let commits = 0
      let isSweeping = false
      const store = hookedStore(memoryStore(), {
        commit: (_, next) => {
          commits += isSweeping ? 1 : 0
          if (isSweeping && commits === nth) clock.advance({ days: 1 })
          return next()
        },
      })
      const { privity, note } = await open(store, clock)
      const { id } = await privity.subjects.register()
      await note.create(id, { text: 'a', nick: 'b' })
      clock.advance({ days: 10 })
      isSweeping = true
      await privity.retention.sweep()
      isSweeping = false
      if (commits < nth) break
      met += 1
      expect(await privity.retention.sweep()).toMatchObject({ failed: 0 })
      expect(await collect(note.list({ subjectId: id }))).toEqual([])
      const due = await collect(privity.retention.due({ before: '2099-01-01T00:00:00Z' }))
      expect([nth, due]).toEqual([nth, []])
      await privity.close()
    }
    expect(met).toBeGreaterThan(2)
  })
})
