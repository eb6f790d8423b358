import { deepStrictEqual } from 'node:assert'
import { format, inspect } from 'node:util'
import { expect } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  revisionOf,
} from 'privity'
import {
  accessorsOf,
  type Acme,
  ACTORS,
  ANNA,
  collect,
  controller,
  fakeClock,
  giveOnWeb,
  openAcme,
  refusal,
  SECRET,
} from '../support/acme.ts'
import { journey, type Place } from '../support/stores.ts'

const ALL = { ...ANNA, language: 'en' }

async function openWithAnna(place: Place): Promise<{ readonly acme: Acme; readonly id: string }> {
  const acme = await openAcme(place.store())
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  return { acme, id }
}

/** What a caller without types might pass. */
function untyped<T>(value: T): never {
  return value as never
}

journey('each purpose sees its own fields of one record', async (place) => {
  const { acme, id } = await openWithAnna(place)
  await giveOnWeb(acme, id, ['marketing', 'care'])
  const { support, marketing, care, analytics } = accessorsOf(acme)
  expect(await support.contact.read(id)).toEqual(ALL)
  expect(await marketing.contact.read(id)).toEqual({ name: 'Anna', email: ANNA.email })
  expect(await care.contact.read(id)).toEqual({})
  expect(await analytics.contact.read(id)).toEqual({ birthDate: 1990 })
  await acme.close()
})

journey('an update changes what it names and nothing else', async (place) => {
  const { acme, id } = await openWithAnna(place)
  await giveOnWeb(acme, id, ['marketing', 'care'])
  const { support, marketing, care } = accessorsOf(acme)
  await support.contact.update(id, { phone: '+31 20 1234567', language: 'nl' })
  await marketing.contact.update(id, { name: 'Anna B.' })
  await care.contact.update(id, { allergies: 'nuts' })
  await support.contact.update(id, {})
  const expected = { ...ANNA, name: 'Anna B.', phone: '+31 20 1234567', language: 'nl' }
  expect(await support.contact.read(id)).toEqual(expected)
  expect(await care.contact.read(id)).toEqual({ allergies: 'nuts' })
  await support.contact.update(id, { address: 'elsewhere' }, { unset: ['phone', 'language'] })
  expect(await support.contact.read(id)).toEqual({
    ...ANNA,
    name: 'Anna B.',
    address: 'elsewhere',
    language: 'en',
  })
  await care.contact.update(id, {}, { unset: ['allergies'] })
  expect(await care.contact.read(id)).toEqual({})
  await acme.close()
})

journey('keys that the record does not have are refused and not repeated', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support, marketing } = accessorsOf(acme)
  const declared = ['name', 'email', 'address', 'birthDate', 'phone', 'language']
  const expected = { code: 'not_declared', details: { kind: 'field', path: [], declared } }
  const { id: bram } = await acme.subjects.register()
  for (const extra of [{ shoeSize: 44 }, { constructor: 1 }, JSON.parse('{"__proto__":{}}')]) {
    const value = untyped(
      Object.defineProperties({ ...ANNA }, Object.getOwnPropertyDescriptors(extra)),
    )
    expect(await refusal(support.contact.create(bram, value))).toEqual(expected)
    expect(await refusal(support.contact.update(id, untyped(extra)))).toEqual(expected)
    expect(await refusal(collect(support.contact.find(untyped(extra))))).toEqual(expected)
  }
  expect(await refusal(support.contact.select(id, untyped(['shoeSize'])))).toEqual(expected)
  expect(await refusal(support.contact.update(id, {}, { unset: untyped(['shoeSize']) }))).toEqual(
    expected,
  )
  await giveOnWeb(acme, id, ['marketing'])
  const notMine = {
    code: 'not_permitted',
    details: {
      purpose: 'marketing',
      reason: 'field_not_in_purpose',
      reasons: ['field_not_in_purpose'],
    },
  }
  expect(await refusal(marketing.contact.update(id, untyped({ address: 'x' })))).toEqual(notMine)
  expect(await refusal(marketing.contact.select(id, untyped(['address'])))).toEqual(notMine)
  expect(await refusal(collect(marketing.contact.find(untyped({ phone: 'x' }))))).toEqual(notMine)
  expect(await refusal(marketing.contact.update(id, {}, { unset: untyped(['phone']) }))).toEqual(
    notMine,
  )
  expect(await support.contact.read(id)).toEqual(ALL)
  await acme.close()
})

