import { afterEach, describe, expect, test } from 'vitest'
import { localKeys, type SubjectId } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { ownEntries } from '../../src/subjects/own-entries.ts'
import { collect, refusal, SECRET } from '../support/acme.ts'
import { epochKeys } from '../support/epoch-keys.ts'
import { openVault } from '../support/open-vault.ts'
import {
  anonymiser,
  certificateOf,
  expectSound,
  type Office,
  type OfficeOptions,
  officePolicy,
  openOffice,
} from '../support/reference-office.ts'

const REASON = { reason: 'subject_request' }
const LEFT = {
  code: 'erasure_incomplete',
  details: { erasureId: expect.any(String), failing: ['privity:references'] },
}
const REVIEW = '2036-01-01T00:00:00Z'
const RECORD_GONE = { code: 'not_found', details: { kind: 'record' } }

interface Opened extends Office {
  readonly share: MemoryData
  readonly anna: SubjectId
  readonly bo: SubjectId
}

async function open(options: OfficeOptions = {}): Promise<Opened> {
  const share = memoryData()
  const office = await openOffice(memoryStore({ share }), options)
  return { ...office, share, anna: await office.add(), bo: await office.add() }
}

function again({ share }: Opened, options: OfficeOptions = {}): Promise<Office> {
  return openOffice(memoryStore({ share }), options)
}

/** Changes one byte of a row. */
function damage({ rows }: MemoryData, isIt: (key: string) => boolean): () => void {
  const undo: (() => void)[] = []
  for (const [key, value] of [...rows]) {
    if (!isIt(key)) continue
    const bytes = value.slice()
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    rows.set(key, bytes)
    undo.push(() => rows.set(key, value))
  }
  expect(undo.length).toBeGreaterThan(0)
  return () => {
    for (const back of undo) back()
  }
}

async function erasureIdOf(privity: Office['privity']): Promise<string> {
  const [pending] = await collect(privity.erasure.pending())
  return pending?.erasureId ?? ''
}

