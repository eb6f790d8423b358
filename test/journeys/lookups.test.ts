import { expect } from 'vitest'
import * as z from 'zod'
import { collect, refusal } from '../support/acme.ts'
import { type DeskPlan, openDesk } from '../support/lookup-desk.ts'
import { journey, type Place } from '../support/stores.ts'

const IBAN = {
  name: 'iban',
  version: 1,
  normalise: (text: string) => text.replaceAll(/\s/g, '').toUpperCase(),
} as const
const SHOP: DeskPlan = {
  fields: {
    name: {},
    city: {},
    vip: { schema: z.boolean().exactOptional() },
    email: { lookup: { by: 'email', people: 1_000_000, unique: true } },
    phone: { lookup: { by: 'phone-e164', startsWith: 4, endsWith: 4 } },
    iban: { lookup: { by: IBAN } },
    note: { purposes: ['support'] },
  },
  lookups: {
    nameAndCity: { by: { name: 'nfkc-lower', city: 'nfkc-lower' } },
    vipInCity: { by: { city: 'nfkc-lower', vip: 'exact' } },
  },
}

/** Keys of lookup rows, without the tenant. */
async function lookupRows(place: Place): Promise<readonly string[]> {
  const keys = (await place.rows()).map(([key]) => key.slice(17))
  return keys.filter((key) => key.startsWith('t/') || key.startsWith('u/'))
}

journey('people are found by whole values, parts, and several fields at once', async (place) => {
  const { privity, add, ids } = await openDesk(place.store(), SHOP)
  const anna = await add({
    name: 'Anna Berg',
    city: 'Köln',
    vip: true,
    email: 'Anna@Example.com ',
    phone: '+49 (0)30 12 34 56',
    iban: 'NL91 ABNA 0417 1643 00',
  })
  const bram = await add({ name: 'ANNA BERG', city: 'Bonn', vip: true, phone: '+49 221 9956' })
  expect(await ids({ email: 'anna@EXAMPLE.com' })).toEqual([anna])
  expect(await ids({ iban: 'nl91abna0417164300' })).toEqual([anna])
  expect((await ids({ phone: { startsWith: '+49' + '30' } })).toSorted()).toEqual([anna])
  expect((await ids({ phone: { startsWith: '0049 ' + '2' } })).toSorted()).toEqual([bram])
  expect(await ids({ phone: { endsWith: '3456' } })).toEqual([anna])
  expect(await ids({ phone: { endsWith: '9 956' } })).toEqual([bram])
  expect(await ids({ phone: { startsWith: '+4930', endsWith: '3456' } })).toEqual([anna])
  expect(await ids({ phone: { startsWith: '+4930', endsWith: '9956' } })).toEqual([])
  expect(await ids({ name: 'anna berg', city: 'KÖLN' })).toEqual([anna])
  expect(await ids({ name: 'anna berg', city: 'Bonn', vip: true })).toEqual([bram])
  expect(await ids({ city: 'bonn', vip: false })).toEqual([])
  expect(await ids({ city: 'bonn', vip: true })).toEqual([bram])
  await privity.close()
})

journey('a search says what it lacks, and nothing of what it was given', async (place) => {
  const { privity, ids } = await openDesk(place.store(), SHOP)
  const faults: readonly (readonly [object, readonly (string | number)[], string])[] = [
    [{ name: 'Anna' }, ['where', 'name'], 'no_lookup'],
    [{ city: 'Bonn' }, ['where', 'city'], 'no_lookup'],
    [{ email: 'a@b.example', name: 'Anna' }, ['where', 'name'], 'no_lookup'],
    [{ note: 'x' }, ['where', 'note'], 'no_lookup'],
    [{ email: { startsWith: 'anna' } }, ['where', 'email', 'startsWith'], 'no_lookup'],
    [{ phone: { endsWith: '345' } }, ['where', 'phone', 'endsWith'], 'too_small'],
    [{ phone: { endsWith: 3456 } }, ['where', 'phone', 'endsWith'], 'not_a_string'],
    [{ phone: { contains: '34' } }, ['where', 'phone'], 'unrecognized_keys'],
    [{ phone: {} }, ['where', 'phone'], 'empty'],
    [{ phone: true }, ['where', 'phone'], 'not_a_string'],
    [{ city: 'bonn', vip: null }, ['where', 'vip'], 'not_a_string'],
    [{ iban: ' ' }, ['where', 'iban'], 'empty'],
    [{ iban: 'a\ud800' }, ['where', 'iban'], 'not_well_formed'],
  ]
  for (const [where, path, code] of faults) {
    expect({ where, ...(await refusal(ids(where))) }).toEqual({
      where,
      code: 'invalid_input',
      details: { issues: [{ path, code }] },
    })
  }
  await privity.close()
})