journey(
  'a purpose that does not see every required field makes no record and ends none',
  async (place) => {
    const { acme, id } = await openWithAnna(place)
    const { id: bram } = await acme.subjects.register()
    await giveOnWeb(acme, bram, ['marketing'])
    const { marketing, analytics, support } = accessorsOf(acme)
    const create = untyped(marketing.contact) as {
      create(id: string, value: object): Promise<void>
    }
    const notMine = { code: 'not_permitted', details: { reason: 'field_not_in_purpose' } }
    expect(await refusal(create.create(bram, { name: 'B', email: 'b@example.com' }))).toMatchObject(
      notMine,
    )
    const { recordId } = await support.ticket.create(id, { text: 'help' })
    const { remove } = untyped(analytics.ticket) as typeof support.ticket
    expect(await refusal(remove(id, recordId))).toMatchObject(notMine)
    expect(await support.ticket.read(id, recordId)).toEqual({ text: 'help' })
    await acme.close()
  },
)

journey('values are held against their schemas', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  const { id: bram } = await acme.subjects.register()
  expect(await refusal(support.contact.create(bram, untyped({ name: '', email: 'x' })))).toEqual({
    code: 'invalid_input',
    details: {
      issues: [
        { path: ['name'], code: 'too_small' },
        { path: ['email'], code: 'invalid_format' },
        { path: ['address'], code: 'invalid_type' },
        { path: ['birthDate'], code: 'invalid_type' },
      ],
    },
  })
  expect(await refusal(support.contact.update(id, { email: 'nobody' }))).toMatchObject({
    details: { issues: [{ path: ['email'], code: 'invalid_format' }] },
  })
  expect(await refusal(support.contact.update(id, {}, { unset: untyped(['name']) }))).toEqual({
    code: 'invalid_input',
    details: { issues: [{ path: ['unset', 0], code: 'required' }] },
  })
  const both = { phone: '1' }
  expect(await refusal(support.contact.update(id, both, { unset: ['phone'] }))).toEqual({
    code: 'invalid_input',
    details: { issues: [{ path: ['unset', 0], code: 'also_set' }] },
  })
  expect(await support.contact.read(id)).toEqual(ALL)
  await acme.close()
})

journey('select opens the named fields only', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support, analytics } = accessorsOf(acme)
  expect(await support.contact.select(id, ['name', 'address'])).toEqual({
    name: 'Anna',
    address: ANNA.address,
  })
  expect(await support.contact.select(id, ['phone'])).toEqual({})
  expect(await support.contact.select(id, ['name', 'name'])).toEqual({ name: 'Anna' })
  expect(await analytics.contact.select(id, ['birthDate'])).toEqual({ birthDate: 1990 })
  const { recordId } = await support.ticket.create(id, { text: 'help', channel: 'mail' })
  expect(await support.ticket.select(id, recordId, ['channel'])).toEqual({ channel: 'mail' })
  expect(await refusal(support.contact.select(id, []))).toMatchObject({ code: 'invalid_input' })
  await acme.close()
})

journey('a person has one single record, and none until it is made', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  const { id: bram } = await acme.subjects.register()
  const missing = { code: 'not_found', details: { kind: 'record' } }
  expect(await refusal(support.contact.read(bram))).toEqual(missing)
  expect(await refusal(support.contact.update(bram, { name: 'B' }))).toEqual(missing)
  expect(await refusal(support.contact.create(id, ANNA))).toEqual({
    code: 'already_exists',
    details: { kind: 'record' },
  })
  const twice = await Promise.allSettled([
    support.contact.create(bram, ANNA),
    support.contact.create(bram, ANNA),
  ])
  expect(twice.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  await acme.close()
})

journey('a person may have many tickets, each by its id', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  const first = await support.ticket.create(id, { text: 'first' })
  const second = await support.ticket.create(id, { text: 'second', channel: 'mail' })
  expect(await support.ticket.read(id, first.recordId)).toEqual({ text: 'first' })
  await support.ticket.update(id, first.recordId, { text: 'first, answered' })
  await support.ticket.update(id, second.recordId, {}, { unset: ['channel'] })
  expect(await support.ticket.read(id, first.recordId)).toEqual({ text: 'first, answered' })
  expect(await support.ticket.read(id, second.recordId)).toEqual({ text: 'second' })
  await support.ticket.remove(id, first.recordId)
  const missing = { code: 'not_found', details: { kind: 'record' } }
  for (const recordId of [first.recordId, 'f'.repeat(32), 'x', '']) {
    expect(await refusal(support.ticket.read(id, recordId))).toEqual(missing)
    expect(await refusal(support.ticket.update(id, recordId, { text: 'x' }))).toEqual(missing)
    expect(await refusal(support.ticket.remove(id, recordId))).toEqual(missing)
  }
  expect(await collect(support.ticket.list({ subjectId: id }))).toHaveLength(1)
  await support.ticket.remove(id, second.recordId)
  expect(await collect(support.ticket.list())).toEqual([])
  await acme.close()
})

