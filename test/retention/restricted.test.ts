import { expect, test } from 'vitest'
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, localKeys } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { controller, eagerClock, refusal, SECRET } from '../support/acme.ts'
import { openVault } from '../support/open-vault.ts'
import { restrict } from '../support/restrict.ts'

const START = Date.UTC(2026, 0, 15)
const ACTOR = { id: 'staff:ida', roles: ['agent'] } as const

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  news: { basis: 'consent', description: 'Send you news' },
})
const contact = defineRecord(purposes, ({ field }) => ({
  topics: field(z.string().exactOptional(), { purposes: ['news'] }),
  born: field(z.string().exactOptional(), {
    purposes: ['support'],
    retention: { keep: { days: 30 }, from: 'created' },
  }),
  year: field(z.string().exactOptional(), {
    purposes: ['support'],
    retention: { keep: { days: 30 }, from: 'created' },
    atEnd: { anonymise: (plain) => plain.slice(0, 4) },
  }),
}))
const declared = definePolicy({
  controller,
  purposes,
  records: { contact },
  roles: { agent: { purposes: ['support', 'news'] } },
})

test('a sweep leaves people alone who restricted processing, and sees to them once that is lifted', async () => {
  const share = memoryData()
  const clock = eagerClock(START)
  const keys = localKeys(SECRET)
  const privity = await createPrivity({
    policy: declared,
    store: memoryStore({ share }),
    keys,
    clock,
  })
  const as = <Q extends 'support' | 'news'>(purpose: Q) =>
    privity.accessor({ purpose, actor: ACTOR })
  const notice = await privity.notices.publish({ id: 'n', version: '1', texts: { en: 'w' } })
  const somebody = async () => {
    const { id } = await privity.subjects.register()
    const method = { channel: 'paper' } as const
    await privity.consent.give(id, { purposes: ['news'], notice, method })
    await as('support').contact.create(id, { born: '1990-05-17', year: '1990-05-17' })
    await as('news').contact.update(id, { topics: 'boats' })
    await privity.consent.withdraw(id, { purposes: ['news'] })
    return id
  }
  const id = await somebody()
  const other = await somebody()
  const opened = await openVault(memoryStore({ share }), { declared, keys })
  await restrict(opened, id, START)
  clock.advance({ days: 31 })
  const before = rowsOf(share.rows, id)
  expect(await privity.retention.sweep()).toMatchObject({ people: 2, records: 1, kept: 1 })
  expect(await privity.retention.sweep()).toMatchObject({ people: 1, records: 0, kept: 1 })
  expect(rowsOf(share.rows, id)).toEqual(before)
  expect(await refusal(as('support').contact.read(id))).toMatchObject({
    code: 'not_permitted',
    details: { reason: 'restricted' },
  })
  expect(await as('support').contact.read(other)).toEqual({ year: '1990' })
  await restrict(opened, id, undefined)
  expect(await privity.retention.sweep()).toMatchObject({ people: 1, records: 1, kept: 0 })
  expect(await as('support').contact.read(id)).toEqual({ year: '1990' })
  expect((await privity.ledger.verify({ deep: true })).faults).toEqual([])
  await privity.close()
})

/** Everything of a person, the dates as well. */
function rowsOf(
  rows: ReadonlyMap<string, Uint8Array>,
  id: string,
): readonly (readonly [string, Uint8Array])[] {
  return [...rows].filter(([key]) => key.includes(id)).sort(([a], [b]) => (a < b ? -1 : 1))
}
