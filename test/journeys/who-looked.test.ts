import { expect } from 'vitest'
import * as z from 'zod'
import {
  type AccessRecord,
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
} from 'privity'
import {
  accessorsOf,
  type Acme,
  ACTORS,
  ANNA,
  caught,
  collect,
  controller,
  eagerClock,
  fakeClock,
  giveOnWeb,
  openAcme,
  refusal,
  SECRET,
  START,
} from '../support/acme.ts'
import { journey, type Place, storesOf } from '../support/stores.ts'

function told(records: readonly AccessRecord[]): readonly unknown[] {
  return records.map(({ actor, purpose, action, record }) => [actor.id, purpose, action, record])
}

async function whoLooked(acme: Acme, subjectId: string): Promise<readonly unknown[]> {
  return told(await collect(acme.audit.query({ subjectId })))
}

async function registered(acme: Acme, email: string = ANNA.email): Promise<string> {
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, { ...ANNA, email })
  return id
}

function open(place: Place, options: Parameters<typeof openAcme>[1] = {}): Promise<Acme> {
  return openAcme(place.store(), { clock: eagerClock(), ...options })
}

journey('a person is told who looked at their data, and who tried', async (place) => {
  const acme = await open(place)
  const anna = await registered(acme)
  const ben = await registered(acme, 'ben@example.com')
  const { support, marketing } = accessorsOf(acme)
  await support.contact.read(anna)
  await support.contact.read(ben)
  await caught(marketing.contact.read(anna))
  await giveOnWeb(acme, anna, ['marketing'])
  await marketing.contact.read(anna)
  await collect(support.contact.find({ email: ANNA.email }))
  const { recordId } = await support.ticket.create(anna, { text: 'help' })
  await support.ticket.read(anna, recordId)
  await collect(support.contact.list())
  expect(await whoLooked(acme, anna)).toEqual([
    ['staff:ida', 'support', 'read', 'contact'],
    ['staff:bo', 'marketing', 'refused', 'contact'],
    ['staff:bo', 'marketing', 'read', 'contact'],
    ['staff:ida', 'support', 'find', 'contact'],
    ['staff:ida', 'support', 'read', 'ticket'],
    ['staff:ida', 'support', 'list', 'contact'],
  ])
  expect(await whoLooked(acme, ben)).toEqual([
    ['staff:ida', 'support', 'read', 'contact'],
    ['staff:ida', 'support', 'list', 'contact'],
  ])
  await acme.close()
})

journey('a record of the log says what was opened, by names', async (place) => {
  const acme = await open(place)
  const anna = await registered(acme)
  await giveOnWeb(acme, anna, ['marketing'])
  const actor = ACTORS.marketing
  await acme
    .accessor({ purpose: 'marketing', actor, task: 'campaign-7' })
    .contact.select(anna, ['name'])
  const [record] = await collect(acme.audit.query({ subjectId: anna }))
  expect(record).toEqual({
    at: '2026-11-21T09:00:00.000Z',
    actor: { id: 'staff:bo', roles: ['marketer'] },
    purpose: 'marketing',
    record: 'contact',
    action: 'read',
    classes: ['contact:marketing+support'],
    task: 'campaign-7',
    pseudonym: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
    subjectId: anna,
    cursor: expect.any(String),
  })
  await acme.close()
})

journey('an auditor asks by actor, purpose, action and time', async (place) => {
  const clock = fakeClock()
  const acme = await open(place, { clock })
  const anna = await registered(acme)
  const { support, marketing, analytics } = accessorsOf(acme)
  for (let hour = 0; hour < 5; hour += 1) {
    await support.contact.read(anna)
    await analytics.contact.read(anna)
    await caught(marketing.contact.read(anna))
    clock.advance({ hours: 1 })
  }
  const count = async (filter: Parameters<Acme['audit']['query']>[0]): Promise<number> =>
    (await collect(acme.audit.query(filter))).length
  expect(await count({})).toBe(15)
  expect(await count({ actor: 'staff:ida' })).toBe(5)
  expect(await count({ purpose: 'analytics' })).toBe(5)
  expect(await count({ action: 'refused' })).toBe(5)
  const [from, to] = ['2026-11-21T10:00:00Z', '2026-11-21T12:00:00Z']
  expect(await count({ from, to })).toBe(6)
  expect(await count({ actor: 'staff:ida', from, to })).toBe(2)
  expect(await count({ subjectId: anna, purpose: 'marketing', to })).toBe(3)
  expect(await count({ actor: 'staff:ida', purpose: 'analytics' })).toBe(0)
  expect(await count({ purpose: 'never declared' })).toBe(0)
  await acme.close()
})