journey('a record of one person is not found under another', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  const { id: bram } = await acme.subjects.register()
  const { recordId } = await support.ticket.create(id, { text: 'help' })
  await support.ticket.create(bram, { text: 'mine' })
  expect(await refusal(support.ticket.read(bram, recordId))).toMatchObject({ code: 'not_found' })
  expect(await refusal(support.ticket.remove(bram, recordId))).toMatchObject({ code: 'not_found' })
  expect(await support.ticket.read(id, recordId)).toEqual({ text: 'help' })
  await acme.close()
})

journey('a write can be made conditional on the revision that was read', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  const view = await support.contact.read(id)
  const ifRevision = revisionOf(view) ?? -1
  expect(revisionOf(await support.contact.select(id, ['name']))).toBe(ifRevision)
  await support.contact.update(id, { name: 'A.' }, { ifRevision })
  expect(await refusal(support.contact.update(id, { name: 'B.' }, { ifRevision }))).toEqual({
    code: 'write_conflict',
    details: { attempts: 1 },
  })
  expect(await support.contact.read(id)).toMatchObject({ name: 'A.' })

  const { recordId } = await support.ticket.create(id, { text: 'help' })
  const stale = { ifRevision: revisionOf(await support.ticket.read(id, recordId)) ?? -1 }
  await support.ticket.update(id, recordId, { text: 'changed' })
  expect(await refusal(support.ticket.remove(id, recordId, stale))).toMatchObject({
    code: 'write_conflict',
  })
  const fresh = { ifRevision: revisionOf(await support.ticket.read(id, recordId)) ?? -1 }
  await support.ticket.remove(id, recordId, fresh)
  await acme.close()
})

journey('of two conditional writes at once one is made', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  const ifRevision = revisionOf(await support.contact.read(id)) ?? -1
  const outcomes = await Promise.allSettled(
    ['A', 'B', 'C'].map((name) => support.contact.update(id, { name }, { ifRevision })),
  )
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  await acme.close()
})

journey('an operation id makes a record once', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  const once = { operationId: 'form-9' }
  const first = await support.ticket.create(id, { text: 'help' }, once)
  const second = await support.ticket.create(id, { text: 'help' }, once)
  expect(second).toEqual(first)
  expect(await collect(support.ticket.list())).toHaveLength(1)
  expect(await refusal(support.ticket.create(id, { text: 'other' }, once))).toMatchObject({
    code: 'invalid_input',
  })
  await support.ticket.remove(id, first.recordId, { operationId: 'form-10' })
  await support.ticket.remove(id, first.recordId, { operationId: 'form-10' })
  await support.contact.update(id, { name: 'B' }, { operationId: 'form-11' })
  await support.contact.update(id, { name: 'C' })
  await support.contact.update(id, { name: 'B' }, { operationId: 'form-11' })
  expect(await support.contact.read(id)).toMatchObject({ name: 'C' })
  await acme.close()
})

journey('people are found by e-mail, however it is written', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support, marketing } = accessorsOf(acme)
  const { id: bram } = await acme.subjects.register()
  await support.contact.create(bram, { ...ANNA, name: 'Bram', email: 'Bram@Example.com' })
  for (const email of ['anna@example.com', 'ANNA@EXAMPLE.COM', ' Anna@example.com\t']) {
    const [found, ...others] = await collect(support.contact.find({ email }))
    expect(found).toMatchObject({ subjectId: id, view: ALL })
    expect(others).toEqual([])
  }
  expect(await collect(support.contact.find({ email: 'bram@example.com' }))).toHaveLength(1)
  expect(await collect(support.contact.find({ email: 'nobody@example.com' }))).toEqual([])
  expect(await collect(marketing.contact.find({ email: ANNA.email }))).toEqual([])
  await giveOnWeb(acme, id, ['marketing'])
  expect(await collect(marketing.contact.find({ email: ANNA.email }))).toMatchObject([
    { view: { name: 'Anna', email: ANNA.email } },
  ])
  await acme.close()
})

journey('a lookup follows the value: changed, cleared, set again, shared', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  const idsOf = async (where: { email?: string; phone?: string }): Promise<readonly string[]> =>
    (await collect(support.contact.find(where))).map(({ subjectId }) => subjectId)
  await support.contact.update(id, { email: 'anna@new.example', phone: '0031 (0)20 123' })
  expect(await idsOf({ email: ANNA.email })).toEqual([])
  expect(await idsOf({ email: 'Anna@New.example' })).toEqual([id])
  expect(await idsOf({ phone: '+31 20 123' })).toEqual([id])
  expect(await idsOf({ email: 'anna@new.example', phone: '+3120123' })).toEqual([id])
  expect(await idsOf({ email: 'anna@new.example', phone: '+3120124' })).toEqual([])
  await support.contact.update(id, { name: 'A' })
  expect(await idsOf({ phone: '+3120123' })).toEqual([id])
  await support.contact.update(id, {}, { unset: ['phone'] })
  expect(await idsOf({ phone: '+3120123' })).toEqual([])
  await support.contact.update(id, { phone: '+3120123' })

  const { id: bram } = await acme.subjects.register()
  await support.contact.create(bram, { ...ANNA, name: 'Bram', phone: '+31 20123' })
  expect((await idsOf({ phone: '+3120123' })).toSorted()).toEqual([id, bram].toSorted())
  await acme.close()
})

