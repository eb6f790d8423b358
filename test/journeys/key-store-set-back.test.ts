import { expect, test } from 'vitest'
import type { ErasurePlan } from 'privity'
import { verifyCertificate } from 'privity/verify'
import { decodeContainer, encodeContainer, SECTION } from '../../src/storage/container.ts'
import { accessorsOf, type Acme, ANNA, collect, refusal } from '../support/acme.ts'
import {
  acmeKeyspace as keyspace,
  copyOf,
  faultsOf,
  kindsAt,
  openPair as open,
  pair,
  rowAt,
  setRow,
  withAnna,
} from '../support/key-stores.ts'

const REASON = { reason: 'subject_request' } as const
const ERASED = { code: 'erased', details: { kind: 'subject' } } as const
const MALFORMED = new Uint8Array([9])

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return (await Promise.allSettled([promise]))[0]?.status === 'fulfilled' ? 'done' : 'failed'
}

/** Runs a plan until a fence stands before the person. */
async function begin(acme: Acme, plan: ErasurePlan): Promise<void> {
  const stop = new AbortController()
  const running = acme.erasure.run(plan, {
    signal: stop.signal,
    onProgress: () => stop.abort(),
  })
  expect(await outcome(running)).toBe('failed')
}

test('an erasure that an older copy of the store knows nothing of is done again under its own id', async () => {
  const stores = pair()
  const acme = await open(stores)
  const { id } = await acme.subjects.register({ externalId: 'crm:1' })
  await accessorsOf(acme).support.contact.create(id, ANNA)
  const backup = await copyOf(stores.main)
  const plan = await acme.erasure.plan(id, REASON)
  await acme.erasure.run(plan)
  const restored = await open({ ...stores, main: backup })
  expect(await refusal(accessorsOf(restored).support.contact.read(id))).toEqual(ERASED)
  expect(await faultsOf(restored)).toContain('key_row_fenced')
  const certificate = await restored.erasure.erase(id, REASON)
  expect(await restored.erasure.resume(plan.erasureId)).toBe(certificate)
  expect(await faultsOf(restored)).toEqual([])
  expect(await restored.subjects.find({ externalId: 'crm:1' })).toBeUndefined()
  expect(await restored.subjects.register({ externalId: 'crm:1' })).toHaveProperty('id')
  expect(await refusal(restored.erasure.erase(id, REASON))).toEqual(ERASED)
})

test('an erasure that was under way when an older copy took the place of the store comes to its end', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores)
  const backup = await copyOf(stores.main)
  const plan = await acme.erasure.plan(id as never, REASON)
  await begin(acme, plan)
  expect(await kindsAt(stores.keys, id)).toEqual([SECTION.fence, SECTION.ring])
  const restored = await open({ ...stores, main: backup })
  expect(await faultsOf(restored)).toEqual(['key_row_fenced'])
  expect(await refusal(restored.erasure.resume(plan.erasureId))).toMatchObject({
    code: 'not_found',
  })
  const certificate = await restored.erasure.erase(id as never, REASON)
  expect(await restored.erasure.resume(plan.erasureId)).toBe(certificate)
  expect(await kindsAt(stores.keys, id)).toEqual([SECTION.fence])
  expect(await faultsOf(restored)).toEqual([])
})

test('nobody takes an older copy for it who asks for a part of a person only', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores)
  const backup = await copyOf(stores.main)
  await acme.erasure.erase(id as never, REASON)
  const restored = await open({ ...stores, main: backup })
  const asked = restored.erasure.erase(id as never, {
    ...REASON,
    scope: { purpose: 'marketing' } as never,
  })
  expect(await outcome(asked)).toBe('failed')
  expect(await collect(restored.erasure.pending())).toEqual([])
  expect(await kindsAt(backup, id)).toContain(SECTION.head)
})

test('a copy of the store from the middle of an erasure that ended comes to the end as well', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores)
  const plan = await acme.erasure.plan(id as never, REASON)
  await begin(acme, plan)
  const backup = await copyOf(stores.main)
  await acme.erasure.resume(plan.erasureId)
  const restored = await open({ ...stores, main: backup })
  const certificate = await restored.erasure.resume(plan.erasureId)
  expect(await restored.erasure.resume(plan.erasureId)).toBe(certificate)
  expect(await kindsAt(stores.keys, id)).toEqual([SECTION.fence])
  expect(await faultsOf(restored)).toEqual([])
})

const AGAIN: { readonly [name: string]: (acme: Acme, id: string) => Promise<unknown> } = {
  'asking for the erasure': async (acme, id) =>
    expect(await refusal(acme.erasure.erase(id as never, REASON))).toEqual(ERASED),
  'wrapping keys anew': (acme) => acme.keys.rewrap(),
}