describe('what cannot be cleared', () => {
  test('a referring person whom nobody can open keeps the certificate back, and nothing else', async () => {
    const office = await open()
    const { anna, bo, records, privity, share } = office
    const cleo = await office.add()
    await records.ticket.create(bo, { text: 'a', assignee: anna })
    const other = await records.ticket.create(cleo, { text: 'b', assignee: anna })
    const mend = damage(share, (key) => key.endsWith(`/p/${bo}`))
    expect(await refusal(privity.erasure.erase(anna, REASON))).toMatchObject(LEFT)
    expect([...share.rows.keys()].filter((key) => key.includes(`${anna}/`))).toEqual([])
    expect(await records.ticket.read(cleo, other.recordId)).toEqual({ text: 'b' })
    expect(await privity.erasure.work()).toMatchObject({ incomplete: 0, completed: 0 })
    const erasureId = await erasureIdOf(privity)
    expect(await refusal(privity.erasure.resume(erasureId))).toMatchObject(LEFT)
    mend()
    const jws = await privity.erasure.resume(erasureId)
    // One was cleared before, and the other now.
    expect(await certificateOf(office, jws)).toMatchObject({
      result: 'completed',
      totals: { references: 2 },
    })
    expect(await collect(records.ticket.find({ assignee: anna }))).toEqual([])
    await expectSound(office)
  })

  test('a referring person whom nobody will open again can be erased, and then it is complete', async () => {
    const office = await open()
    const { anna, bo, records, privity, share } = office
    await records.ticket.create(bo, { text: 'a', assignee: anna })
    damage(share, (key) => key.endsWith(`/p/${bo}`))
    expect(await refusal(privity.erasure.erase(anna, REASON))).toMatchObject(LEFT)
    await privity.erasure.erase(bo, { ...REASON, unreadable: 'erase' })
    const jws = await privity.erasure.erase(anna, REASON)
    expect(await certificateOf(office, jws)).toMatchObject({ totals: { references: 0 } })
  })

  test('somebody who may still come back from behind a fence keeps the certificate back', async () => {
    const office = await open()
    const { anna, bo, records, privity } = office
    const { recordId } = await records.ticket.create(bo, { text: 'a', assignee: anna })
    const { erasureId } = await privity.erasure.request(bo, { ...REASON, grace: { days: 14 } })
    expect(await refusal(privity.erasure.erase(anna, REASON))).toMatchObject(LEFT)
    await privity.erasure.cancel(erasureId)
    const jws = await privity.erasure.erase(anna, REASON)
    expect(await certificateOf(office, jws)).toMatchObject({ totals: { references: 1 } })
    expect(await records.ticket.read(bo, recordId)).toEqual({ text: 'a' })
    await expectSound(office)
  })

  test('somebody whose erasure can no longer be taken back is named, and keeps nobody waiting', async () => {
    let isDown = true
    const office = await open({
      hooks: [
        {
          id: 'mail',
          needsPlaintext: true,
          plan: async () => [{ id: 'm', description: 'mail', count: 1 }],
          execute: async () => (isDown ? { retryAfter: { hours: 1 }, why: 'down' } : 'done'),
          verify: async () => (isDown ? 'unknown' : 'absent'),
        },
      ],
    })
    const { anna, bo, records, privity } = office
    await records.ticket.create(bo, { text: 'a', assignee: anna })
    expect(await refusal(privity.erasure.erase(bo, REASON))).toMatchObject({
      code: 'erasure_incomplete',
    })
    isDown = false
    const jws = await privity.erasure.erase(anna, REASON)
    const going = { what: 'ticket.assignee', count: 1, ground: 'erasure_under_way', until: null }
    expect(await certificateOf(office, jws)).toMatchObject({ exclusions: [going] })
    office.clock.advance({ hours: 2 })
    expect(await privity.erasure.work()).toMatchObject({ completed: 1 })
    await expectSound(office)
  })

  test('a process that was not given a class erases all else, and another one goes on', async () => {
    const kms = epochKeys()
    const office = await open({ keys: kms.provider() })
    const { anna, bo, records, privity } = office
    const ticket = await records.ticket.create(bo, { text: 'a', assignee: anna })
    const invoice = await records.invoice.create(bo, { payer: anna })
    const protocol = await records.protocol.create(bo, { who: anna })
    expect([invoice, protocol]).toHaveLength(2)
    for (const withheld of ['ticket:support', 'protocol:support']) {
      const limited = await again(office, { keys: kms.provider((name) => name === withheld) })
      const ask = limited.privity.erasure.erase(anna, REASON)
      expect([withheld, await refusal(ask)]).toEqual([withheld, expect.objectContaining(LEFT)])
      await limited.privity.close()
    }
    expect(await refusal(records.ticket.update(bo, ticket.recordId, { assignee: anna }))).toEqual({
      code: 'erased',
      details: { kind: 'subject' },
    })
    const jws = await privity.erasure.erase(anna, REASON)
    expect(await certificateOf(office, jws)).toMatchObject({ totals: { references: 1 } })
    await expectSound(office)
  })

  test('a hold and a restriction of the referring person keep what they name', async () => {
    const office = await open()
    const { anna, bo, records, privity, share } = office
    const cleo = await office.add()
    const ticket = await records.ticket.create(bo, { text: 'a', assignee: anna })
    const referral = await records.referral.create(bo, { text: 'r', by: anna })
    const thread = await records.thread.create(cleo, { title: 't', starter: anna })
    const scope = [{ record: 'ticket', fields: ['assignee'] }, { record: 'referral' }]
    const ask = { matter: 'c-1', reviewAt: REVIEW, records: scope }
    const { holdId } = await privity.retention.hold(bo, ask as never)
    const { vault } = await openVault(memoryStore({ share }), {
      declared: officePolicy(),
      keys: localKeys(SECRET),
    })
    await vault.people.change({
      id: cleo,
      request: {},
      apply: (draft) => {
        draft.head = { ...draft.head, restrictedAt: 1 }
        return { event: { type: 'restricted' }, value: null }
      },
    })
    const plan = await privity.erasure.plan(anna, REASON)
    expect(plan.items.filter(({ action }) => action === 'keep')).toEqual([
      { what: 'ticket.assignee', count: 1, action: 'keep', ground: `hold:${holdId}` },
      { what: 'referral.by', count: 1, action: 'keep', ground: `hold:${holdId}` },
      { what: 'thread.starter', count: 1, action: 'keep', ground: 'restriction' },
    ])
    const jws = await privity.erasure.run(plan)
    const certificate = await certificateOf(office, jws)
    expect(certificate['exclusions']).toEqual([
      { what: 'ticket.assignee', count: 1, ground: `hold:${holdId}`, until: null },
      { what: 'referral.by', count: 1, ground: `hold:${holdId}`, until: null },
      { what: 'thread.starter', count: 1, ground: 'restriction', until: null },
    ])
    expect(certificate).toMatchObject({ holds: [holdId], totals: { references: 0 } })
    expect(await records.ticket.read(bo, ticket.recordId)).toMatchObject({ assignee: anna })
    expect(await records.referral.read(bo, referral.recordId)).toMatchObject({ by: anna })
    expect(await collect(records.thread.list({ subjectId: cleo }))).toEqual([])
    expect(thread.recordId).toHaveLength(32)
  })
})