journey('tickets are found across people, and no longer once they are removed', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  const { id: bram } = await acme.subjects.register()
  const made = await Promise.all(
    [id, id, bram].map((person) => support.ticket.create(person, { text: 't', channel: 'mail' })),
  )
  const found = await collect(support.ticket.find({ channel: 'mail' }))
  expect(found.map(({ recordId }) => recordId).toSorted()).toEqual(
    made.map(({ recordId }) => recordId).toSorted(),
  )
  await support.ticket.remove(id, made[0]?.recordId ?? '')
  await support.ticket.update(id, made[1]?.recordId ?? '', { channel: 'phone' })
  expect(await collect(support.ticket.find({ channel: 'mail' }))).toMatchObject([
    { subjectId: bram },
  ])
  await acme.close()
})

journey('a search needs a field with a lookup that this purpose sees plainly', async (place) => {
  const { acme } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  for (const [where, code] of [
    [{}, 'empty'],
    [{ email: undefined }, 'empty'],
    [{ email: '' }, 'empty'],
    [{ email: '   ' }, 'empty'],
    [{ email: 5 }, 'not_a_string'],
    [{ email: null }, 'not_a_string'],
    [{ name: 'Anna' }, 'no_lookup'],
  ] as const) {
    const { code: found, details } = await refusal(collect(support.contact.find(untyped(where))))
    expect({ where, found, details }).toMatchObject({
      found: 'invalid_input',
      details: { issues: [{ code }] },
    })
  }
  await acme.close()
})

journey('a lookup that a purpose sees through a view is refused to it', async (place) => {
  const purposes = definePurposes({
    support: { basis: 'contract', description: 'Help' },
    analytics: { basis: 'legitimate_interests', description: 'Count' },
  })
  const contact = defineRecord(purposes, ({ field }) => ({
    email: field(z.email(), {
      purposes: ['support', 'analytics'],
      lookup: 'email',
      views: { analytics: (email) => email.split('@')[1] ?? '' },
    }),
  }))
  const policy = definePolicy({
    controller,
    purposes,
    records: { contact },
    roles: { all: { purposes: ['support', 'analytics'] } },
  })
  const options = { policy, keys: localKeys(SECRET), clock: fakeClock() }
  const privity = await createPrivity({ ...options, store: place.store() })
  const { id } = await privity.subjects.register()
  const actor = { id: 'a', roles: ['all'] }
  await privity.accessor({ purpose: 'support', actor }).contact.create(id, { email: ANNA.email })
  const analytics = privity.accessor({ purpose: 'analytics', actor })
  expect(await analytics.contact.read(id)).toEqual({ email: 'example.com' })
  expect(await refusal(collect(analytics.contact.find(untyped({ email: ANNA.email }))))).toEqual({
    code: 'invalid_input',
    details: { issues: [{ path: ['where', 'email'], code: 'seen_through_a_view' }] },
  })
  await privity.close()
})

journey('a list goes on behind a cursor, and every item comes once', async (place) => {
  const acme = await openAcme(place.store())
  const { support } = accessorsOf(acme)
  const people = await Promise.all(Array.from({ length: 150 }, () => acme.subjects.register()))
  await Promise.all(people.map(({ id }) => support.contact.create(id, ANNA)))
  await Promise.all(
    people
      .slice(0, 40)
      .flatMap(({ id }) => [
        support.ticket.create(id, { text: 'a' }),
        support.ticket.create(id, { text: 'b' }),
      ]),
  )

  const contacts = await collect(support.contact.list())
  expect(new Set(contacts.map(({ subjectId }) => subjectId)).size).toBe(150)
  const paged: string[] = []
  for (let after: string | undefined; ; ) {
    const page = await collect(
      support.contact.list({ limit: 64, ...(after === undefined ? {} : { after }) }),
    )
    paged.push(...page.map(({ subjectId }) => subjectId))
    after = page.at(-1)?.cursor
    if (page.length < 64) break
  }
  expect(paged).toEqual(contacts.map(({ subjectId }) => subjectId))

  const tickets = await collect(support.ticket.list())
  const ids: string[] = []
  for (let after: string | undefined; ; ) {
    const page = await collect(
      support.ticket.list({ limit: 7, ...(after === undefined ? {} : { after }) }),
    )
    ids.push(...page.map(({ recordId }) => recordId))
    after = page.at(-1)?.cursor
    if (page.length < 7) break
  }
  expect(ids).toEqual(tickets.map(({ recordId }) => recordId))
  expect(new Set(ids).size).toBe(80)

  const subjectId = tickets[0]?.subjectId ?? ''
  const [mine, ...more] = await collect(support.ticket.list({ subjectId }))
  expect(more).toHaveLength(1)
  const behind = { subjectId, after: mine?.cursor ?? '' }
  expect(await collect(support.ticket.list(behind))).toHaveLength(1)

  const found = await collect(support.contact.find({ email: ANNA.email }, { limit: 100 }))
  const rest = support.contact.find({ email: ANNA.email }, { after: found.at(-1)?.cursor ?? '' })
  expect(await collect(rest)).toHaveLength(50)
  await acme.close()
})

