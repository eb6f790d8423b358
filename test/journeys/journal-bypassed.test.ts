import { expect, test } from 'vitest'
import type { Row } from 'privity'
import { decodeContainer, encodeContainer } from '../../src/storage/container.ts'
import { accessorsOf, type Acme, ANNA, refusal } from '../support/acme.ts'
import { type Journaled, journaled, within } from '../support/journaled.ts'
import { setBack } from '../support/set-back.ts'
import { JOURNEYS } from '../support/stores.ts'

const REASON = { reason: 'subject_request' } as const
const PHONE = '+31 20 1234567'
const PART = { ...REASON, scope: { records: [{ record: 'contact', fields: ['phone'] }] } } as const
const CERTIFICATE = /\/c\/c\//
const MARK = /\/c\/j$/

type Rows = readonly Row[]

async function addAnna(acme: Acme): Promise<string> {
  const { id } = await acme.subjects.register({ externalId: 'crm:anna' })
  await accessorsOf(acme).support.contact.create(id, { ...ANNA, phone: PHONE })
  return id
}

interface Erased {
  readonly stores: Journaled
  readonly id: string
  /** Of before the erasure, and of behind it. */
  readonly copy: Rows
  readonly later: Rows
}

async function erased(stores: Journaled, ask: typeof REASON | typeof PART): Promise<Erased> {
  const { place } = stores
  const id = await within(stores, addAnna)
  const copy = await place.rows()
  await within(stores, (acme) => acme.erasure.erase(id as never, ask))
  return { stores, id, copy, later: await place.rows() }
}

/** Puts rows into a store, past the library. */
async function putRows({ place }: Journaled, rows: Rows): Promise<void> {
  const store = place.store()
  await store.open()
  await store.commit({ checks: [], put: rows, del: [] })
  await store.close()
}

function rowsLike(rows: Rows, ...names: readonly (RegExp | string)[]): Rows {
  const found = rows.filter(([key]) =>
    names.some((name) => (typeof name === 'string' ? key.endsWith(name) : name.test(key))),
  )
  expect(found).toHaveLength(names.length)
  return found
}

/** The store asks for a replay, and that erases again what came back. */
async function expectReplayed(
  { stores }: Erased,
  expectGone: (acme: Acme) => Promise<void>,
): Promise<void> {
  await within(stores, async (closed) => {
    expect(await refusal(() => accessorsOf(closed))).toEqual({
      code: 'replay_required',
      details: { behind: 1 },
    })
    expect(await closed.erasure.replay()).toBeTypeOf('string')
  })
  await within(stores, async (again) => {
    await expectGone(again)
    expect(await again.erasure.replay()).toBeUndefined()
  })
}

/** Nobody reads the person, and no row of theirs is left but the fence. */
function personGone({ stores, id }: Erased): (acme: Acme) => Promise<void> {
  return async (acme) => {
    const { contact } = accessorsOf(acme).support
    expect((await refusal(contact.read(id as never))).code).toBe('erased')
    expect(await acme.subjects.find({ externalId: 'crm:anna' })).toBeUndefined()
    const rows = (await stores.place.rows()).filter(([key]) => key.includes(id))
    expect(rows.map(([key]) => key.slice(17))).toEqual([`p/${id}`])
  }
}

function phoneGone({ id }: Erased): (acme: Acme) => Promise<void> {
  return async (acme) => {
    const contact = await accessorsOf(acme).support.contact.read(id as never)
    expect(contact).toMatchObject({ name: ANNA.name })
    expect(contact).not.toHaveProperty('phone')
  }
}

/** Another process has the store open while it is set back, and makes its log longer than the one that was lost. */
async function grownApart({ stores, copy }: Erased): Promise<void> {
  await within(stores, async (acme) => {
    await setBack(stores.place, copy)
    for (let nth = 0; nth < 30; nth += 1) await acme.subjects.register()
  })
}

for (const place of ['memory', 'memory, keys apart'] as const)
  test(`the fence and the certificate of a later copy of the store make nobody erased in an older one [${place}]`, async () => {
    const made = await erased(journaled(await JOURNEYS[place]()), REASON)
    const { stores, copy, later, id } = made
    await setBack(stores.place, copy)
    await putRows(stores, rowsLike(later, CERTIFICATE, `p/${id}`))
    await expectReplayed(made, personGone(made))
  })

test('nor do they in an older copy whose log has become longer than theirs', async () => {
  const made = await erased(journaled(), REASON)
  const { stores, later, id } = made
  await grownApart(made)
  await putRows(stores, rowsLike(later, CERTIFICATE, `p/${id}`))
  await expectReplayed(made, personGone(made))
})

test('nor does the mark of a later copy, in an older one whose log has become longer', async () => {
  const made = await erased(journaled(), REASON)
  await grownApart(made)
  await putRows(made.stores, rowsLike(made.later, MARK))
  await expectReplayed(made, personGone(made))
})

test('the certificate of a later copy makes no part erased in an older one', async () => {
  const made = await erased(journaled(), PART)
  await setBack(made.stores.place, made.copy)
  await putRows(made.stores, rowsLike(made.later, CERTIFICATE))
  await expectReplayed(made, phoneGone(made))
})

test('nor do bytes in the place of one', async () => {
  const made = await erased(journaled(), PART)
  await setBack(made.stores.place, made.copy)
  const forged = rowsLike(made.later, CERTIFICATE).map(([key]) => [key, new Uint8Array(3)] as const)
  await putRows(made.stores, forged)
  await expectReplayed(made, phoneGone(made))
})

test('nor does a fence that was lifted, with nothing left behind it', async () => {
  const stores = journaled()
  const id = await within(stores, addAnna)
  const { erasureId } = await within(stores, (acme) =>
    acme.erasure.request(id as never, { ...REASON, grace: { days: 14 } }),
  )
  const [fenced] = rowsLike(await stores.place.rows(), `p/${id}`)
  await within(stores, (acme) => acme.erasure.cancel(erasureId))
  const copy = await stores.place.rows()
  await within(stores, (acme) => acme.erasure.erase(id as never, PART))
  const made: Erased = { stores, id, copy, later: await stores.place.rows() }
  await setBack(stores.place, copy)
  const [document] = rowsLike(copy, `p/${id}`)
  const fence = decodeContainer(fenced?.[1] ?? new Uint8Array())?.slice(0, 1) ?? []
  await putRows(stores, [[document?.[0] ?? '', encodeContainer(fence)]])
  await within(stores, async (closed) => {
    expect((await refusal(() => accessorsOf(closed))).code).toBe('replay_required')
  })
  await setBack(stores.place, copy)
  await expectReplayed(made, phoneGone(made))
})