describe('functions of the policy', () => {
  afterEach(() => {
    anonymiser.make = () => 'former'
  })

  test('several anonymised values of a unique lookup are in nobody’s way', async () => {
    const { anna, bo, records, privity, add } = await open()
    const cleo = await add()
    const [one, two] = [
      await records.rating.create(bo, { stars: 1, by: anna }),
      await records.rating.create(bo, { stars: 2, by: cleo }),
    ]
    for (const id of [anna, cleo]) await privity.erasure.erase(id, REASON)
    for (const { recordId } of [one, two])
      expect(await records.rating.read(bo, recordId)).toMatchObject({ by: 'former' })
  })

  test('one that throws keeps the certificate back until it is mended, and nothing else', async () => {
    const office = await open()
    const { anna, bo, records, privity, share } = office
    const { recordId } = await records.rating.create(bo, { stars: 1, by: anna })
    await records.ticket.create(bo, { text: 'a', assignee: anna })
    await records.ticket.create(anna, { text: 'b' })
    anonymiser.make = (id) => {
      throw new Error(id)
    }
    const error = await refusal(privity.erasure.erase(anna, REASON))
    expect(error).toMatchObject(LEFT)
    expect(JSON.stringify(error)).not.toContain(anna)
    expect([...share.rows.keys()].filter((key) => key.includes(`${anna}/`))).toEqual([])
    expect(
      await refusal(records.ticket.list({ subjectId: anna })[Symbol.asyncIterator]().next()),
    ).toMatchObject({ code: 'erased' })
    expect(await collect(records.ticket.find({ assignee: anna }))).toEqual([])
    expect(await refusal(privity.erasure.resume(await erasureIdOf(privity)))).toMatchObject(LEFT)
    anonymiser.make = () => 'former'
    const jws = await privity.erasure.erase(anna, REASON)
    expect(await certificateOf(office, jws)).toMatchObject({ totals: { references: 2 } })
    expect(await records.rating.read(bo, recordId)).toMatchObject({ by: 'former' })
    await expectSound(office)
  })

  test('what one makes that no store takes is in nobody’s way either', async () => {
    const { anna, bo, records, privity, share } = await open()
    await records.rating.create(bo, { stars: 1, by: anna })
    anonymiser.make = () => 'x'.repeat(2_000_000)
    expect(await refusal(privity.erasure.erase(anna, REASON))).toMatchObject(LEFT)
    expect([...share.rows.keys()].filter((key) => key.includes(`${anna}/`))).toEqual([])
  })

  test('one that changes nothing is not believed', async () => {
    const { anna, bo, records, privity } = await open()
    await records.rating.create(bo, { stars: 1, by: anna })
    anonymiser.make = (id) => id
    expect(await refusal(privity.erasure.erase(anna, REASON))).toMatchObject(LEFT)
  })
})