journey('a cursor of another kind of list, or none at all, is refused', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  const { recordId } = await support.ticket.create(id, { text: 'x' })
  for (const after of ['', 'x', recordId + id, `${id}.${recordId}`, `${id}\n`]) {
    expect(await refusal(collect(support.contact.list({ after })))).toEqual({
      code: 'invalid_input',
      details: { issues: [{ path: ['after'], code: 'not_a_cursor' }] },
    })
  }
  expect(await refusal(collect(support.ticket.list({ after: id })))).toMatchObject({
    code: 'invalid_input',
  })
  for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(await refusal(collect(support.contact.list({ limit })))).toMatchObject({
      code: 'invalid_input',
    })
  }
  expect(await refusal(collect(support.contact.list(untyped({ subjectId: id }))))).toMatchObject({
    code: 'invalid_input',
  })
  const nobody = 'f'.repeat(32)
  expect(await refusal(collect(support.ticket.list({ subjectId: nobody })))).toEqual({
    code: 'not_found',
    details: { kind: 'subject' },
  })
  await acme.close()
})

journey('a list of one person goes on behind cursors of that person only', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  const { id: bram } = await acme.subjects.register()
  await support.ticket.create(id, { text: 'hers' })
  const { recordId } = await support.ticket.create(bram, { text: 'his' })
  const after = `${bram}.${recordId}`
  expect(await refusal(collect(support.ticket.list({ subjectId: id, after })))).toMatchObject({
    code: 'invalid_input',
  })
  await acme.close()
})

journey('a list leaves out who gave no live basis, and says nothing of them', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support, marketing } = accessorsOf(acme)
  const others = await Promise.all(Array.from({ length: 9 }, () => acme.subjects.register()))
  await Promise.all(others.map(({ id: other }) => support.contact.create(other, ANNA)))
  expect(await collect(marketing.contact.list())).toEqual([])
  await giveOnWeb(acme, id, ['marketing'])
  expect((await collect(marketing.contact.list())).map(({ subjectId }) => subjectId)).toEqual([id])
  expect(await collect(marketing.contact.list({ limit: 1 }))).toHaveLength(1)
  expect(await collect(support.contact.list())).toHaveLength(10)
  await acme.consent.withdraw(id, { purposes: ['marketing'] })
  expect(await collect(marketing.contact.list())).toEqual([])
  await acme.close()
})

journey(
  'an actor without the role, or with one that nobody declared, sees nothing',
  async (place) => {
    const { acme, id } = await openWithAnna(place)
    for (const roles of [[], ['marketer'], ['root'], ['__proto__'], ['constructor']]) {
      const support = acme.accessor({ purpose: 'support', actor: { id: 'x', roles } })
      const denied = {
        code: 'not_permitted',
        details: { purpose: 'support', reason: 'role', reasons: ['role'] },
      }
      expect(await refusal(support.contact.read(id))).toEqual(denied)
      expect(await refusal(support.contact.update(id, { name: 'x' }))).toEqual(denied)
      expect(await refusal(support.ticket.create(id, { text: 'x' }))).toEqual(denied)
      expect(await refusal(collect(support.contact.list()))).toEqual(denied)
      expect(await refusal(collect(support.contact.find({ email: ANNA.email })))).toEqual(denied)
      const ask = { subjectId: id, purpose: 'support', actor: { id: 'x', roles } } as const
      expect(await acme.may(ask)).toEqual({ allowed: false, reasons: ['role'] })
    }
    await acme.close()
  },
)

