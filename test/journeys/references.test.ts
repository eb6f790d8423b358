import { expect, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import { collect, eagerClock, refusal, START } from '../support/acme.ts'
import { certificateOf, expectSound, type Office, openOffice } from '../support/reference-office.ts'
import { scaled } from '../support/scale.ts'
import { setBack } from '../support/set-back.ts'
import {
  dyingStore,
  journey,
  JOURNEYS,
  KEY_STORE,
  keyStoreOf,
  leaveEngines,
} from '../support/stores.ts'

const REASON = { reason: 'subject_request' }
const SLOW = 180_000
const LEASE = 120_000
/** Of the calls every so many: each is met before or after. */
const STEP = scaled({ ci: 3, torture: 1 })
const FIRST = { before: 1, after: scaled({ ci: 3, torture: 1 }) } as const
const NOBODY = 'f'.repeat(32)
const NOT_FOUND = { code: 'not_found', details: { kind: 'subject' } }
const ERASED = { code: 'erased', details: { kind: 'subject' } }

journey('a record names only people who are registered', async (place) => {
  const office = await openOffice(place.store(), { shards: 3 })
  const { records } = office
  const [anna, bo, cleo] = [await office.add(), await office.add(), await office.add()]
  const { recordId } = await records.ticket.create(bo, { text: 'a', assignee: anna })
  const own = await records.ticket.create(bo, { text: 'b', assignee: bo })
  expect(await records.ticket.read(bo, own.recordId)).toEqual({ text: 'b', assignee: bo })
  for (const assignee of [NOBODY, 'anna', '']) {
    for (const attempt of [
      () => records.ticket.create(bo, { text: 'c', assignee }),
      () => records.ticket.update(bo, recordId, { assignee }),
      () => records.proxy.create(bo, { scope: 'all', of: assignee }),
    ])
      expect(await refusal(attempt)).toEqual(NOT_FOUND)
  }
  await office.privity.erasure.erase(cleo, REASON)
  expect(await refusal(records.ticket.update(bo, recordId, { assignee: cleo }))).toEqual(ERASED)
  expect(await refusal(records.ticket.create(bo, { text: 'c', assignee: cleo }))).toEqual(ERASED)
  expect(await records.ticket.read(bo, recordId)).toEqual({ text: 'a', assignee: anna })
  await records.ticket.update(bo, recordId, { text: 'a2' })
  await expectSound(office)
  await office.privity.close()
})

journey('an erasure does with each reference what the policy says', async (place) => {
  const office = await openOffice(place.store(), { shards: 3 })
  const { records, privity } = office
  const [anna, bo, cleo] = [await office.add(), await office.add(), await office.add()]
  const ticket = await records.ticket.create(bo, { text: 'a', assignee: anna })
  const other = await records.ticket.create(bo, { text: 'b', assignee: cleo })
  const third = await records.ticket.create(cleo, { text: 'c', assignee: anna })
  const comment = await records.comment.create(bo, { text: 'x', author: anna })
  const again = await records.comment.create(bo, { text: 'y', author: anna })
  const rating = await records.rating.create(bo, { stars: 5, by: anna })
  await records.proxy.create(bo, { scope: 'all', of: anna })
  const referral = await records.referral.create(cleo, { text: 'r', by: anna })
  const deal = await records.deal.create(bo, { amount: 7, remark: 'd', buyer: anna })
  const invoice = await records.invoice.create(bo, { payer: anna })
  const protocol = await records.protocol.create(bo, { who: anna })
  const plan = await privity.erasure.plan(anna, REASON)
  const until = '2033-11-21T09:00:00.000Z'
  expect(plan.items.filter(({ what }) => what !== 'keys').slice(1)).toEqual([
    { what: 'ledger bodies', count: 1, action: 'delete' },
    { what: 'operation rows', count: 1, action: 'delete' },
    { what: 'references in ticket', count: 2, action: 'detach' },
    { what: 'references in comment', count: 2, action: 'decorrelate' },
    { what: 'references in rating', count: 1, action: 'anonymise' },
    { what: 'references in proxy', count: 1, action: 'delete' },
    { what: 'references in referral', count: 1, action: 'delete' },
    { what: 'references in deal', count: 1, action: 'delete' },
    { what: 'invoice.payer', count: 1, action: 'keep', ground: 'AWR art. 52(4)', until },
    {
      what: 'protocol.who',
      count: 1,
      action: 'keep',
      ground: 'claims',
      until: '2031-06-30T00:00:00.000Z',
    },
    { what: 'deal.amount', count: 1, action: 'keep', ground: 'AWR art. 52(4)', until },
  ])
  const certificate = await privity.erasure.run(plan)
  expect(await records.ticket.read(bo, ticket.recordId)).toEqual({ text: 'a' })
  expect(await records.ticket.read(bo, other.recordId)).toEqual({ text: 'b', assignee: cleo })
  expect(await records.ticket.read(cleo, third.recordId)).toEqual({ text: 'c' })
  const authors = [
    await records.comment.read(bo, comment.recordId),
    await records.comment.read(bo, again.recordId),
  ].map(({ author }) => String(author))
  expect(new Set([anna, ...authors]).size).toBe(3)
  for (const author of authors) expect(author).toMatch(/^[0-9a-f]{32}$/)
  expect(await collect(records.comment.find({ author: authors[0] }))).toHaveLength(1)
  expect(await records.rating.read(bo, rating.recordId)).toEqual({ stars: 5, by: 'former' })
  for (const attempt of [
    () => records.proxy.read(bo),
    () => records.referral.read(cleo, referral.recordId),
  ])
    expect(await refusal(attempt)).toEqual({ code: 'not_found', details: { kind: 'record' } })
  expect(await refusal(records.deal.read(bo, deal.recordId))).toMatchObject({
    code: 'incomplete_record',
  })
  expect(await records.invoice.read(bo, invoice.recordId)).toEqual({ payer: anna })
  expect(await records.protocol.read(bo, protocol.recordId)).toEqual({ who: anna })
  for (const found of [
    records.ticket.find({ assignee: anna }),
    records.comment.find({ author: anna }),
    records.rating.find({ by: anna }),
    records.referral.list(),
    records.proxy.list(),
  ])
    expect(await collect(found)).toEqual([])
  expect(await certificateOf(office, certificate)).toMatchObject({
    scope: 'all',
    holds: [],
    exclusions: [
      { what: 'invoice.payer', count: 1, ground: 'AWR art. 52(4)', until },
      { what: 'protocol.who', count: 1, ground: 'claims', until: '2031-06-30T00:00:00.000Z' },
      { what: 'deal.amount', count: 1, ground: 'AWR art. 52(4)', until },
      { what: 'lookup digests in the logs of others', count: 8, ground: 'evidence', until: null },
    ],
    method: expect.arrayContaining([
      { kind: 'references', record: 'ticket', action: 'detach', count: 2 },
      { kind: 'references', record: 'proxy', action: 'delete', count: 1 },
    ]),
    verification: { probed: ['rows', 'lookup_rows', 'keys', 'hooks', 'references'] },
    totals: { references: 8 },
  })
  await expectSound(office)
  // What was put there can be written again, and nobody is in the way of anybody.
  const rated = await records.rating.create(cleo, { stars: 1, by: cleo })
  await privity.erasure.erase(cleo, REASON)
  expect(await refusal(records.rating.read(cleo, rated.recordId))).toEqual(ERASED)
  await expectSound(office)
  await privity.close()
})

journey('an older copy of the store loses its references again', async (place) => {
  const journal = memoryData()
  const open = (): Promise<Office> =>
    openOffice(place.store(), { journal: memoryStore({ share: journal }), shards: 2 })
  const office = await open()
  const { records, privity } = office
  const [anna, bo, cleo] = [await office.add(), await office.add(), await office.add()]
  const ticket = await records.ticket.create(bo, { text: 'a', assignee: anna })
  const own = await records.ticket.create(anna, { text: 'b', assignee: bo })
  const invoice = await records.invoice.create(bo, { payer: cleo })
  const kept = await records.deal.create(cleo, { amount: 7, remark: 'd', buyer: cleo })
  const named = await records.ticket.create(bo, { text: 'c', assignee: cleo })
  await records.proxy.create(bo, { scope: 'all', of: anna })
  await privity.close()
  const copy = await place.rows()
  const later = await open()
  // Of Cleo something has to stay: she is closed.
  for (const id of [anna, cleo]) await later.privity.erasure.erase(id, REASON)
  await later.privity.close()
  await setBack(place, copy)

  const closed = await open()
  await closed.privity.erasure.replay()
  await closed.privity.close()
  const again = await open()
  expect(await again.records.ticket.read(bo, ticket.recordId)).toEqual({ text: 'a' })
  expect(await again.records.ticket.read(bo, named.recordId)).toEqual({ text: 'c' })
  expect(await refusal(again.records.proxy.read(bo))).toMatchObject({ code: 'not_found' })
  expect(await refusal(again.records.ticket.read(anna, own.recordId))).toEqual(ERASED)
  expect(await again.records.invoice.read(bo, invoice.recordId)).toEqual({ payer: cleo })
  expect(await refusal(again.records.deal.read(cleo, kept.recordId))).toMatchObject({
    code: 'not_permitted',
  })
  // Keys that are apart are those of today: what was sealed with what went opens no more.
  if (keyStoreOf(place.store()) === undefined) await expectSound(again)
  await again.privity.close()
})

interface Crash {
  readonly nth: number
  readonly when: 'before' | 'after'
}

/** Erases Anna in a process that dies at a call, then resumes in another; how many calls there are. */
async function crashAndResume(name: keyof typeof JOURNEYS, { nth, when }: Crash): Promise<number> {
  const place = await JOURNEYS[name]()
  try {
    let armed = false
    const store = place.store()
    const dying = dyingStore(store, { nth, when, armed: () => armed })
    const office = await openOffice(Object.assign(dying.store, { [KEY_STORE]: keyStoreOf(store) }))
    const { records, privity } = office
    const [anna, bo] = [await office.add(), await office.add()]
    for (let n = 0; n < 3; n += 1) await records.ticket.create(bo, { text: 't', assignee: anna })
    const comment = await records.comment.create(bo, { text: 'x', author: anna })
    await records.rating.create(bo, { stars: 5, by: anna })
    await records.proxy.create(bo, { scope: 'all', of: anna })
    await records.deal.create(bo, { amount: 7, remark: 'd', buyer: anna })
    const thread = await records.thread.create(bo, { title: 't', starter: anna })
    await records.post.create(bo, { text: 'p', threadId: thread.recordId })
    const { erasureId } = await privity.erasure.plan(anna, REASON)
    armed = true
    const outcome = await Promise.race([dying.dead, privity.erasure.resume(erasureId)])
    const later = await openOffice(place.store(), { clock: eagerClock(START + LEASE) })
    const certificate = await later.privity.erasure.resume(erasureId)
    if (outcome !== 'dead') expect(outcome).toBe(certificate)
    expect(await certificateOf(later, certificate)).toMatchObject({
      totals: { references: 8 },
      exclusions: [
        { what: 'deal.amount', count: 1 },
        { count: 8, ground: 'evidence' },
      ],
    })
    for (const found of [
      later.records.ticket.find({ assignee: anna }),
      later.records.comment.find({ author: anna }),
      later.records.rating.find({ by: anna }),
      later.records.proxy.list(),
      later.records.thread.list(),
      later.records.post.list(),
    ])
      expect(await collect(found)).toEqual([])
    expect(await later.records.comment.read(bo, comment.recordId)).toMatchObject({ text: 'x' })
    await expectSound(later)
    await later.privity.close()
    return outcome === 'dead' ? nth : dying.calls()
  } finally {
    await place.dispose()
  }
}

for (const when of ['before', 'after'] as const) {
  for (const name of [
    'memory',
    'memory, keys apart',
    'better-sqlite3',
    'PostgreSQL',
    'IndexedDB',
  ] as const) {
    test(`references are cleared though the process dies ${when} any call [${name}]`, {
      timeout: SLOW,
    }, async () => {
      leaveEngines()
      const calls = await crashAndResume(name, { nth: Infinity, when })
      expect(calls).toBeGreaterThan(40)
      const step = name.startsWith('memory') ? STEP : STEP * 8
      for (let nth = FIRST[when]; nth <= calls; nth += step)
        await crashAndResume(name, { nth, when })
    })
  }
}