describe('where references are', () => {
  test('those under older keys, layouts and lookups are found', async () => {
    const first = await open({ version: 'plain' })
    const { anna, bo } = first
    await first.records.comment.create(bo, { text: 'plain', author: anna })
    const ticket = await first.records.ticket.create(bo, { text: 'first', assignee: anna })
    await first.records.proxy.create(bo, { scope: 'all', of: anna })
    await first.records.referral.create(bo, { text: 'r', by: anna })
    await first.privity.close()
    const office = await again(first)
    await office.records.comment.create(bo, { text: 'cut', author: anna })
    await office.privity.keys.rotateLookups()
    await office.records.ticket.create(bo, { text: 'second', assignee: anna })
    const jws = await office.privity.erasure.erase(anna, REASON)
    expect(await certificateOf(office, jws)).toMatchObject({ totals: { references: 6 } })
    const { records } = office
    expect(await records.ticket.read(bo, ticket.recordId)).toEqual({ text: 'first' })
    for (const gone of [records.proxy.list(), records.referral.list()])
      expect(await collect(gone)).toEqual([])
    for (const { view } of await collect(records.comment.list({ subjectId: bo })))
      expect(view['author']).not.toBe(anna)
    for (const { view } of await collect(records.ticket.list({ subjectId: bo })))
      expect(view).not.toHaveProperty('assignee')
    await expectSound(office)
  })

  test('of people who share a token by chance, one is meant', async () => {
    const { anna, bo, records, privity, add } = await open()
    const others: SubjectId[] = []
    // With a thousand people expected, a token has few bits.
    for (let nth = 0; nth < 300; nth += 1) others.push(await add())
    for (const author of [anna, ...others]) await records.comment.create(bo, { text: 'x', author })
    await privity.erasure.erase(anna, REASON)
    const found = await collect(records.comment.list({ subjectId: bo }))
    const authors = new Set(found.map(({ view }) => view['author']))
    expect(authors.has(anna)).toBe(false)
    for (const other of others) expect(authors.has(other)).toBe(true)
  }, 60_000)

  test('hundreds of one person, and of many, all go', async () => {
    const office = await open()
    const { anna, bo, records, privity, add } = office
    const people = [bo, await add(), await add()]
    await Promise.all(
      Array.from({ length: 300 }, (_, nth) =>
        records.ticket.create(people[nth % people.length] ?? bo, { text: 't', assignee: anna }),
      ),
    )
    const jws = await privity.erasure.erase(anna, REASON)
    expect(await certificateOf(office, jws)).toMatchObject({ totals: { references: 300 } })
    expect(await collect(records.ticket.find({ assignee: anna }))).toEqual([])
    await expectSound(office)
  }, 60_000)

  test('a person’s own reference to themselves goes with the rest', async () => {
    const office = await open()
    const { anna, records, privity } = office
    await records.ticket.create(anna, { text: 'a', assignee: anna })
    await records.protocol.create(anna, { who: anna })
    const jws = await privity.erasure.erase(anna, REASON)
    expect(await certificateOf(office, jws)).toMatchObject({
      exclusions: [],
      totals: { references: 0 },
    })
  })

  test('two who name each other are erased one after the other', async () => {
    const office = await open()
    const { anna, bo, records, privity } = office
    await records.ticket.create(anna, { text: 'a', assignee: bo })
    await records.ticket.create(bo, { text: 'b', assignee: anna })
    await privity.erasure.erase(anna, REASON)
    await privity.erasure.erase(bo, REASON)
    await expectSound(office)
  })
})

