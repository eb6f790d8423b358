import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, localKeys } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { collect, controller, fakeClock, SECRET } from '../support/acme.ts'

const START = Date.UTC(2026, 0, 15)
const ACTOR = { id: 'staff:ida', roles: ['agent'] } as const
const ALL = ['offers', 'news', 'support'] as const
const ANY = z.string().exactOptional()

const purposes = definePurposes({
  support: {
    basis: 'contract',
    description: 'Answer your questions',
    retention: { keep: { years: 1 }, from: 'created' },
  },
  offers: {
    basis: 'consent',
    description: 'Send you offers',
    retention: { keep: { years: 2 }, from: 'created' },
    erasureGrace: { days: 10 },
  },
  news: { basis: 'consent', description: 'Send you news' },
})
const note = defineRecord(purposes, ({ field }) => ({
  offered: field(ANY, { purposes: ['offers'] }),
  told: field(ANY, { purposes: ['news'] }),
  both: field(ANY, { purposes: ['support', 'offers'] }),
  asked: field(ANY, { purposes: ['support', 'news'] }),
  law: field(ANY, {
    purposes: ['support', 'offers'],
    floor: { keep: { months: 18 }, from: 'created', ground: 'Law 1' },
  }),
  year: field(ANY, {
    purposes: ['support', 'offers'],
    atEnd: { anonymise: (plain) => plain.slice(0, 4) },
  }),
}))
const visit = defineRecord(
  purposes,
  ({ field }) => ({ both: field(z.string(), { purposes: ['support', 'offers'] }) }),
  { many: true },
)
const policy = definePolicy({
  controller,
  purposes,
  records: { note, visit },
  roles: { agent: { purposes: ALL } },
})

const VALUES = { both: 'b', asked: 'a', law: 'l', year: '1990-05-17' }

async function open(share: MemoryData = memoryData()) {
  const clock = fakeClock(START)
  const store = memoryStore({ share })
  const privity = await createPrivity({ policy, store, keys: localKeys(SECRET), clock })
  const as = <Q extends (typeof ALL)[number]>(purpose: Q) =>
    privity.accessor({ purpose, actor: ACTOR })
  const { id } = await privity.subjects.register()
  const notice = await privity.notices.publish({ id: 'n', version: '1', texts: { en: 'w' } })
  const give = (): Promise<unknown> =>
    privity.consent.give(id, {
      purposes: ['offers', 'news'],
      notice,
      method: { channel: 'paper' },
    })
  await give()
  await as('offers').note.create(id, { offered: 'o' })
  await as('news').note.update(id, { told: 't' })
  await as('support').note.update(id, VALUES)
  const sweepOn = async (day: string): Promise<number> => {
    clock.set(Date.parse(day))
    const { people, failed } = await privity.retention.sweep()
    expect(failed).toBe(0)
    return people
  }
  /** What support sees after a sweep on that day. */
  const leftOn = async (day: string): Promise<object> => {
    await sweepOn(day)
    return { ...(await as('support').note.read(id)) }
  }
  const dates = (): readonly string[] =>
    [...share.rows.keys()]
      .filter((key) => key.slice(17, 19) === 'd/')
      .map((key) => new Date(Number.parseInt(key.slice(19, 31), 16)).toISOString().slice(0, 10))
  const certificates = (): number =>
    [...share.rows.keys()].filter((key) => key.slice(17, 21) === 'c/c/').length
  return { privity, clock, id, as, give, sweepOn, leftOn, dates, certificates }
}

