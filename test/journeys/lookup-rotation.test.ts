import { expect } from 'vitest'
import { type KeyProvider, localKeys, PrivityError } from 'privity'
import { refusal, SECRET } from '../support/acme.ts'
import { type DeskPlan, openDesk } from '../support/lookup-desk.ts'
import { journey, type Place } from '../support/stores.ts'

const PLAIN: DeskPlan = { fields: { name: {}, email: { lookup: 'email' } } }
const PLANNED: DeskPlan = {
  fields: { name: {}, email: { lookup: { by: 'email', people: 1_000 } } },
}
const UNIQUE: DeskPlan = {
  fields: { name: {}, email: { lookup: { by: 'email', unique: true } } },
}

/** Families, numbers and generations of lookup rows and their keys. */
async function slots(place: Place, family: 't' | 'u' | 'k/l'): Promise<readonly string[]> {
  const names = (await place.rows()).map(([key]) => key.slice(17))
  const found = names.filter((name) => name.startsWith(`${family}/`))
  const length = family === 'k/l' ? 4 : 3
  return [...new Set(found.map((name) => name.split('/').slice(0, length).join('/')))]
}

journey('keys of lookups change while everybody is found', async (place) => {
  const { privity, add, support, ids } = await openDesk(place.store(), UNIQUE)
  const old = await add({ email: 'old@example.com' })
  const both = await add({ email: 'shared@example.com' })
  expect(await privity.keys.lookupsDue()).toBe(0)
  await privity.keys.rotateLookups()
  expect(await privity.keys.lookupsDue()).toBe(2)
  const young = await add({ email: 'young@example.com' })
  for (const [id, name] of [
    [old, 'old'],
    [both, 'shared'],
    [young, 'young'],
  ] as const)
    expect(await ids({ email: `${name}@example.com` })).toEqual([id])
  // A value that is held under the older key is held.
  expect(await refusal(add({ email: 'old@example.com' }))).toMatchObject({ code: 'already_exists' })
  await support.update(both, { name: 'B' })
  expect(await privity.keys.dropLookups()).toEqual({ dropped: 0, used: 2 })
  expect(await privity.keys.reseal()).toMatchObject({ records: 2 })
  expect(await privity.keys.lookupsDue()).toBe(0)
  expect(await slots(place, 't')).toEqual(['t/0000/0002'])
  expect(await slots(place, 'u')).toEqual(['u/0001/0002'])
  expect(await privity.keys.dropLookups()).toEqual({ dropped: 2, used: 0 })
  expect(await slots(place, 'k/l')).toEqual(['k/l/0000/0002', 'k/l/0001/0002'])
  expect(await ids({ email: 'old@example.com' })).toEqual([old])
  expect(await refusal(add({ email: 'old@example.com' }))).toMatchObject({ code: 'already_exists' })
  expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await privity.close()
})

journey('a record that cannot be looked at now is not taken to be up to date', async (place) => {
  const first = await openDesk(place.store(), PLAIN)
  await first.add({ email: 'old@example.com' })
  await first.privity.close()
  const inner = localKeys(SECRET)
  const withoutCore: KeyProvider = {
    ...inner,
    unwrap: async (wrapped, context) => {
      if (context.accessClass === 'core')
        throw new PrivityError('key_unavailable', { what: 'core' })
      return inner.unwrap(wrapped, context)
    },
  }
  const second = await openDesk(place.store(), PLANNED, { keys: withoutCore })
  expect(await refusal(second.privity.keys.lookupsDue())).toEqual({
    code: 'key_unavailable',
    details: { what: 'core' },
  })
  await second.privity.close()
  const third = await openDesk(place.store(), PLANNED)
  expect(await third.privity.keys.lookupsDue()).toBe(1)
  await third.privity.close()
})

journey('a process learns of keys that another one started', async (place) => {
  const one = await openDesk(place.store(), UNIQUE)
  const other = await openDesk(place.store(), UNIQUE)
  const before = await one.add({ email: 'before@example.com' })
  await one.privity.keys.rotateLookups()
  const after = await one.add({ email: 'after@example.com' })
  expect(await other.ids({ email: 'after@example.com' })).toEqual([after])
  await one.privity.keys.rotateLookups()
  const written = await other.add({ email: 'other@example.com' })
  expect(await slots(place, 't')).toEqual(['t/0000/0001', 't/0000/0002', 't/0000/0003'])
  expect(await refusal(other.add({ email: 'before@example.com' }))).toMatchObject({
    code: 'already_exists',
  })
  await other.privity.keys.reseal()
  await other.privity.keys.dropLookups()
  for (const desk of [one, other])
    expect([
      await desk.ids({ email: 'before@example.com' }),
      await desk.ids({ email: 'after@example.com' }),
      await desk.ids({ email: 'other@example.com' }),
    ]).toEqual([[before], [after], [written]])
  await one.privity.close()
  await other.privity.close()
})