describe('what is left behind', () => {
  test('the log of who referred names neither the erased person nor the erasure, and nobody looked', async () => {
    const { anna, bo, records, privity, share } = await open()
    const { recordId } = await records.ticket.create(bo, { text: 'a', assignee: anna })
    const before = await collect(privity.audit.query({ subjectId: bo }))
    const { erasureId } = await privity.erasure.plan(anna, REASON)
    await privity.erasure.resume(erasureId)
    expect(await collect(privity.audit.query({ subjectId: bo }))).toEqual(before)
    const { vault } = await openVault(memoryStore({ share }), {
      declared: officePolicy(),
      keys: localKeys(SECRET),
    })
    const { person } = await vault.people.read(bo)
    const entries = await collect(ownEntries(vault.people, person))
    expect(entries.at(-1)?.event).toEqual({
      type: 'reference.cleared',
      record: 'ticket',
      field: 'assignee',
      action: 'detach',
    })
    const told = JSON.stringify(entries)
    for (const id of [anna, erasureId]) expect(told).not.toContain(id)
    expect(person.head.many).toEqual({ 0: 1 })
    expect(await records.ticket.read(bo, recordId)).toEqual({ text: 'a' })
  })

  test('what takes the place of an id ends when the id would have ended', async () => {
    const { anna, bo, records, privity, clock } = await open()
    const { recordId } = await records.comment.create(bo, { text: 'a', author: anna })
    await privity.erasure.erase(anna, REASON)
    clock.advance({ days: 400 })
    expect(await privity.retention.sweep()).toMatchObject({ records: 1 })
    expect(await refusal(records.comment.read(bo, recordId))).toMatchObject({
      code: 'incomplete_record',
    })
  })

  test('parts go with a record that is deleted, but for what a law keeps', async () => {
    const office = await open()
    const { anna, bo, records, privity } = office
    const [thread, other] = [
      await records.thread.create(bo, { title: 't', starter: anna }),
      await records.thread.create(bo, { title: 'o', starter: bo }),
    ]
    const posts: string[] = []
    for (let nth = 0; nth < 70; nth += 1) {
      const value = { text: `p${nth}`, threadId: thread.recordId }
      posts.push((await records.post.create(bo, value)).recordId)
    }
    const paid = await records.post.create(bo, { text: 'f', fee: 3, threadId: thread.recordId })
    const free = await records.post.create(bo, { text: 'o', threadId: other.recordId })
    const jws = await privity.erasure.erase(anna, REASON)
    expect(await certificateOf(office, jws)).toMatchObject({
      totals: { references: 1 },
      exclusions: [
        { what: 'post.fee', count: 1, ground: 'AWR art. 52(4)' },
        { what: 'lookup digests in the logs of others', count: 1 },
      ],
    })
    for (const recordId of posts)
      expect(await refusal(records.post.read(bo, recordId))).toEqual(RECORD_GONE)
    expect(await refusal(records.thread.read(bo, thread.recordId))).toEqual(RECORD_GONE)
    expect(await refusal(records.post.read(bo, paid.recordId))).toMatchObject({
      code: 'incomplete_record',
    })
    expect(await records.post.read(bo, free.recordId)).toMatchObject({ text: 'o' })
    await expectSound(office)
  }, 60_000)

  test('somebody of whom something has to stay is named by nobody else any more', async () => {
    const office = await open()
    const { anna, bo, records, privity } = office
    await records.deal.create(anna, { amount: 7, remark: 'd', buyer: anna })
    const { recordId } = await records.ticket.create(bo, { text: 'a', assignee: anna })
    await records.protocol.create(bo, { who: anna })
    const plan = await privity.erasure.plan(anna, REASON)
    expect(plan.items).toEqual(
      expect.arrayContaining([
        { what: 'person', count: 1, action: 'close' },
        { what: 'references in ticket', count: 1, action: 'detach' },
      ]),
    )
    const jws = await privity.erasure.run(plan)
    expect(await certificateOf(office, jws)).toMatchObject({
      scope: 'partial',
      closed: true,
      totals: { references: 1 },
      method: expect.arrayContaining([
        { kind: 'references', record: 'ticket', action: 'detach', count: 1 },
      ]),
      exclusions: expect.arrayContaining([
        { what: 'protocol.who', count: 1, ground: 'claims', until: '2031-06-30T00:00:00.000Z' },
      ]),
    })
    expect(await records.ticket.read(bo, recordId)).toEqual({ text: 'a' })
    await expectSound(office)
  })

  test('the erasure of a part of a person leaves references as they are', async () => {
    const { anna, bo, records, privity } = await open()
    await records.ticket.create(anna, { text: 'own' })
    const { recordId } = await records.ticket.create(bo, { text: 'a', assignee: anna })
    const scope = { records: [{ record: 'ticket' }] }
    await privity.erasure.erase(anna, { ...REASON, scope })
    expect(await records.ticket.read(bo, recordId)).toEqual({ text: 'a', assignee: anna })
  })
})

