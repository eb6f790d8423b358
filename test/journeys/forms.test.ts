import { CompactEncrypt, compactDecrypt, generateKeyPair } from 'jose'
import { describe, expect, test } from 'vitest'
import type { FormJwk } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { type FormContext, sealFor } from 'privity/seal'
import {
  accessorsOf,
  type Acme,
  ANNA,
  caught,
  eagerClock,
  type FakeClock,
  fakeClock,
  openAcme,
  refusal,
} from '../support/acme.ts'
import { journey } from '../support/stores.ts'

const CONTACT = { record: 'contact', purpose: 'support' } as const
const BOUND = { ...CONTACT, binding: 'session-7' } as const
const DAY = 86_400_000

function refused(code: string): object {
  return { code: 'invalid_input', details: { issues: [{ path: ['sealed'], code }] } }
}

/** Forms are sealed by the clock of the browser, which is this machine's. */
function today(ahead = 0): FakeClock {
  return fakeClock(Date.now() + ahead)
}

async function openToday(options: { readonly clock?: FakeClock } = {}): Promise<Acme> {
  return openAcme(memoryStore({ share: memoryData() }), { clock: today(), ...options })
}

journey('a form reaches the record without anybody between seeing it', async (place) => {
  const acme = await openAcme(place.store(), { clock: today() })
  const key = await acme.forms.publicKey()
  const sealed = await sealFor(key, ANNA, BOUND)
  const [header = ''] = sealed.split('.')
  const { epk: _, ...clear } = JSON.parse(Buffer.from(header, 'base64url').toString())
  expect(clear).toEqual({ alg: 'ECDH-ES', enc: 'A256GCM', typ: 'privity-form+jwe', kid: key.kid })
  const form = await acme.forms.open(sealed, BOUND)
  expect(form.fields).toEqual(ANNA)
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  const { operationId } = form
  await support.contact.create(id, form.fields, { operationId })
  expect(await support.contact.read(id)).toMatchObject(ANNA)
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await acme.close()
})

journey('a form that comes in twice takes effect once', async (place) => {
  const acme = await openAcme(place.store(), { clock: today() })
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  const ask = { record: 'ticket', purpose: 'support' } as const
  const sealed = await sealFor(await acme.forms.publicKey(), { text: 'help' }, ask)
  const made: string[] = []
  for (let time = 0; time < 2; time += 1) {
    const { fields, operationId } = await acme.forms.open(sealed, ask)
    const { recordId } = await support.ticket.create(id, fields, { operationId })
    made.push(recordId)
  }
  expect(made[1]).toBe(made[0])
  const other = await sealFor(await acme.forms.publicKey(), { text: 'help' }, ask)
  const form = await acme.forms.open(other, ask)
  const { operationId } = form
  const { recordId } = await support.ticket.create(id, form.fields, { operationId })
  expect(recordId).not.toBe(made[0])
  await acme.close()
})

journey('the key is the same in every process, and sealed in the store', async (place) => {
  const clock = eagerClock()
  const [one, two] = [
    await openAcme(place.store(), { clock }),
    await openAcme(place.store(), { clock }),
  ]
  const asked = [one, two, one, two].map(({ forms }) => forms.publicKey())
  const kids = (await Promise.all(asked)).map(({ kid }) => kid)
  expect(new Set(kids).size).toBe(1)
  await one.close()
  await two.close()
  const later = await openAcme(place.store(), { clock })
  const key = await later.forms.publicKey()
  expect(key.kid).toBe(kids[0])
  const row = (await place.rows()).find(([name]) => name.endsWith('c/forms'))
  expect(Buffer.from(row?.[1] ?? []).toString('latin1')).not.toContain(key.x)
  await later.close()
})