journey('every reason of a refusal is told', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const marketing = acme.accessor({ purpose: 'marketing', actor: { id: 'x', roles: [] } })
  expect(await refusal(marketing.contact.read(id))).toEqual({
    code: 'not_permitted',
    details: { purpose: 'marketing', reason: 'role', reasons: ['role', 'not_asked'] },
  })
  await acme.close()
})

journey('the app says who may see whom, and an error of the app is a no', async (place) => {
  const asked: object[] = []
  let answer: () => unknown = () => true
  const acme = await openAcme(place.store(), {
    relationship: (ask) => {
      asked.push(ask)
      return answer() as boolean
    },
  })
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  expect(asked).toEqual([{ actor: ACTORS.support, subjectId: id, purpose: 'support' }])
  const denied = {
    code: 'not_permitted',
    details: { purpose: 'support', reason: 'no_relationship', reasons: ['no_relationship'] },
  }
  const marker = 'marker-of-the-app'
  const answers: readonly (() => unknown)[] = [
    () => false,
    () => undefined,
    () => 1,
    () => 'true',
    () => ({}),
    () => Promise.resolve(false),
  ]
  const failures: readonly (() => unknown)[] = [
    () => Promise.reject(new Error(marker)),
    () => {
      throw new Error(marker)
    },
  ]
  for (const no of [...answers, ...failures]) {
    answer = no
    expect(await refusal(support.contact.read(id))).toEqual(denied)
    expect(await refusal(support.contact.update(id, { name: 'x' }))).toEqual(denied)
    // Nobody to be seen is another answer than none at all.
    const list = collect(support.contact.list())
    if (failures.includes(no)) expect(await refusal(list)).toEqual(denied)
    else expect(await list).toEqual([])
    const ask = { subjectId: id, purpose: 'support', actor: ACTORS.support } as const
    expect(await acme.may(ask)).toEqual({ allowed: false, reasons: ['no_relationship'] })
  }
  answer = () => Promise.resolve(true)
  expect(await support.contact.read(id)).toEqual(ALL)
  await acme.close()
})

journey('a purpose that requires a task is refused without one', async (place) => {
  const purposes = definePurposes({
    repair: { basis: 'contract', description: 'Repair things', requiresTask: true },
  })
  const contact = defineRecord(purposes, ({ field }) => ({
    name: field(z.string(), { purposes: ['repair'] }),
  }))
  const policy = definePolicy({
    controller,
    purposes,
    records: { contact },
    roles: { fitter: { purposes: ['repair'] } },
  })
  const options = { policy, keys: localKeys(SECRET), clock: fakeClock() }
  const privity = await createPrivity({ ...options, store: place.store() })
  const { id } = await privity.subjects.register()
  const ask = { purpose: 'repair', actor: { id: 'x', roles: ['fitter'] } } as const
  const denied = {
    code: 'not_permitted',
    details: { purpose: 'repair', reason: 'task_required', reasons: ['task_required'] },
  }
  const without = privity.accessor(ask).contact
  expect(await refusal(without.create(id, { name: 'Anna' }))).toEqual(denied)
  await privity.accessor({ ...ask, task: 'order-7' }).contact.create(id, { name: 'Anna' })
  expect(await refusal(without.read(id))).toEqual(denied)
  expect(await privity.may({ ...ask, subjectId: id })).toEqual({
    allowed: false,
    reasons: ['task_required'],
  })
  expect(await privity.may({ ...ask, subjectId: id, task: 'order-7' })).toMatchObject({
    allowed: true,
  })
  await privity.close()
})

journey('a view is frozen, equal to a plain object, and prints names only', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  const view = await support.contact.read(id)
  const printed = '[contact for support: name, email, address, birthDate, language]'
  expect(Object.isFrozen(view)).toBe(true)
  expect(Object.getPrototypeOf(view)).toBe(Object.prototype)
  expect(() => Object.assign(view, { name: 'x' })).toThrow(TypeError)
  expect(Object.keys(view)).toEqual(['name', 'email', 'address', 'birthDate', 'language'])
  expect({ ...view }).toEqual(ALL)
  expect(JSON.parse(JSON.stringify(view))).toEqual(ALL)
  expect(structuredClone({ ...view })).toEqual(ALL)
  deepStrictEqual(view, ALL)
  for (const text of [
    inspect(view),
    inspect(view, { showHidden: true, depth: 9 }),
    format('%o', view),
    format('%O', view),
    format('%s', view),
    format(view),
  ]) {
    expect(text).toBe(printed)
  }
  expect(inspect([{ found: view }], { breakLength: 200 })).toBe(`[ { found: ${printed} } ]`)
  for await (const found of support.contact.list()) {
    expect(inspect(found, { depth: 9 })).not.toContain('Anna')
    expect(Object.isFrozen(found)).toBe(true)
  }
  await acme.close()
})