journey('who was erased, or never was, is told apart from whom nobody looked at', async (place) => {
  const acme = await open(place)
  const anna = await registered(acme)
  const ben = await registered(acme, 'ben@example.com')
  await accessorsOf(acme).support.contact.read(anna)
  expect(await whoLooked(acme, ben)).toEqual([])
  await acme.erasure.erase(anna, { reason: 'subject_request' })
  expect(await refusal(whoLooked(acme, anna))).toEqual({
    code: 'erased',
    details: { kind: 'subject' },
  })
  for (const nobody of ['0'.repeat(32), 'anna', ''])
    expect(await refusal(whoLooked(acme, nobody))).toEqual({
      code: 'not_found',
      details: { kind: 'subject' },
    })
  // That somebody was looked at stays in the log; who it was, nobody can tell any more.
  const [record] = await collect(acme.audit.query({ actor: 'staff:ida' }))
  expect(record).toMatchObject({ purpose: 'support', action: 'read' })
  expect(JSON.stringify(record)).not.toContain(anna)
  await acme.close()
})

journey('the answer is the same from every instance, and after a restart', async (place) => {
  const clock = eagerClock()
  const [first, second] = [await open(place, { clock }), await open(place, { clock })]
  const anna = await registered(first)
  for (let n = 0; n < 6; n += 1) {
    clock.advance(1_000)
    const { support, analytics } = accessorsOf(n % 2 === 0 ? first : second)
    await (n % 3 === 0 ? support : analytics).contact.read(anna)
  }
  const answer = await whoLooked(first, anna)
  expect(answer).toHaveLength(6)
  expect(await whoLooked(second, anna)).toEqual(answer)
  const [one] = await collect(first.audit.query({ subjectId: anna }, { limit: 1 }))
  await first.close()
  await second.close()
  const third = await open(place, { clock })
  expect(await whoLooked(third, anna)).toEqual(answer)
  const after = one?.cursor ?? ''
  const rest = await collect(third.audit.query({ subjectId: anna }, { after }))
  expect(told(rest)).toEqual(answer.slice(1))
  await third.close()
})

journey(
  'accesses for a purpose that the policy has no longer stay in the answer',
  async (place) => {
    const acme = await open(place)
    const anna = await registered(acme)
    await accessorsOf(acme).analytics.contact.read(anna)
    await acme.close()
    const purposes = definePurposes({ support: { basis: 'contract', description: 'Answer you' } })
    const next = await createPrivity({
      policy: definePolicy({
        controller,
        purposes,
        records: {
          contact: defineRecord(purposes, ({ field }) => ({
            name: field(z.string(), { purposes: ['support'] }),
          })),
        },
        roles: { agent: { purposes: ['support'] } },
      }),
      ...storesOf(place.store()),
      keys: localKeys(SECRET),
      clock: eagerClock(),
    })
    const records = await collect(next.audit.query({ purpose: 'analytics' }))
    expect(told(records)).toEqual([['job:count', 'analytics', 'read', 'contact']])
    expect(records[0]?.classes).toEqual(['contact:analytics+support'])
    await next.close()
  },
)

journey('what a deferred app has just read is in its own answer', async (place) => {
  const acme = await open(place, { audit: 'deferred', clock: fakeClock(START) })
  const anna = await registered(acme)
  for (let n = 0; n < 300; n += 1) await accessorsOf(acme).support.contact.read(anna)
  expect(await whoLooked(acme, anna)).toHaveLength(300)
  await acme.close()
})

journey('asking is no access, and leaves nothing behind', async (place) => {
  const acme = await open(place)
  const anna = await registered(acme)
  await accessorsOf(acme).support.contact.read(anna)
  const before = await place.rows()
  await whoLooked(acme, anna)
  await collect(acme.audit.query())
  await caught(whoLooked(acme, '0'.repeat(32)))
  expect(await place.rows()).toEqual(before)
  await acme.close()
})
