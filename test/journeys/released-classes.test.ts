import { expect } from 'vitest'
import { verifyCertificate } from 'privity/verify'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  eagerClock,
  giveOnWeb,
  openAcme,
  refusal,
} from '../support/acme.ts'
import { type EpochKeys, epochKeys } from '../support/epoch-keys.ts'
import { journey, type Place } from '../support/stores.ts'

const HEALTH = 'contact:care!health'
const WITHHELD = { code: 'key_unavailable', details: { what: HEALTH } }

function openAll(place: Place, kms: EpochKeys): Promise<Acme> {
  return openAcme(place.store(), { keys: kms.provider(), clock: eagerClock() })
}

/** A process whose provider does not give it the class of health. */
function openLimited(place: Place, kms: EpochKeys): Promise<Acme> {
  const keys = kms.provider((accessClass) => accessClass === HEALTH)
  return openAcme(place.store(), { keys, clock: eagerClock() })
}

async function addAnna(acme: Acme, name = 'Anna'): Promise<string> {
  const { id } = await acme.subjects.register()
  const { support, care } = accessorsOf(acme)
  await support.contact.create(id, { ...ANNA, name, email: `${name.toLowerCase()}@example.com` })
  await support.ticket.create(id, { text: 'help', channel: 'mail' })
  await giveOnWeb(acme, id, ['care', 'marketing'])
  await care.contact.update(id, { allergies: 'nuts' })
  return id
}

journey('purposes that need only released classes work in every way', async (place) => {
  const kms = epochKeys()
  const all = await openAll(place, kms)
  const id = await addAnna(all)
  await all.close()
  const acme = await openLimited(place, kms)
  const { support, marketing, analytics } = accessorsOf(acme)
  expect(await support.contact.read(id)).toMatchObject({ name: 'Anna' })
  expect(await support.contact.select(id, ['name'])).toEqual({ name: 'Anna' })
  expect(await marketing.contact.read(id)).toMatchObject({ name: 'Anna' })
  expect(await analytics.contact.read(id)).toEqual({ birthDate: 1990 })
  expect(await collect(support.contact.find({ email: 'anna@example.com' }))).toHaveLength(1)
  expect(await collect(support.contact.list())).toHaveLength(1)
  await support.contact.update(id, { address: 'elsewhere', phone: '+31 6 1' })
  const { recordId } = await support.ticket.create(id, { text: 'more' })
  await support.ticket.remove(id, recordId)
  await acme.consent.withdraw(id, { purposes: ['marketing'] })
  expect(await acme.consent.status(id, 'care')).toMatchObject({ permits: true })
  await giveOnWeb(acme, id, ['marketing'])
  const { id: ben } = await acme.subjects.register()
  await support.contact.create(ben, { ...ANNA, name: 'Ben', email: 'ben@example.com' })
  expect(await collect(support.contact.list())).toHaveLength(2)
  await acme.close()
  const again = await openAll(place, kms)
  // Nothing of what was withheld was lost.
  expect(await accessorsOf(again).care.contact.read(id)).toEqual({ allergies: 'nuts' })
  expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await again.close()
})

journey('what needs the withheld class says so, and never that it is gone', async (place) => {
  const kms = epochKeys()
  const all = await openAll(place, kms)
  const id = await addAnna(all)
  const acme = await openLimited(place, kms)
  const { care, support } = accessorsOf(acme)
  const { id: ben } = await acme.subjects.register()
  await support.contact.create(ben, { ...ANNA, name: 'Ben', email: 'ben@example.com' })
  await giveOnWeb(acme, ben, ['care'])
  expect(await refusal(care.contact.read(id))).toEqual(WITHHELD)
  expect(await refusal(care.contact.select(id, ['allergies']))).toEqual(WITHHELD)
  expect(await refusal(care.contact.update(id, { allergies: 'none' }))).toEqual(WITHHELD)
  // A key of a class that it may not have would have to be made.
  expect(await refusal(care.contact.update(ben, { allergies: 'none' }))).toEqual(WITHHELD)
  expect(await refusal(collect(care.contact.list()))).toEqual(WITHHELD)
  // A person who is not permitted is still that, and one who is erased too.
  await acme.consent.withdraw(id, { purposes: ['care'] })
  expect((await refusal(care.contact.read(id))).code).toBe('not_permitted')
  await acme.erasure.erase(ben as never, { reason: 'subject_request' })
  expect((await refusal(care.contact.read(ben))).code).toBe('erased')
  await acme.close()
  await all.close()
})