journey('what is inside a view is frozen too, and shared with nobody', async (place) => {
  const purposes = definePurposes({ support: { basis: 'contract', description: 'Help' } })
  const contact = defineRecord(purposes, ({ field }) => ({
    tags: field(z.array(z.strictObject({ text: z.string() })), { purposes: ['support'] }),
    settings: field(z.strictObject({ list: z.array(z.string()) }).default({ list: ['a'] }), {
      purposes: ['support'],
    }),
  }))
  const policy = definePolicy({
    controller,
    purposes,
    records: { contact },
    roles: { agent: { purposes: ['support'] } },
  })
  const options = { policy, keys: localKeys(SECRET), clock: fakeClock() }
  const privity = await createPrivity({ ...options, store: place.store() })
  const { id } = await privity.subjects.register()
  const support = privity.accessor({ purpose: 'support', actor: ACTORS.support })
  const input = { tags: [{ text: 'one' }] }
  const creating = support.contact.create(id, input)
  input.tags[0] = { text: 'changed while it was on its way' }
  await creating
  const view = await support.contact.read(id)
  expect(view).toEqual({ tags: [{ text: 'one' }], settings: { list: ['a'] } })
  const tags = view.tags as { text: string }[]
  expect(() => tags.push({ text: 'two' })).toThrow(TypeError)
  expect(() => Object.assign(view.tags[0] ?? {}, { text: 'x' })).toThrow(TypeError)
  expect(() => (view.settings.list as string[]).push('b')).toThrow(TypeError)
  await privity.close()
})

journey('a view function that throws or lies shows nothing of the plain value', async (place) => {
  const marker = 'marker-1990'
  const purposes = definePurposes({
    support: { basis: 'contract', description: 'Help' },
    analytics: { basis: 'legitimate_interests', description: 'Count' },
  })
  const contact = defineRecord(purposes, ({ field }) => ({
    name: field(z.string(), {
      purposes: ['support', 'analytics'],
      views: {
        analytics: (plain) => {
          throw new Error(plain)
        },
      },
    }),
  }))
  const policy = definePolicy({
    controller,
    purposes,
    records: { contact },
    roles: { all: { purposes: ['support', 'analytics'] } },
  })
  const options = { policy, keys: localKeys(SECRET), clock: fakeClock() }
  const privity = await createPrivity({ ...options, store: place.store() })
  const { id } = await privity.subjects.register()
  const actor = { id: 'a', roles: ['all'] }
  await privity.accessor({ purpose: 'support', actor }).contact.create(id, { name: marker })
  const analytics = privity.accessor({ purpose: 'analytics', actor })
  const error = await analytics.contact.read(id).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'incomplete_record', details: { fields: ['name'] } })
  expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain(marker)
  await privity.close()
})

journey('an aborted call does nothing', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  const reason = new Error('enough')
  const signal = AbortSignal.abort(reason)
  await expect(support.contact.read(id, { signal })).rejects.toBe(reason)
  await expect(support.contact.update(id, { name: 'x' }, { signal })).rejects.toBe(reason)
  await expect(acme.consent.withdraw(id, { purposes: ['care'] }, { signal })).rejects.toBe(reason)
  await expect(collect(support.contact.list({ signal }))).rejects.toBe(reason)
  expect(await support.contact.read(id)).toEqual(ALL)
  await acme.close()
})