journey('another plan for a lookup finds what the one before it indexed', async (place) => {
  const first = await openDesk(place.store(), PLAIN)
  const anna = await first.add({ email: 'anna@example.com' })
  await first.privity.close()
  const second = await openDesk(place.store(), PLANNED)
  const bram = await second.add({ email: 'bram@example.com' })
  expect(await second.ids({ email: 'Anna@example.com' })).toEqual([anna])
  expect(await second.ids({ email: 'bram@example.com' })).toEqual([bram])
  expect(await second.privity.keys.lookupsDue()).toBe(1)
  expect(await second.privity.keys.dropLookups()).toEqual({ dropped: 0, used: 1 })
  await second.privity.keys.reseal()
  expect(await second.privity.keys.dropLookups()).toEqual({ dropped: 1, used: 0 })
  expect(await slots(place, 't')).toEqual(['t/0001/0001'])
  expect(await second.ids({ email: 'Anna@example.com' })).toEqual([anna])
  await second.privity.close()
  // And back: what was dropped is made anew.
  const third = await openDesk(place.store(), { ...PLAIN, version: 'again' })
  expect(await third.ids({ email: 'anna@example.com' })).toEqual([anna])
  expect(await third.privity.keys.lookupsDue()).toBe(2)
  await third.privity.keys.reseal()
  expect(await third.ids({ email: 'anna@example.com' })).toEqual([anna])
  expect(await third.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await third.privity.close()
})

journey('a lookup that is added finds old records once they are resealed', async (place) => {
  const first = await openDesk(place.store(), { fields: { name: {}, email: {} } })
  const anna = await first.add({ name: 'Anna', email: 'anna@example.com' })
  const nobody = await first.add({ name: 'Nobody' })
  await first.privity.close()
  const second = await openDesk(place.store(), {
    ...UNIQUE,
    lookups: { both: { by: { name: 'nfkc-lower', email: 'email' } } },
  })
  expect(await second.ids({ email: 'anna@example.com' })).toEqual([])
  expect(await second.privity.keys.lookupsDue()).toBe(2)
  await second.support.update(nobody, { name: 'Somebody' })
  expect(await second.privity.keys.reseal()).toMatchObject({ records: 2 })
  expect(await second.privity.keys.lookupsDue()).toBe(0)
  expect(await second.ids({ email: 'anna@example.com' })).toEqual([anna])
  expect(await second.ids({ email: 'anna@example.com', name: 'ANNA' })).toEqual([anna])
  expect(await refusal(second.add({ email: 'anna@example.com' }))).toMatchObject({
    code: 'already_exists',
  })
  await second.privity.close()
})

journey(
  'values that were shared before they had to be unique stay, and are told',
  async (place) => {
    const first = await openDesk(place.store(), { ...PLAIN, many: true })
    const anna = await first.add({ email: 'shared@example.com' })
    await first.support.create(anna, { email: 'shared@example.com' })
    const bram = await first.add({ email: 'shared@example.com' })
    await first.privity.close()
    const second = await openDesk(place.store(), { ...UNIQUE, many: true })
    await second.privity.keys.reseal()
    expect((await second.ids({ email: 'shared@example.com' })).toSorted()).toEqual(
      [anna, anna, bram].toSorted(),
    )
    expect(await second.privity.keys.lookupsDue()).toBe(2)
    expect(await slots(place, 'u')).toEqual(['u/0001/0001'])
    expect(await refusal(second.add({ email: 'shared@example.com' }))).toMatchObject({
      code: 'already_exists',
    })
    expect(await second.privity.ledger.verify({ deep: true })).toMatchObject({
      ok: true,
      faults: [],
    })
    await second.privity.close()
  },
)

journey('a newer version of an app’s rule is a new lookup', async (place) => {
  const rule = (version: number) => ({
    name: 'code',
    version,
    normalise: (text: string) => (version === 1 ? text : text.toLowerCase()),
  })
  const plan = (version: number): DeskPlan => ({
    fields: { name: {}, code: { lookup: { by: rule(version) } } },
  })
  const first = await openDesk(place.store(), plan(1))
  const anna = await first.add({ code: 'ABC' })
  await first.privity.close()
  const second = await openDesk(place.store(), plan(2))
  expect(await second.ids({ code: 'abc' })).toEqual([])
  await second.privity.keys.reseal()
  expect(await second.ids({ code: 'aBc' })).toEqual([anna])
  expect(await second.privity.keys.dropLookups()).toEqual({ dropped: 1, used: 0 })
  await second.privity.close()
})

journey('a process of an older policy neither starts nor drops keys', async (place) => {
  const older = await openDesk(place.store(), PLAIN)
  const newer = await openDesk(place.store(), PLANNED)
  const code = 'policy_outdated'
  expect(await refusal(older.privity.keys.rotateLookups())).toMatchObject({ code })
  expect(await refusal(older.privity.keys.dropLookups())).toMatchObject({ code })
  await older.privity.close()
  await newer.privity.close()
})