journey('an old key opens until its grace is over, and is destroyed then', async (place) => {
  const clock = today()
  const acme = await openAcme(place.store(), { clock })
  const other = await openAcme(place.store(), { clock })
  const before = await acme.forms.publicKey()
  const sealed = await sealFor(before, ANNA, CONTACT)
  await acme.forms.rotateKey({ grace: { hours: 2 } })
  const after = await other.forms.publicKey()
  expect(after.kid).not.toBe(before.kid)
  expect((await other.forms.open(sealed, CONTACT)).fields).toEqual(ANNA)
  const stored = async (): Promise<number> =>
    (await place.rows()).find(([name]) => name.endsWith('c/forms'))?.[1].length ?? 0
  const withTwo = await stored()
  clock.advance({ hours: 2 })
  const maxAge = { days: 7 }
  expect(await refusal(acme.forms.open(sealed, { ...CONTACT, maxAge }))).toEqual(
    refused('unknown_key'),
  )
  // One key less.
  expect(await stored()).toBeLessThan(withTwo - 100)
  const next = await sealFor(after, ANNA, CONTACT)
  expect((await acme.forms.open(next, { ...CONTACT, maxAge })).fields).toEqual(ANNA)
  expect((await other.forms.publicKey()).kid).toBe(after.kid)
  expect(await other.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await other.close()
  await acme.close()
})

journey('several changes of the key leave every form its grace', async (place) => {
  const clock = today()
  const acme = await openAcme(place.store(), { clock })
  const forms: string[] = []
  for (let time = 0; time < 3; time += 1) {
    forms.push(await sealFor(await acme.forms.publicKey(), ANNA, CONTACT))
    await acme.forms.rotateKey()
    clock.advance({ hours: 6 })
  }
  for (const sealed of forms) expect((await acme.forms.open(sealed, CONTACT)).fields).toEqual(ANNA)
  clock.advance({ hours: 8 })
  const opened: string[] = []
  for (const sealed of forms)
    opened.push(
      await acme.forms.open(sealed, { ...CONTACT, maxAge: { days: 9 } }).then(
        () => 'opens',
        (error) => error.details.issues[0].code,
      ),
    )
  expect(opened).toEqual(['unknown_key', 'opens', 'opens'])
  await acme.close()
})

describe('what a form is held against', () => {
  test('record, purpose and binding must be those that were expected', async () => {
    const acme = await openToday()
    const key = await acme.forms.publicKey()
    const sealed = await sealFor(key, ANNA, BOUND)
    const loose = await sealFor(key, ANNA, CONTACT)
    for (const [form, expected, code] of [
      [sealed, { ...BOUND, record: 'ticket' }, 'other_record'],
      [sealed, { ...BOUND, purpose: 'marketing' }, 'other_purpose'],
      [sealed, { ...BOUND, binding: 'session-8' }, 'other_binding'],
      [sealed, CONTACT, 'other_binding'],
      [loose, BOUND, 'other_binding'],
    ] as const)
      expect(await refusal(acme.forms.open(form, expected as typeof BOUND))).toEqual(refused(code))
    expect((await acme.forms.open(loose, CONTACT)).fields).toEqual(ANNA)
    await acme.close()
  })

  test('its age counts, by the clock of the browser and an hour of tolerance', async () => {
    const clock = today()
    const acme = await openToday({ clock })
    const sealed = await sealFor(await acme.forms.publicKey(), ANNA, CONTACT)
    const outcome = async (ahead: number, expected: object = CONTACT): Promise<string> => {
      clock.set(Date.now() + ahead)
      return acme.forms.open(sealed, expected as typeof CONTACT).then(
        () => 'opens',
        (error) => error.details.issues[0].code,
      )
    }
    expect(await outcome(-3_500_000)).toBe('opens')
    expect(await outcome(DAY - 60_000)).toBe('opens')
    expect(await outcome(DAY + 1)).toBe('expired')
    expect(await outcome(DAY + 1, { ...CONTACT, maxAge: { days: 2 } })).toBe('opens')
    expect(await outcome(60_000, { ...CONTACT, maxAge: { hours: 0 } })).toBe('expired')
    await acme.close()
    const late = await openToday({ clock: today(-3_700_000) })
    const early = await sealFor(await late.forms.publicKey(), ANNA, CONTACT)
    expect(await refusal(late.forms.open(early, CONTACT))).toEqual(refused('expired'))
    await late.close()
  })

  test('its fields pass the schemas of the record, as a whole or in part', async () => {
    const acme = await openToday()
    const key = await acme.forms.publicKey()
    const some = await sealFor(key, { name: 'Ann' }, CONTACT)
    expect(await caught(acme.forms.open(some, CONTACT))).toMatchObject({ code: 'invalid_input' })
    const { fields, operationId } = await acme.forms.openChanges(some, CONTACT)
    const { id } = await acme.subjects.register()
    const { support } = accessorsOf(acme)
    await support.contact.create(id, ANNA)
    await support.contact.update(id, fields, { operationId })
    expect(await support.contact.read(id)).toMatchObject({ ...ANNA, name: 'Ann' })
    const wrong = await sealFor(key, { ...ANNA, email: 'no address' }, CONTACT)
    expect(await refusal(acme.forms.open(wrong, CONTACT))).toMatchObject({
      details: { issues: [{ path: ['email'] }] },
    })
    const more = await sealFor(key, { ...ANNA, allergies: 'nuts' }, CONTACT)
    expect(await caught(acme.forms.open(more, CONTACT))).toMatchObject({ code: 'not_permitted' })
    const unknown = await sealFor(key, { ...ANNA, shoeSize: 40 }, CONTACT)
    expect(await caught(acme.forms.open(unknown, CONTACT))).toMatchObject({ code: 'not_declared' })
    const proto = await sealFor(key, JSON.parse('{"__proto__":{"name":"x"}}'), CONTACT)
    expect(await caught(acme.forms.openChanges(proto, CONTACT))).toMatchObject({
      code: 'not_declared',
    })
    await acme.close()
  })

  test('what is asked wrongly is refused', async () => {
    const acme = await openToday()
    const key = await acme.forms.publicKey()
    const sealed = await sealFor(key, ANNA, CONTACT)
    for (const expected of [
      undefined,
      { ...CONTACT, binding: '' },
      { ...CONTACT, maxAge: 7 },
      { ...CONTACT, extra: 1 },
    ])
      expect(await caught(acme.forms.open(sealed, expected as never))).toMatchObject({
        code: 'invalid_input',
      })
    for (const expected of [
      { ...CONTACT, record: 'nothing' },
      { ...CONTACT, purpose: 'nothing' },
    ])
      expect(await caught(acme.forms.open(sealed, expected as never))).toMatchObject({
        code: 'not_declared',
      })
    expect(await caught(acme.forms.rotateKey({ grace: 7 } as never))).toMatchObject({
      code: 'invalid_input',
    })
    for (const bad of [
      undefined,
      {},
      { ...key, crv: 'P-384' },
      { ...key, x: 'x' },
      { ...key, alg: 'dir' },
    ])
      expect(await refusal(sealFor(bad as FormJwk, ANNA, CONTACT))).toMatchObject({
        details: { issues: [{ path: ['publicKey'], code: 'not_a_key' }] },
      })
    for (const fields of [
      { name: undefined },
      { name: new Date() },
      { name: () => 1 },
      { name: Number.NaN },
    ])
      expect(await refusal(sealFor(key, fields, CONTACT))).toMatchObject({ code: 'invalid_input' })
    for (const context of [
      { record: 'contact' },
      { ...CONTACT, binding: 7 },
      { ...CONTACT, purpose: '' },
    ])
      expect(await refusal(sealFor(key, ANNA, context as FormContext))).toMatchObject({
        code: 'invalid_input',
      })
    await acme.close()
  })
})

describe('what pretends to be a form', () => {
  type Header = { readonly [name: string]: unknown }

  function headerOf(sealed: string): Header {
    return JSON.parse(Buffer.from(sealed.split('.')[0] ?? '', 'base64url').toString())
  }

  function withHeader(sealed: string, header: unknown): string {
    const [, ...parts] = sealed.split('.')
    return [Buffer.from(JSON.stringify(header)).toString('base64url'), ...parts].join('.')
  }

  test('is refused with any character changed, added or left out', async () => {
    const acme = await openToday()
    const sealed = await sealFor(await acme.forms.publicKey(), { name: 'A' }, CONTACT)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const changed: string[] = []
    for (let at = 0; at < sealed.length; at += 1) {
      const [before, after] = [sealed.slice(0, at), sealed.slice(at + 1)]
      const digit = alphabet.indexOf(sealed.charAt(at))
      // Every bit of the character, the last ones of a part too, which stand for nothing.
      for (let bit = 0; bit < 6; bit += 1)
        changed.push(before + alphabet.charAt(digit < 0 ? bit : digit ^ (1 << bit)) + after)
      changed.push(before + after)
    }
    changed.push(
      `${sealed}=`,
      `${sealed}.`,
      ` ${sealed}`,
      `${sealed}A`,
      sealed.replaceAll('.', '..'),
    )
    const codes = new Set<string>()
    for (const text of changed) {
      const { details } = await caught(acme.forms.openChanges(text, CONTACT))
      codes.add((details as { issues: readonly { code: string }[] }).issues[0]?.code ?? '')
    }
    expect([...codes].sort()).toEqual(['not_a_form', 'not_authentic', 'unknown_key'])
    await acme.close()
  })

  test('is refused with another algorithm, type or member in its header', async () => {
    const acme = await openToday()
    const key = await acme.forms.publicKey()
    const sealed = await sealFor(key, ANNA, CONTACT)
    const header = headerOf(sealed)
    const { kid: _, ...anonymous } = header
    for (const change of [
      { ...header, zip: 'DEF' },
      { ...header, crit: ['exp'] },
      { ...header, apu: 'eA' },
      { ...header, jku: 'https://example.com' },
      { ...header, alg: 'ECDH-ES+A256KW' },
      { ...header, alg: 'dir' },
      { ...header, alg: 'PBES2-HS256+A128KW', p2c: 1, p2s: 'eA' },
      { ...header, alg: 'none' },
      { ...header, enc: 'A128GCM' },
      { ...header, enc: 'A256CBC-HS512' },
      { ...header, typ: 'JWE' },
      { ...header, kid: 7 },
      anonymous,
      { ...header, epk: undefined, epk2: 1 },
      { ...header, epk: { ...(header['epk'] as object), d: 'x' } },
      { ...header, epk: { ...(header['epk'] as object), crv: 'P-384' } },
      { ...header, epk: 'x' },
      [],
      null,
      'text',
    ])
      expect(await refusal(acme.forms.open(withHeader(sealed, change), CONTACT))).toEqual(
        refused('not_a_form'),
      )
    const off = { ...(header['epk'] as object), y: 'A'.repeat(43) }
    expect(
      await refusal(acme.forms.open(withHeader(sealed, { ...header, epk: off }), CONTACT)),
    ).toEqual(refused('not_authentic'))
    const respelled = withHeader(sealed, { epk: header['epk'], ...header })
    expect(await refusal(acme.forms.open(respelled, CONTACT))).toEqual(refused('not_authentic'))
    await acme.close()
  })

  test('is refused when its maker sealed something else to the key', async () => {
    const acme = await openToday()
    const { kid, kty, crv, x, y } = await acme.forms.publicKey()
    const good = { v: 1, id: '0'.repeat(32), at: Date.now(), ...CONTACT, fields: ANNA }
    const seal = (payload: unknown, header: Header = {}): Promise<string> =>
      new CompactEncrypt(
        Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
      )
        .setProtectedHeader({
          alg: 'ECDH-ES',
          enc: 'A256GCM',
          typ: 'privity-form+jwe',
          kid,
          ...header,
        })
        .encrypt({ kty, crv, x, y })
    expect((await acme.forms.open(await seal(good), CONTACT)).fields).toEqual(ANNA)
    for (const payload of [
      '',
      'text',
      '[]',
      { ...good, v: 2 },
      { ...good, id: 'x' },
      { ...good, at: 'now' },
      { ...good, at: 1.5 },
      { ...good, fields: [] },
      { ...good, fields: 'text' },
      { ...good, binding: 7 },
      { ...good, extra: 1 },
    ])
      expect(await refusal(acme.forms.open(await seal(payload), CONTACT))).toEqual(
        refused('not_a_form'),
      )
    for (const at of [-1, 0, 1e15, -1e15, Number.MAX_SAFE_INTEGER])
      expect(await refusal(acme.forms.open(await seal({ ...good, at }), CONTACT))).toEqual(
        refused('expired'),
      )
    for (const header of [
      { zip: 'DEF' },
      { enc: 'A128GCM' },
      { typ: 'JWT' },
      { alg: 'ECDH-ES+A256KW' },
    ])
      expect(await refusal(acme.forms.open(await seal(good, header), CONTACT))).toEqual(
        refused('not_a_form'),
      )
    for (const text of [undefined, 7, '', '....', 'x'.repeat(1_048_577)])
      expect(await refusal(acme.forms.open(text as string, CONTACT))).toEqual(refused('not_a_form'))
    await acme.close()
  })

  test('does not open for anybody but the app', async () => {
    const acme = await openToday()
    const other = await openToday()
    const sealed = await sealFor(await acme.forms.publicKey(), ANNA, CONTACT)
    expect(await refusal(other.forms.open(sealed, CONTACT))).toEqual(refused('unknown_key'))
    const { privateKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256' })
    await expect(compactDecrypt(sealed, privateKey)).rejects.toThrow()
    const { kid } = await acme.forms.publicKey()
    const impostor = { ...(await other.forms.publicKey()), kid }
    const mistaken = await sealFor(impostor, ANNA, CONTACT)
    expect(await refusal(acme.forms.open(mistaken, CONTACT))).toEqual(refused('not_authentic'))
    await other.close()
    await acme.close()
  })
})
