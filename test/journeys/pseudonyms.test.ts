import { expect, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import {
  accessorsOf,
  type Acme,
  ACTORS,
  ANNA,
  collect,
  eagerClock,
  fakeClock,
  giveOnWeb,
  openAcme,
  refusal,
} from '../support/acme.ts'
import { journey } from '../support/stores.ts'

const SUPPORT = { purpose: 'support', actor: ACTORS.support } as const
const MAIL = { ...SUPPORT, recipient: 'mail-processor' } as const
const UNKNOWN = { code: 'not_found', details: { kind: 'pseudonym' } }

async function registered(acme: Acme): Promise<string> {
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  return id
}

journey('one person has one pseudonym per recipient and purpose', async (place) => {
  const acme = await openAcme(place.store())
  const [anna, bo] = [await registered(acme), await registered(acme)]
  await giveOnWeb(acme, anna, ['marketing'])
  const marketing = { purpose: 'marketing', actor: ACTORS.marketing } as const
  const asks = [
    { ...MAIL, subjectId: anna },
    { ...MAIL, subjectId: bo },
    { ...MAIL, subjectId: anna, recipient: 'bank' },
    { ...marketing, subjectId: anna, recipient: 'mail-processor' },
  ]
  const pseudonyms: string[] = []
  for (const ask of asks) pseudonyms.push(await acme.pseudonyms.of(ask))
  expect(new Set(pseudonyms).size).toBe(4)
  for (const pseudonym of pseudonyms) expect(pseudonym).toMatch(/^[0-9a-f]{64}$/)
  // No two scopes share any part from which they could be joined.
  const halves = pseudonyms.flatMap((text) => [text.slice(0, 32), text.slice(32)])
  expect(new Set(halves).size).toBe(8)
  const other = await openAcme(place.store())
  const again: string[] = []
  for (const ask of asks) again.push(await other.pseudonyms.of(ask))
  expect(again).toEqual(pseudonyms)
  await other.close()
  await acme.close()
})

journey('only the controller finds the person of a pseudonym, and in its scope', async (place) => {
  const acme = await openAcme(place.store())
  const id = await registered(acme)
  const pseudonym = await acme.pseudonyms.of({ ...MAIL, subjectId: id })
  expect(await acme.pseudonyms.resolve(pseudonym, MAIL)).toEqual({ id })
  await acme.pseudonyms.of({ ...MAIL, subjectId: id, recipient: 'bank' })
  const bank = { ...SUPPORT, recipient: 'bank' } as const
  expect(await refusal(acme.pseudonyms.resolve(pseudonym as string as never, bank))).toEqual(
    UNKNOWN,
  )
  const unseen = { ...SUPPORT, recipient: 'nobody-asked' } as const
  for (const text of ['', 'x', '0'.repeat(64), pseudonym.toUpperCase(), `${pseudonym}00`, id])
    expect(await refusal(acme.pseudonyms.resolve(text as never, unseen))).toEqual(UNKNOWN)
  for (let at = 0; at < pseudonym.length; at += 1) {
    const digit = (Number.parseInt(pseudonym.charAt(at), 16) ^ 1).toString(16)
    const changed = pseudonym.slice(0, at) + digit + pseudonym.slice(at + 1)
    expect(await refusal(acme.pseudonyms.resolve(changed as never, MAIL))).toEqual(UNKNOWN)
  }
  await acme.close()
})

journey('a pseudonym is given and traced only where the permit says yes', async (place) => {
  const acme = await openAcme(place.store())
  const id = await registered(acme)
  const pseudonym = await acme.pseudonyms.of({ ...MAIL, subjectId: id })
  const stranger = { ...MAIL, actor: { id: 'staff:eve', roles: ['marketer'] } }
  const denied = {
    code: 'not_permitted',
    details: { purpose: 'support', reason: 'role', reasons: ['role'] },
  }
  expect(await refusal(acme.pseudonyms.of({ ...stranger, subjectId: id }))).toEqual(denied)
  expect(await refusal(acme.pseudonyms.resolve(pseudonym, stranger))).toEqual(denied)
  const unasked = { purpose: 'marketing', actor: ACTORS.marketing, recipient: 'bank' } as const
  expect(await refusal(acme.pseudonyms.of({ ...unasked, subjectId: id }))).toMatchObject({
    details: { reason: 'not_asked' },
  })
  const log = await collect(acme.audit.query({ subjectId: id }))
  expect(log.map(({ action, actor, record }) => [action, actor.id, record])).toEqual([
    ['read', 'staff:ida', 'pseudonym/mail-processor'],
    ['refused', 'staff:eve', 'pseudonym/mail-processor'],
    ['refused', 'staff:eve', 'pseudonym/mail-processor'],
    ['refused', 'staff:bo', 'pseudonym/bank'],
  ])
  await acme.close()
})

journey('nothing is given or traced of somebody who was erased', async (place) => {
  const acme = await openAcme(place.store())
  const id = await registered(acme)
  const pseudonym = await acme.pseudonyms.of({ ...MAIL, subjectId: id })
  await acme.erasure.erase(id, { reason: 'subject_request' })
  const erased = { code: 'erased', details: { kind: 'subject' } }
  expect(await refusal(acme.pseudonyms.of({ ...MAIL, subjectId: id }))).toEqual(erased)
  expect(await refusal(acme.pseudonyms.resolve(pseudonym, MAIL))).toEqual(erased)
  await acme.close()
})

journey('once its key is destroyed a pseudonym means nothing, in any process', async (place) => {
  const [acme, other] = [await openAcme(place.store()), await openAcme(place.store())]
  const id = await registered(acme)
  const pseudonym = await acme.pseudonyms.of({ ...MAIL, subjectId: id })
  expect(await other.pseudonyms.of({ ...MAIL, subjectId: id })).toBe(pseudonym)
  const scope = { recipient: 'mail-processor', purpose: 'support' } as const
  await acme.pseudonyms.destroy(scope)
  for (const process of [acme, other])
    expect(await refusal(process.pseudonyms.resolve(pseudonym, MAIL))).toEqual(UNKNOWN)
  expect(await refusal(other.pseudonyms.destroy(scope))).toEqual(UNKNOWN)
  const later = await other.pseudonyms.of({ ...MAIL, subjectId: id })
  expect(later).not.toBe(pseudonym)
  expect(await acme.pseudonyms.of({ ...MAIL, subjectId: id })).toBe(later)
  expect(await refusal(acme.pseudonyms.resolve(pseudonym, MAIL))).toEqual(UNKNOWN)
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await other.close()
  await acme.close()
})

journey('of many that ask first at once, all get the pseudonyms of one key', async (place) => {
  const acme = await openAcme(place.store(), { clock: eagerClock() })
  const other = await openAcme(place.store(), { clock: eagerClock() })
  const id = await registered(acme)
  const asked = [acme, other, acme, other].map(({ pseudonyms }) =>
    pseudonyms.of({ ...MAIL, subjectId: id }),
  )
  expect(new Set(await Promise.all(asked)).size).toBe(1)
  const rows = (await place.rows()).filter(([key]) => key.slice(17).startsWith('k/s/'))
  expect(rows).toHaveLength(1)
  expect(rows[0]?.[1]).toHaveLength(4 + 24 + 32 + 16)
  await other.close()
  await acme.close()
})

journey('no row shows who the recipients are', async (place) => {
  const acme = await openAcme(place.store())
  const id = await registered(acme)
  const pseudonym = await acme.pseudonyms.of({ ...MAIL, subjectId: id })
  await acme.close()
  const rows = await place.rows()
  for (const [key, value] of rows) {
    const text = `${key}\n${Buffer.from(value).toString('latin1')}`
    expect(text).not.toContain('mail-processor')
    expect(text).not.toContain(pseudonym)
  }
})

journey('a key that was exchanged or changed in the store is noticed', async (place) => {
  const acme = await openAcme(place.store())
  const id = await registered(acme)
  for (const recipient of ['mail-processor', 'bank'] as const)
    await acme.pseudonyms.of({ ...SUPPORT, recipient, subjectId: id })
  const [one, two] = (await place.rows()).filter(([key]) => key.slice(17).startsWith('k/s/'))
  if (one === undefined || two === undefined) throw new TypeError('two keys were made')
  const store = place.store()
  await store.open()
  const head = (await place.rows()).find(([key]) => key.endsWith('l/head'))
  if (head === undefined) throw new TypeError('the log has a head')
  await store.commit({ checks: [head], put: [head, [one[0], two[1]], [two[0], one[1]]], del: [] })
  await store.close()
  const unreadable = { code: 'key_unreadable', details: { what: 'core' } }
  const later = await openAcme(place.store())
  expect(await refusal(later.pseudonyms.of({ ...MAIL, subjectId: id }))).toEqual(unreadable)
  const { faults } = await later.ledger.verify({ deep: true })
  expect(faults.map(({ kind, key }) => [kind, key]).sort()).toEqual(
    [one[0], two[0]].map((key) => ['row_changed', key]).sort(),
  )
  await later.close()
  await acme.close()
})

test('what is asked wrongly is refused', async () => {
  const acme = await openAcme(memoryStore({ share: memoryData() }), { clock: fakeClock() })
  const id = await registered(acme)
  for (const change of [
    { recipient: '' },
    { recipient: 'x'.repeat(257) },
    { recipient: 7 },
    { recipient: '\ud800' },
    { subjectId: 7 },
    { actor: undefined },
    { extra: 1 },
  ]) {
    const ask = { ...MAIL, subjectId: id, ...change } as never
    expect(await refusal(acme.pseudonyms.of(ask))).toMatchObject({ code: 'invalid_input' })
  }
  const undeclared = { ...MAIL, subjectId: id, purpose: 'spying' } as never
  expect(await refusal(acme.pseudonyms.of(undeclared))).toMatchObject({ code: 'not_declared' })
  expect(
    await refusal(acme.pseudonyms.destroy({ recipient: 'a', purpose: 'b' } as never)),
  ).toMatchObject({ code: 'not_declared' })
  expect(await refusal(acme.pseudonyms.destroy(undefined as never))).toMatchObject({
    code: 'invalid_input',
  })
  expect(await refusal(acme.pseudonyms.resolve(7 as never, MAIL))).toMatchObject({
    code: 'invalid_input',
  })
  const nobody = { ...MAIL, subjectId: '0'.repeat(32) }
  expect(await refusal(acme.pseudonyms.of(nobody))).toMatchObject({ code: 'not_found' })
  await acme.close()
})