describe('a field that several purposes need', () => {
  test('is kept until the last of them ends', async () => {
    const { leftOn, privity, as, id } = await open()
    expect(await leftOn('2028-01-14')).toEqual(VALUES)
    expect(await leftOn('2028-01-15')).toEqual({ asked: 'a', year: '1990' })
    expect(await as('news').note.read(id)).toEqual({ told: 't', asked: 'a' })
    expect(await as('offers').note.read(id)).toEqual({ year: '1990' })
    expect((await privity.ledger.verify({ deep: true })).faults).toEqual([])
  })

  test('is kept no longer than the others say, once one has ended by a word of the person', async () => {
    const { sweepOn, leftOn, privity, id, dates, certificates } = await open()
    const { data } = await privity.consent.withdraw(id, { purposes: ['offers', 'news'] })
    expect(data?.goes).toEqual([
      { record: 'note', fields: ['offered'], at: '2026-01-25T00:00:00.000Z' },
      { record: 'note', fields: ['told'], at: '2026-01-15T00:00:00.000Z' },
    ])
    const stays = { record: 'note', ground: 'purpose:support', basis: 'contract' }
    expect(data?.stays).toEqual([
      { ...stays, field: 'both', until: '2027-01-15T00:00:00.000Z' },
      { ...stays, field: 'asked', until: '2027-01-15T00:00:00.000Z' },
      { ...stays, field: 'law', until: '2027-07-15T00:00:00.000Z' },
      { ...stays, field: 'year', until: '2027-01-15T00:00:00.000Z' },
    ])
    expect(await sweepOn('2026-01-15')).toBe(1)
    expect(await sweepOn('2026-01-24')).toBe(0)
    expect(await sweepOn('2026-01-25')).toBe(1)
    expect(await leftOn('2027-01-14')).toEqual(VALUES)
    const before = certificates()
    expect(await leftOn('2027-01-15')).toEqual({ law: 'l', year: '1990' })
    expect(certificates()).toBe(before + 1)
    expect(await leftOn('2027-07-14')).toEqual({ law: 'l', year: '1990' })
    expect(await leftOn('2027-07-15')).toEqual({ year: '1990' })
    expect(dates()).toEqual([])
    expect((await privity.ledger.verify({ deep: true })).faults).toEqual([])
  })

  test('is kept no longer than the others say where nothing else was to go', async () => {
    const { privity, id, as, sweepOn } = await open()
    await privity.retention.sweep()
    const { id: other } = await privity.subjects.register()
    await as('support').visit.create(other, { both: 'b' })
    await privity.consent.withdraw(other, { purposes: ['offers'] })
    await privity.consent.withdraw(id, { purposes: ['offers', 'news'] })
    expect(await sweepOn('2026-02-01')).toBe(1)
    expect(await collect(as('support').visit.list({ subjectId: other }))).toHaveLength(1)
    await sweepOn('2027-01-15')
    expect(await collect(as('support').visit.list({ subjectId: other }))).toEqual([])
  })

  test('is kept for all of them again, once the person says yes again', async () => {
    const { sweepOn, leftOn, privity, id, as, give } = await open()
    await privity.consent.withdraw(id, { purposes: ['offers', 'news'] })
    await sweepOn('2026-02-15')
    await give()
    expect(await as('news').note.read(id)).toEqual({ asked: 'a' })
    expect(await as('offers').note.read(id)).toEqual({ both: 'b', law: 'l', year: '1990-05-17' })
    expect(await leftOn('2028-01-14')).toEqual(VALUES)
    expect(await leftOn('2028-01-15')).toEqual({ asked: 'a', year: '1990' })
    await privity.consent.withdraw(id, { purposes: ['news'] })
    expect(await leftOn('2028-01-16')).toEqual({ year: '1990' })
    expect((await privity.ledger.verify({ deep: true })).faults).toEqual([])
  })

  test('and that is written after one has ended is dated by the others', async () => {
    const { privity, id, as, give, dates, clock } = await open()
    await privity.consent.withdraw(id, { purposes: ['offers', 'news'] })
    clock.set(Date.UTC(2026, 5, 1))
    await privity.retention.sweep()
    await as('support').visit.create(id, { both: 'b' })
    expect(dates()).toContain('2027-06-01')
    // A yes that comes later has the date looked at once, and moved.
    await give()
    clock.set(Date.UTC(2027, 5, 1))
    await privity.retention.sweep()
    expect(dates()).toContain('2028-06-01')
    expect(dates()).not.toContain('2027-06-01')
    clock.set(Date.UTC(2028, 5, 1))
    await privity.retention.sweep()
    expect(await collect(as('support').visit.list({ subjectId: id }))).toEqual([])
    expect((await privity.ledger.verify({ deep: true })).faults).toEqual([])
  })
})