journey('tokens follow the values that they are made of, in whatever class', async (place) => {
  const plan: DeskPlan = {
    ...SHOP,
    fields: { ...SHOP.fields, city: { purposes: ['support'] } },
  }
  const { privity, support, marketing, add, ids } = await openDesk(place.store(), plan)
  const anna = await add({ name: 'Anna', city: 'Köln', phone: '+4930123456' })
  await support.update(anna, { city: 'Bonn' })
  expect(await ids({ name: 'anna', city: 'köln' })).toEqual([])
  expect(await ids({ name: 'anna', city: 'bonn' })).toEqual([anna])
  // Another purpose changes its part of what is found together.
  await marketing.update(anna, { name: 'Anne' })
  expect(await ids({ name: 'anne', city: 'bonn' })).toEqual([anna])
  await support.update(anna, { phone: '+4930127788' }, { unset: ['city'] })
  expect(await ids({ name: 'anne', city: 'bonn' })).toEqual([])
  expect(await ids({ phone: { endsWith: '3456' } })).toEqual([])
  expect(await ids({ phone: { endsWith: '7788' } })).toEqual([anna])
  await support.update(anna, {}, { unset: ['phone', 'name'] })
  expect(await lookupRows(place)).toEqual([])
  await privity.close()
})

journey('a part that a value is too short for has no token, and the empty none', async (place) => {
  const { privity, add, ids } = await openDesk(place.store(), SHOP)
  const anna = await add({ name: '', city: 'Bonn', email: '', phone: '123', iban: ' ' })
  expect(await lookupRows(place)).toHaveLength(1)
  expect(await ids({ phone: '123' })).toEqual([anna])
  await privity.close()
})

journey('a purpose finds by several fields only if it sees all of them', async (place) => {
  const plan: DeskPlan = {
    ...SHOP,
    fields: { ...SHOP.fields, city: { purposes: ['support'] } },
  }
  const { privity, marketing, add } = await openDesk(place.store(), plan)
  await add({ name: 'Anna', city: 'Bonn' })
  expect(await refusal(collect(marketing.find({ name: 'anna', city: 'bonn' })))).toMatchObject({
    code: 'not_permitted',
    details: { reason: 'field_not_in_purpose' },
  })
  await privity.close()
})

journey('a rule of the app that fails stores nothing and says nothing', async (place) => {
  const by = { name: 'odd', version: 1, normalise: (text: string) => oddly(text) } as const
  const { privity, add, ids } = await openDesk(place.store(), {
    fields: { code: { lookup: { by } } },
  })
  const fine = await add({ code: 'abc' })
  for (const code of ['throws anna', 'half anna', 'number anna']) {
    const fault = {
      code: 'invalid_input',
      details: { issues: [{ path: ['code'], code: 'not_normalised' }] },
    }
    expect(await refusal(add({ code }))).toEqual(fault)
    expect(await refusal(ids({ code }))).toEqual(fault)
  }
  expect(await ids({ code: 'ABC' })).toEqual([fine])
  await privity.close()
})

function oddly(text: string): string {
  if (text.startsWith('throws')) throw new TypeError(text)
  if (text.startsWith('half')) return '\ud800'
  return text.startsWith('number') ? (5 as unknown as string) : text.toLowerCase()
}

journey('whoever shares a token by chance is in no log and no answer', async (place) => {
  const desk = await openDesk(place.store(), {
    fields: { email: { lookup: { by: 'email', people: 16 } }, name: {} },
  })
  const { privity, add, support } = desk
  const all: string[] = []
  for (let at = 0; at < 24; at += 1) all.push(await add({ email: `p${at}@example.com`, name: 'x' }))
  const rows = await lookupRows(place)
  const tokens = new Set(rows.map((row) => row.split('/')[3]))
  // Three bits make eight tokens at most.
  expect(rows).toHaveLength(24)
  expect(tokens.size).toBeLessThanOrEqual(8)
  const found = await collect(support.find({ email: 'P7@example.com' }))
  expect(found.map(({ subjectId }) => subjectId)).toEqual([all[7]])
  for (const id of all) {
    const accesses = await collect(privity.audit.query({ subjectId: id as never }))
    expect(accesses.map(({ action }) => action)).toEqual(id === all[7] ? ['find'] : [])
  }
  await privity.close()
})

journey('a limit and a cursor count those who are meant', async (place) => {
  const desk = await openDesk(place.store(), {
    fields: { city: { lookup: { by: 'exact', people: 16 } } },
  })
  const { privity, add, support } = desk
  for (let at = 0; at < 12; at += 1) await add({ city: at % 2 === 0 ? 'Bonn' : `City ${at}` })
  const first = await collect(support.find({ city: 'Bonn' }, { limit: 4 }))
  const after = first.at(-1)?.cursor
  const rest = await collect(support.find({ city: 'Bonn' }, { after }))
  expect([first.length, rest.length]).toEqual([4, 2])
  expect(new Set([...first, ...rest].map(({ subjectId }) => subjectId)).size).toBe(6)
  await privity.close()
})

journey('lookup rows of every kind die with the person', async (place) => {
  const { privity, add } = await openDesk(place.store(), SHOP)
  const value = {
    name: 'Anna',
    city: 'Bonn',
    vip: true,
    email: 'a@b.example',
    phone: '+4930123456',
  }
  const anna = await add(value)
  expect((await lookupRows(place)).length).toBe(7)
  const certificate = await privity.erasure.erase(anna as never, { reason: 'subject_request' })
  expect(await lookupRows(place)).toEqual([])
  const claims = JSON.parse(Buffer.from(certificate.split('.')[1] ?? '', 'base64url').toString())
  expect(JSON.stringify(claims)).toContain('"lookupRows":7')
  // What was unique is free again.
  await add(value)
  expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await privity.close()
})