test('a process whose policy has no references does not erase over them', async () => {
  const office = await open({ version: 'mute' })
  const { anna, bo, privity } = office
  const newer = await again(office)
  await newer.records.ticket.create(bo, { text: 'a', assignee: anna })
  expect(await refusal(privity.erasure.erase(anna, REASON))).toMatchObject({
    code: 'policy_outdated',
  })
  const jws = await newer.privity.erasure.erase(anna, REASON)
  expect(await certificateOf(newer, jws)).toMatchObject({ totals: { references: 1 } })
})

test('a write that read before the fence and commits after the certificate is refused', async () => {
  const share = memoryData()
  const shards = 3
  const eraser = await openOffice(memoryStore({ share }), { shards })
  const people: SubjectId[] = []
  for (let nth = 0; nth < 12; nth += 1) people.push(await eraser.add())
  const [anna = '', ...others] = people
  const store = memoryStore({ share })
  let gate: Promise<void> | undefined
  let met: () => void = () => undefined
  const writer = await openOffice(
    {
      ...store,
      commit: async (batch) => {
        met()
        await gate
        return store.commit(batch)
      },
    },
    { shards },
  )
  let open: () => void = () => undefined
  gate = new Promise((resolve) => {
    open = resolve
  })
  const waiting = new Promise<void>((resolve) => {
    met = resolve
  })
  // Of every log one at least.
  const writes = others.map((id) =>
    refusal(writer.records.ticket.create(id, { text: 'late', assignee: anna })),
  )
  await waiting
  const jws = await eraser.privity.erasure.erase(anna, REASON)
  expect(await certificateOf(eraser, jws)).toMatchObject({ totals: { references: 0 } })
  open()
  for (const write of writes)
    expect(await write).toEqual({ code: 'erased', details: { kind: 'subject' } })
  expect(await collect(eraser.records.ticket.find({ assignee: anna }))).toEqual([])
  await expectSound(eraser)
})

/** What another process does while tokens of the first key are looked for. */
const MOVES: { readonly [what: string]: (other: Office, isBefore: boolean) => Promise<unknown> } = {
  'a reseal under newer keys': async ({ privity }, isBefore) =>
    isBefore ? privity.keys.rotateLookups() : privity.keys.reseal(),
  'a change of keys and a reseal': async ({ privity }, isBefore) => {
    if (isBefore) return
    await privity.keys.rotateLookups()
    await privity.keys.reseal()
  },
}