journey('people have different external ids', async (place) => {
  const acme = await openAcme(place.store())
  const { id } = await acme.subjects.register({ externalId: 'crm-17' })
  const { id: other } = await acme.subjects.register({ externalId: 'CRM-17' })
  expect(other).not.toBe(id)
  const taken = { code: 'already_exists', details: { kind: 'subject' } }
  expect(await refusal(acme.subjects.register({ externalId: 'crm-17' }))).toEqual(taken)
  const race = await Promise.allSettled(
    [1, 2, 3].map(() => acme.subjects.register({ externalId: 'crm-18' })),
  )
  expect(race.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(await acme.subjects.find({ externalId: 'crm-17' })).toEqual({ id })
  expect(await acme.subjects.find({ externalId: 'crm-19' })).toBeUndefined()
  await acme.close()
})

/** Names that every object seems to have. */
const INHERITED = ['constructor', 'toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf'] as const

journey(
  'a purpose named like a property of every object is refused, or works as any other',
  async (place) => {
    for (const name of INHERITED) {
      let policy: AnyPolicy
      try {
        policy = policyWithPurposes(name, `${name}2`)
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_input' })
        continue
      }
      const options = { policy, keys: localKeys(SECRET), clock: fakeClock(), tenant: name }
      const privity = await createPrivity({ ...options, store: place.store() })
      const { id } = await privity.subjects.register()
      const actor = { id: 'a', roles: ['all'] }
      const ask = { subjectId: id, purpose: name as 'support', actor }
      expect({ name, ...(await privity.may(ask)) }).toEqual({ name, allowed: true, reasons: [] })
      await privity.accessor(withoutSubject(ask)).contact.create(id, { name: 'Anna' })
      await privity.close()
    }
  },
)

journey(
  'consent to a purpose named like a property of every object is asked for',
  async (place) => {
    for (const name of INHERITED) {
      let policy: AnyPolicy
      try {
        policy = policyWithPurposes(`${name}2`, name)
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_input' })
        continue
      }
      const options = { policy, keys: localKeys(SECRET), clock: fakeClock(), tenant: name }
      const privity = await createPrivity({ ...options, store: place.store() })
      const { id } = await privity.subjects.register()
      const actor = { id: 'a', roles: ['all'] }
      const ask = { subjectId: id, purpose: name as 'support', actor }
      expect({ name, ...(await privity.may(ask)) }).toEqual({
        name,
        allowed: false,
        reasons: ['not_asked'],
      })
      const notice = await privity.notices.publish({ id: 'p', version: '1', texts: { en: 'w' } })
      const method = { channel: 'paper' } as const
      await privity.consent.give(id, { purposes: [untyped(name)], notice, method })
      expect({ name, ...(await privity.may(ask)) }).toEqual({ name, allowed: true, reasons: [] })
      await privity.close()
    }
  },
)

journey('a field named like a property of every object keeps its lookup', async (place) => {
  for (const name of ['isPrototypeOf', 'propertyIsEnumerable', 'toLocaleString']) {
    const purposes = definePurposes({ support: { basis: 'contract', description: 'Help' } })
    const define = (): object =>
      defineRecord(purposes, ({ field }) => ({
        name: field(z.string(), { purposes: ['support'] }),
        [name]: field(z.string(), { purposes: ['support'], lookup: 'exact' }),
      }))
    let contact: object
    try {
      contact = define()
    } catch (error) {
      expect(error).toMatchObject({ code: 'invalid_input' })
      continue
    }
    const policy = definePolicy({
      controller,
      purposes,
      records: { contact: untyped(contact) },
      roles: { agent: { purposes: ['support'] } },
    })
    const options = { policy, keys: localKeys(SECRET), clock: fakeClock(), tenant: name }
    const privity = await createPrivity({ ...options, store: place.store() })
    const { id } = await privity.subjects.register()
    const support = privity.accessor({ purpose: 'support', actor: ACTORS.support })
    const plain = untyped(support.contact) as {
      create(id: string, value: object): Promise<void>
      update(id: string, value: object): Promise<void>
      find(where: object): AsyncIterable<object>
    }
    await plain.create(id, { name: 'Anna', [name]: 'x' })
    await plain.update(id, { name: 'Anna B.' })
    expect({ name, found: await collect(plain.find({ [name]: 'x' })) }).toMatchObject({
      found: [{ subjectId: id }],
    })
    await privity.close()
  }
})

type AnyPolicy = ReturnType<typeof policyWithPurposes>

/** One purpose on contract, one on consent, under names that are computed. */
function policyWithPurposes(contract: string, consent: string) {
  const purposes = definePurposes({
    [contract]: { basis: 'contract', description: 'Help' },
    [consent]: { basis: 'consent', description: 'Offers' },
  } as { readonly support: { readonly basis: 'contract'; readonly description: string } })
  const contact = defineRecord(purposes, ({ field }) => ({
    name: field(z.string(), { purposes: [contract as 'support'] }),
  }))
  return definePolicy({
    controller,
    purposes,
    records: { contact },
    roles: { all: { purposes: [contract as 'support', consent as 'support'] } },
  })
}

function withoutSubject<A extends { readonly purpose: unknown; readonly actor: unknown }>({
  purpose,
  actor,
}: A): { readonly purpose: A['purpose']; readonly actor: A['actor'] } {
  return { purpose, actor }
}

journey(
  'a record that grew too big is refused as too big, and the person stays as they were',
  async (place) => {
    const { acme, id } = await openWithAnna(place)
    const { support } = accessorsOf(acme)
    const much = 'x'.repeat(180_000)
    const tooBig = { code: 'invalid_input', details: { issues: [{ path: [], code: 'too_big' }] } }
    expect(await refusal(support.contact.update(id, { name: much, address: much }))).toEqual(tooBig)
    await support.contact.update(id, { name: much })
    // Each change is small enough by itself; the record with all of them is not.
    expect(await refusal(support.contact.update(id, { address: much }))).toEqual(tooBig)
    await support.contact.update(id, { name: 'Anna' })
    expect(await support.contact.read(id)).toEqual(ALL)
    await acme.close()
  },
)