for (const [name, act] of Object.entries(AGAIN)) {
  test(`keys that an older key store brings back are destroyed again by ${name}`, async () => {
    const stores = pair()
    const { acme, id } = await withAnna(stores)
    const backup = await copyOf(stores.keys)
    await acme.erasure.erase(id as never, REASON)
    const rows = [await rowAt(backup, id), undefined, MALFORMED]
    for (const row of rows) {
      await setRow(stores.keys, keyspace.person(id), row)
      const again = await open(stores)
      expect(await refusal(accessorsOf(again).support.contact.read(id as never))).toEqual(ERASED)
      expect(await faultsOf(again)).toHaveLength(1)
      await act(again, id)
      expect(await kindsAt(stores.keys, id)).toEqual([SECTION.fence])
      expect(await faultsOf(again)).toEqual([])
    }
  })
}

test('a fence that the controller never made is named before the keys of whoever is erased', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores)
  await acme.erasure.erase(id as never, REASON)
  const bytes = new Uint8Array(60)
  const forged = encodeContainer([{ kind: SECTION.fence, accessClass: 0, bytes }])
  await setRow(stores.keys, keyspace.person(id), forged)
  expect(await faultsOf(acme)).toEqual(['key_row_changed'])
  expect(await refusal(acme.erasure.erase(id as never, REASON))).toEqual(ERASED)
  expect(await faultsOf(acme)).toEqual([])
})

test('a fence that the controller never made erases nobody, and keeps nobody from being erased', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores)
  const ring = decodeContainer((await rowAt(stores.keys, id)) ?? new Uint8Array()) ?? []
  const forged = { kind: SECTION.fence, accessClass: 0, bytes: new Uint8Array(60) }
  for (const sections of [[forged, ...ring], [forged]]) {
    const copy = { main: await copyOf(stores.main), keys: await copyOf(stores.keys) }
    await setRow(copy.keys, keyspace.person(id), encodeContainer(sections))
    const again = await open(copy)
    const { contact } = accessorsOf(again).support
    expect((await refusal(contact.read(id as never))).code).toBe('unsupported_format')
    expect(await faultsOf(again)).toContain('key_row_changed')
    expect(await collect(again.erasure.pending())).toEqual([])
    await again.erasure.erase(id as never, { ...REASON, unreadable: 'erase' })
    expect(await kindsAt(copy.keys, id)).toEqual([SECTION.fence])
    expect(await faultsOf(again)).toEqual([])
  }
  await acme.close()
})

test('the fence of an erasure that was cancelled costs nobody the keys, whoever puts it back', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores)
  const { erasureId } = await acme.erasure.request(id as never, {
    ...REASON,
    grace: { days: 1 },
  })
  const fenced = decodeContainer((await rowAt(stores.main, id)) ?? new Uint8Array()) ?? []
  await acme.erasure.cancel(erasureId)
  const fence = fenced.filter(({ kind }) => kind === SECTION.fence)
  await setRow(stores.main, keyspace.person(id), encodeContainer(fence))
  await acme.keys.rewrap()
  expect(await kindsAt(stores.keys, id)).toEqual([SECTION.ring])
})

test('a row of an unknown person says nothing: nobody is there', async () => {
  const stores = pair()
  const { acme } = await withAnna(stores)
  const nobody = '0'.repeat(32)
  await setRow(stores.keys, keyspace.person(nobody), MALFORMED)
  const read = accessorsOf(acme).support.contact.read(nobody as never)
  expect(await refusal(read)).toEqual({ code: 'not_found', details: { kind: 'subject' } })
})

test('a document alone that was set back is erased once more, under another id', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores)
  const before = await rowAt(stores.main, id)
  const certificate = await acme.erasure.erase(id as never, REASON)
  await setRow(stores.main, keyspace.person(id), before)
  const again = await acme.erasure.erase(id as never, REASON)
  expect(again).not.toBe(certificate)
  const { publicKeys } = acme.ledger
  expect(await verifyCertificate(again, { ...publicKeys, subjectId: id })).toMatchObject({
    ok: true,
  })
  const stored = await collect(acme.erasure.certificates({ subjectId: id as never }))
  expect(stored.map((known) => known.certificate).toSorted()).toEqual(
    [certificate, again].toSorted(),
  )
  expect(await collect(acme.erasure.pending())).toEqual([])
  expect(await kindsAt(stores.main, id)).toEqual([SECTION.fence])
})