journey('erasing from a process without the class destroys its key as well', async (place) => {
  const kms = epochKeys()
  const all = await openAll(place, kms)
  const id = await addAnna(all)
  const acme = await openLimited(place, kms)
  const certificate = await acme.erasure.erase(id as never, { reason: 'subject_request' })
  const { jwks } = acme.ledger.publicKeys
  expect(await verifyCertificate(certificate, { jwks })).toMatchObject({
    ok: true,
    certificate: { totals: { keys: 6 }, irrecoverableBy: 'epoch_end' },
  })
  expect((await place.rows()).filter(([key]) => key.includes(id))).toHaveLength(1)
  expect((await refusal(accessorsOf(all).care.contact.read(id))).code).toBe('erased')
  await acme.close()
  await all.close()
})

journey('rotation from a process without the class is honest about what it left', async (place) => {
  const kms = epochKeys()
  const all = await openAll(place, kms)
  const people = [await addAnna(all), await addAnna(all, 'Ben')]
  const limited = await openLimited(place, kms)
  expect(await refusal(limited.keys.rotate())).toEqual(WITHHELD)
  expect(await limited.keys.epochs()).toEqual([{ epoch: 1, state: 'current' }])
  // The provider has a new epoch by then; it is not thrown away.
  expect(await all.keys.rotate()).toBe(2)
  const report = await limited.keys.rewrap()
  expect(report).toMatchObject({ epoch: 2, people: 2, personKeys: 10 })
  expect(report.left).toEqual({ unavailable: 2, erasing: 0, unreadable: 0 })
  expect(await limited.keys.usage(1)).toMatchObject({ people: 2, personKeys: 2 })
  expect(await refusal(limited.keys.retire(1))).toMatchObject({
    code: 'key_in_use',
    details: { people: 2 },
  })
  expect(kms.destroyed.size).toBe(0)
  for (const id of people)
    expect(await accessorsOf(all).care.contact.read(id)).toEqual({ allergies: 'nuts' })
  expect(await all.keys.rewrap()).toMatchObject({ people: 2, personKeys: 2 })
  await limited.keys.retire(1)
  for (const id of people) {
    expect(await accessorsOf(all).care.contact.read(id)).toEqual({ allergies: 'nuts' })
    expect(await refusal(accessorsOf(limited).care.contact.read(id))).toEqual(WITHHELD)
    expect(await accessorsOf(limited).support.contact.read(id)).toMatchObject({
      address: ANNA.address,
    })
  }
  expect(await all.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await limited.close()
  await all.close()
  const reopened = await openLimited(place, kms)
  expect(await refusal(accessorsOf(reopened).care.contact.read(people[0] ?? ''))).toEqual(WITHHELD)
  await reopened.close()
})

journey(
  'a provider that began an epoch is left to a process that has every class',
  async (place) => {
    const kms = epochKeys()
    const all = await openAll(place, kms)
    await addAnna(all)
    await all.close()
    kms.rotate()
    const limited = await openLimited(place, kms)
    expect(await limited.keys.epochs()).toEqual([{ epoch: 1, state: 'current' }])
    await accessorsOf(limited).support.contact.create((await limited.subjects.register()).id, ANNA)
    await limited.close()
    const again = await openAll(place, kms)
    expect(await again.keys.epochs()).toMatchObject([{ state: 'superseded' }, { state: 'current' }])
    await again.keys.rewrap()
    await again.keys.retire(1)
    await again.close()
  },
)