test.for(Object.entries(MOVES))('%s hides nothing from an erasure', async ([, move]) => {
  const share = memoryData()
  const store = memoryStore({ share })
  let isArmed = false
  const office = await openOffice({
    ...store,
    scan: async (prefix, options) => {
      if (isArmed && /\/t\/[0-9a-f]{4}\/0001\//.test(prefix)) {
        isArmed = false
        await move(other, false)
      }
      return store.scan(prefix, options)
    },
  })
  const other = await openOffice(memoryStore({ share }))
  const { records, privity, add } = office
  const [anna, bo] = [await add(), await add()]
  const { recordId } = await records.ticket.create(bo, { text: 'a', assignee: anna })
  await move(other, true)
  const { erasureId } = await privity.erasure.plan(anna, REASON)
  isArmed = true
  const jws = await privity.erasure.resume(erasureId)
  expect(isArmed).toBe(false)
  expect(await certificateOf(office, jws)).toMatchObject({ totals: { references: 1 } })
  expect(await records.ticket.read(bo, recordId)).toEqual({ text: 'a' })
  await expectSound(office)
})

const RETARGETED = {
  ticket: { field: 'assignee', value: { text: 'a' } },
  comment: { field: 'author', value: { text: 'a' } },
  rating: { field: 'by', value: { stars: 1 } },
  referral: { field: 'by', value: { text: 'a' } },
  thread: { field: 'starter', value: { title: 'a' } },
} as const

test.for(Object.entries(RETARGETED))(
  'a %s that names somebody else by the time of the commit stays as it is',
  async ([name, { field, value }]) => {
    const share = memoryData()
    const store = memoryStore({ share })
    let between: ((key: string) => Promise<unknown>) | undefined
    const office = await openOffice({
      ...store,
      commit: async (batch) => {
        for (const [key] of batch.put) await between?.(key)
        return store.commit(batch)
      },
    })
    const other = await openOffice(memoryStore({ share }))
    const { records, privity, add } = office
    const [anna, bo, cleo] = [await add(), await add(), await add()]
    const accessor = records[name as keyof typeof RETARGETED]
    const { recordId } = await accessor.create(bo, { ...value, [field]: anna })
    if (name === 'thread') await records.post.create(bo, { text: 'p', threadId: recordId })
    const { erasureId } = await privity.erasure.plan(anna, REASON)
    between = async (key) => {
      if (!key.endsWith(`/p/${bo}`)) return
      between = undefined
      const others = other.records[name as keyof typeof RETARGETED]
      await others.update(bo, recordId, { [field]: cleo })
    }
    await privity.erasure.resume(erasureId)
    expect(between).toBeUndefined()
    expect(await accessor.read(bo, recordId)).toEqual({ ...value, [field]: cleo })
    if (name === 'thread')
      expect(await collect(records.post.list({ subjectId: bo }))).toHaveLength(1)
    await expectSound(office)
  },
)

test('people who all name each other can be erased at once, from several processes', async () => {
  const share = memoryData()
  const shards = 3
  const office = await openOffice(memoryStore({ share }), { shards })
  const other = await openOffice(memoryStore({ share }), { shards })
  const { records, privity, add, clock } = office
  const people = await Promise.all(Array.from({ length: 8 }, add))
  for (const id of people)
    for (const named of people)
      await Promise.all([
        records.ticket.create(id, { text: 't', assignee: named }),
        records.comment.create(id, { text: 't', author: named }),
      ])
  await Promise.allSettled(
    people.map((id, at) => (at % 2 === 0 ? privity : other.privity).erasure.erase(id, REASON)),
  )
  clock.advance({ hours: 1 })
  for (let round = 0; round < 3; round += 1) await privity.erasure.work()
  expect(await collect(privity.erasure.pending())).toEqual([])
  const keys = [...share.rows.keys()].map((key) => key.slice(17))
  expect(keys.filter((key) => key.startsWith('t/'))).toEqual([])
  for (const id of people) expect(keys.filter((key) => key.includes(id))).toEqual([`p/${id}`])
  await expectSound(office)
})

test('somebody who is named again while they are closed is let go the next time', async () => {
  const office = await open()
  const { anna, bo, records, privity, clock } = office
  await records.deal.create(anna, { amount: 7, remark: 'd', buyer: anna })
  await privity.erasure.erase(anna, REASON)
  const { recordId } = await records.ticket.create(bo, { text: 'a', assignee: anna })
  clock.advance({ years: 8 })
  expect(await privity.retention.sweep()).toMatchObject({ erased: 1 })
  expect(await records.ticket.read(bo, recordId)).toEqual({ text: 'a' })
  await expectSound(office)
})

test('a record of a group names nobody who is erased', async () => {
  const office = await open()
  const { anna, bo, records, privity } = office
  const { id } = await privity.subjects.group({ members: [anna, bo] })
  const ticket = await records.ticket.create(bo, { text: 'a', assignee: id })
  for (const member of [anna, bo]) await privity.erasure.erase(member, REASON)
  // With the last member the group went, and whoever named it was erased before.
  expect(await refusal(records.ticket.read(bo, ticket.recordId))).toMatchObject({ code: 'erased' })
  expect(
    await refusal(records.ticket.create(await office.add(), { text: 'b', assignee: id })),
  ).toEqual({ code: 'erased', details: { kind: 'subject' } })
  await expectSound(office)
})

test('an erasure that began before the policy had references is ended by who knows them', async () => {
  let isDown = true
  const hooks: OfficeOptions['hooks'] = [
    {
      id: 'mail',
      needsPlaintext: true,
      plan: async () => [{ id: 'm', description: 'mail', count: 1 }],
      execute: async () => (isDown ? { retryAfter: { hours: 1 }, why: 'down' } : 'done'),
      verify: async () => (isDown ? 'unknown' : 'absent'),
    },
  ]
  const office = await open({ version: 'mute', hooks })
  const { anna, bo, privity, clock } = office
  const { recordId } = await office.records.ticket.create(bo, { text: 'a', assignee: anna })
  expect(await refusal(privity.erasure.erase(anna, REASON))).toMatchObject({
    code: 'erasure_incomplete',
  })
  isDown = false
  const newer = await again(office, { hooks, clock })
  clock.advance({ hours: 2 })
  const erasureId = await erasureIdOf(privity)
  expect(await refusal(privity.erasure.resume(erasureId))).toMatchObject({
    code: 'policy_outdated',
  })
  const jws = await newer.privity.erasure.resume(erasureId)
  expect(await certificateOf(newer, jws)).toMatchObject({ totals: { references: 1 } })
  expect(await newer.records.ticket.read(bo, recordId)).toEqual({ text: 'a' })
})

test('a process whose policy has no references does not certify that there are none', async () => {
  let isDown = true
  const hooks: OfficeOptions['hooks'] = [
    {
      id: 'mail',
      plan: async () => [{ id: 'm', description: 'mail', count: 1 }],
      execute: async () => (isDown ? { retryAfter: { hours: 1 }, why: 'down' } : 'done'),
      verify: async () => (isDown ? 'unknown' : 'absent'),
    },
  ]
  const muted = await open({ version: 'mute', hooks })
  const { anna, bo, clock } = muted
  const office = await again(muted, { hooks, clock })
  const { privity } = office
  const { recordId } = await office.records.ticket.create(bo, { text: 'a', assignee: anna })
  // Behind a fence that may be lifted, so that the reference can neither be cleared nor told to be gone.
  const waiting = await privity.erasure.request(bo, { ...REASON, grace: { days: 14 } })
  expect(await refusal(privity.erasure.erase(anna, REASON))).toMatchObject({
    code: 'erasure_incomplete',
  })
  isDown = false
  clock.advance({ hours: 2 })
  expect(await muted.privity.erasure.work()).toMatchObject({ completed: 0 })
  await privity.erasure.cancel(waiting.erasureId)
  const erasureId = await erasureIdOf(privity)
  // Found by looking again, and cleared by the next attempt.
  expect(await refusal(privity.erasure.resume(erasureId))).toMatchObject(LEFT)
  const jws = await privity.erasure.resume(erasureId)
  expect(await certificateOf(office, jws)).toMatchObject({ totals: { references: 1 } })
  expect(await office.records.ticket.read(bo, recordId)).toEqual({ text: 'a' })
})
