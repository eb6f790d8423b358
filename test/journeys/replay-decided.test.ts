import { expect, test } from 'vitest'
import type { ErasureHook, Store } from 'privity'
import { memoryStore } from 'privity/memory'
import { accessorsOf, type Acme, ANNA, giveOnWeb, refusal } from '../support/acme.ts'
import {
  certificateOf,
  type Journaled,
  journaled,
  openJournaled,
  within,
} from '../support/journaled.ts'
import { type OpenShop, openShop, reopenShop, type Shop } from '../support/retention-shop.ts'
import { setBack } from '../support/set-back.ts'

const REASON = { reason: 'subject_request' } as const
const PHONE = { records: [{ record: 'contact', fields: ['phone'] }] } as const
const SCOPED = { ...REASON, scope: PHONE }
const OLD_PHONE = '+31 20 1234567'
const HELD = { matter: 'claim', reviewAt: '2030-01-01T00:00:00.000Z', ...PHONE } as never

async function addAnna(acme: Acme): Promise<string> {
  const { id } = await acme.subjects.register({ externalId: 'crm:anna' })
  await accessorsOf(acme).support.contact.create(id, { ...ANNA, phone: OLD_PHONE })
  return id
}

async function phoneOf(acme: Acme, id: string): Promise<string | undefined> {
  return (await accessorsOf(acme).support.contact.read(id)).phone
}

/** Anna, and a copy of before anything of her is erased. */
async function withCopy(stores: Journaled): Promise<{
  readonly id: string
  readonly copy: Awaited<ReturnType<Journaled['place']['rows']>>
}> {
  const id = await within(stores, addAnna)
  return { id, copy: await stores.place.rows() }
}

async function restored(
  stores: Journaled,
  copy: Awaited<ReturnType<Journaled['place']['rows']>>,
): Promise<object | undefined> {
  await setBack(stores.place, copy)
  return within(stores, async (closed) => {
    const certificate = await closed.erasure.replay()
    return certificate === undefined ? undefined : certificateOf(closed, certificate)
  })
}

test('nothing of a part is destroyed while the journal does not answer', async () => {
  const stores = journaled()
  const journal = memoryStore({ share: stores.journal })
  let isDown = false
  const flaky: Store = {
    ...journal,
    commit: async (batch) => {
      if (isDown) throw new Error('gone')
      return journal.commit(batch)
    },
  }
  const acme = await openJournaled(stores, { journal: flaky })
  const id = await addAnna(acme)
  isDown = true
  const { code, details } = await refusal(acme.erasure.erase(id, SCOPED))
  expect([code, details]).toEqual([
    'erasure_incomplete',
    { erasureId: expect.any(String), failing: ['privity:journal'] },
  ])
  expect(await phoneOf(acme, id)).toBe(OLD_PHONE)
  isDown = false
  const { erasureId } = details as { readonly erasureId: string }
  await acme.erasure.resume(erasureId)
  expect(await phoneOf(acme, id)).toBeUndefined()
  await acme.close()
})

test('what was announced and came to be held at the last moment is not erased by a replay', async () => {
  const stores = journaled()
  const { id, copy } = await within(stores, async (first) => {
    const anna = await addAnna(first)
    await giveOnWeb(first, anna, ['care'])
    await accessorsOf(first).care.contact.update(anna, { allergies: 'nuts' })
    return { id: anna, copy: await stores.place.rows() }
  })
  const journal = memoryStore({ share: stores.journal })
  let acme: Acme | undefined
  let isFirst = true
  const late: Store = {
    ...journal,
    commit: async (batch) => {
      await journal.commit(batch)
      if (!isFirst || acme === undefined) return
      isFirst = false
      await acme.retention.hold(id as never, HELD)
    },
  }
  acme = await openJournaled(stores, { journal: late })
  const scope = { records: [{ record: 'contact', fields: ['phone', 'allergies'] }] }
  const certificate = await acme.erasure.erase(id, { ...REASON, scope })
  expect(await certificateOf(acme, certificate)).toMatchObject({
    exclusions: [{ what: 'contact.phone', ground: expect.stringMatching(/^hold:/) }],
    totals: { fields: 1 },
  })
  await acme.close()
  expect(await restored(stores, copy)).toMatchObject({ totals: { replayed: 0, parts: 1 } })
  await within(stores, async (again) => {
    expect(await phoneOf(again, id)).toBe(OLD_PHONE)
    expect((await accessorsOf(again).care.contact.read(id)).allergies).toBeUndefined()
  })
})

test('whoever was erased as a whole after a part is erased as a whole', async () => {
  const stores = journaled()
  const { id, copy } = await withCopy(stores)
  await within(stores, async (acme) => {
    await acme.erasure.erase(id, SCOPED)
    await acme.erasure.erase(id, REASON)
  })
  expect(await restored(stores, copy)).toMatchObject({ totals: { replayed: 1, parts: 0 } })
  await within(stores, async (again) => {
    expect(await refusal(accessorsOf(again).support.contact.read(id))).toMatchObject({
      code: 'erased',
    })
  })
})

test('of somebody who is not in the copy nothing is erased, and the certificate says so', async () => {
  const stores = journaled()
  await within(stores, async () => undefined)
  const copy = await stores.place.rows()
  const erasureId = await within(stores, async (acme) => {
    const plan = await acme.erasure.plan(await addAnna(acme), SCOPED)
    await acme.erasure.run(plan)
    return plan.erasureId
  })
  expect(await restored(stores, copy)).toMatchObject({ totals: { replayed: 0, parts: 1 } })
  await within(stores, async (again) => {
    const certificate = await again.erasure.resume(erasureId)
    expect(await certificateOf(again, certificate)).toMatchObject({ reason: 'not_completed' })
    const [, payload = ''] = certificate.split('.')
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      reason: 'replay',
      result: 'nothing_found',
      exclusions: [{ what: 'person', count: 1, ground: 'absent', until: null }],
      selection: { kind: 'replayed', records: [{ record: 'contact', fields: ['phone'] }] },
      verification: { method: 'none', probed: [], result: 'nobody' },
    })
  })
})

test('behind a fence that can still be lifted nothing is erased, and the certificate says so', async () => {
  const stores = journaled()
  const asked = await within(stores, async (acme) => {
    const id = await addAnna(acme)
    const grace = { days: 7 }
    const { erasureId } = await acme.erasure.request(id as never, { ...REASON, grace })
    return { id, requestId: erasureId }
  })
  const copy = await stores.place.rows()
  const { id, requestId } = asked
  const erasureId = await within(stores, async (acme) => {
    await acme.erasure.cancel(requestId)
    const plan = await acme.erasure.plan(id as never, SCOPED)
    await acme.erasure.run(plan)
    return plan.erasureId
  })
  expect(await restored(stores, copy)).toMatchObject({ totals: { replayed: 0, parts: 1 } })
  await within(stores, async (again) => {
    const [, payload = ''] = (await again.erasure.resume(erasureId)).split('.')
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      result: 'nothing_found',
      exclusions: [{ what: 'person', count: 1, ground: 'erased', until: null }],
    })
    await again.erasure.cancel(requestId)
    await again.erasure.erase(id as never, SCOPED)
    expect(await phoneOf(again, id)).toBeUndefined()
  })
})

test('the certificate of a part that is done again says which, and names no record', async () => {
  const stores = journaled()
  const made = await within(stores, async (acme) => {
    const id = await addAnna(acme)
    const ticket = { text: 'one', channel: 'mail' }
    const { recordId } = await accessorsOf(acme).support.ticket.create(id, ticket)
    return { id, recordId }
  })
  const copy = await stores.place.rows()
  const { id, recordId } = made
  const scope = { records: [...PHONE.records, { record: 'ticket', recordId }] }
  const erasureId = await within(stores, async (acme) => {
    const plan = await acme.erasure.plan(id as never, { ...REASON, scope })
    await acme.erasure.run(plan)
    return plan.erasureId
  })
  await restored(stores, copy)
  await within(stores, async (again) => {
    const certificate = await again.erasure.resume(erasureId)
    expect(await certificateOf(again, certificate)).toMatchObject({
      reason: 'replay',
      scope: 'partial',
      result: 'completed',
      selection: {
        kind: 'replayed',
        records: [{ record: 'contact', fields: ['phone'] }, { record: 'ticket' }],
      },
      totals: { keys: 2, records: 1, fields: 1, lookupRows: 2 },
      verification: { method: 'full', residual: 0, result: 'absent' },
    })
    expect(certificate).not.toContain(recordId)
  })
})

test('the journal shows no id and no name to whoever has only that', async () => {
  const stores = journaled()
  const { id } = await withCopy(stores)
  await within(stores, (acme) => acme.erasure.erase(id, SCOPED))
  const rows = memoryStore({ share: stores.journal })
  await rows.open()
  const text = (await rows.scan('', { limit: 100 }))
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('latin1')}`)
    .join('\n')
  for (const word of [id, 'contact', 'phone', 'subject_request']) expect(text).not.toContain(word)
})

/** A hook that takes part, and all that it was told. */
function toldHook(
  told: unknown[],
  isDown: () => boolean,
  rest: Partial<ErasureHook> = {},
): ErasureHook {
  return {
    id: 'mailing',
    partial: true,
    plan: async ({ scope }) => {
      told.push(scope)
      return [{ id: 'list', description: 'an entry in a list', count: 1 }]
    },
    execute: async () => (isDown() ? { blocked: 'down' } : 'done'),
    verify: async () => 'absent',
    ...rest,
  }
}

for (const needsPlaintext of [false, true]) {
  const name = needsPlaintext ? ' that needs plaintext' : ''
  test(`a hook${name} is told again what it was told, and keeps no store closed`, async () => {
    const stores = journaled()
    const { id, copy } = await withCopy(stores)
    const told: unknown[] = []
    let isDown = false
    const hooks = [toldHook(told, () => isDown, { needsPlaintext })]
    await within(stores, (acme) => acme.erasure.erase(id, SCOPED), { hooks })
    isDown = true
    await setBack(stores.place, copy)
    const { code, details } = await within(stores, (closed) => refusal(closed.erasure.replay()), {
      hooks,
    })
    expect(code).toBe('erasure_incomplete')
    expect(told).toEqual([PHONE, PHONE])
    const { erasureId } = details as { readonly erasureId: string }
    await within(
      stores,
      async (again) => {
        expect(await phoneOf(again, id)).toBeUndefined()
        // What is written while the other system is down is new.
        await accessorsOf(again).support.contact.update(id, { phone: '+31 20 7654321' })
        isDown = false
        await again.erasure.retry(erasureId, { hook: 'mailing' })
        await again.erasure.resume(erasureId)
        expect(await phoneOf(again, id)).toBe('+31 20 7654321')
        expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
      },
      { hooks },
    )
  })
}

test('two processes that replay at once end as one does', async () => {
  const stores = journaled()
  const { id, copy } = await withCopy(stores)
  await within(stores, async (acme) => {
    await giveOnWeb(acme, id, ['care'])
    await acme.erasure.erase(id, SCOPED)
  })
  await setBack(stores.place, copy)
  const [one, other] = [await openJournaled(stores), await openJournaled(stores)]
  const ends = await Promise.allSettled([one.erasure.replay(), other.erasure.replay()])
  for (const end of ends)
    if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'write_conflict' })
  await Promise.all([one.close(), other.close()])
  await within(stores, (next) => next.erasure.replay())
  await within(stores, async (again) => {
    expect(await phoneOf(again, id)).toBeUndefined()
    expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  })
})

test('many records of one person are told in many small entries', async () => {
  const stores = journaled()
  const { id, copy } = await within(stores, async (acme) => {
    const anna = await addAnna(acme)
    const { support } = accessorsOf(acme)
    for (let nth = 0; nth < 200; nth += 1)
      await support.ticket.create(anna, { text: `${nth}`, channel: 'mail' })
    return { id: anna, copy: await stores.place.rows() }
  })
  await within(stores, (acme) =>
    acme.erasure.erase(id, { ...REASON, scope: { records: [{ record: 'ticket' }] } }),
  )
  const rows = memoryStore({ share: stores.journal })
  await rows.open()
  const sizes = (await rows.scan('', { limit: 100 })).map(([, value]) => value.length)
  // Four intents and the end, the head and whose journal it is.
  expect(sizes).toHaveLength(7)
  expect(Math.max(...sizes)).toBeLessThan(4_000)
  await restored(stores, copy)
  await within(stores, async (again) => {
    const { support } = accessorsOf(again)
    for await (const found of support.ticket.list()) expect(found).toBeUndefined()
    expect(await phoneOf(again, id)).toBe(OLD_PHONE)
  })
})

/** A shop and its journal, of which a copy is put back after some time. */
async function shopRun(
  run: (shop: OpenShop) => Promise<void>,
  prepare: (shop: OpenShop) => Promise<void> = async () => undefined,
): Promise<{ readonly closed: () => Promise<Shop>; readonly shop: OpenShop }> {
  const stores = journaled()
  const journal = (): Store => memoryStore({ share: stores.journal })
  const shop = await openShop(stores.place.store(), { journal: journal() })
  await prepare(shop)
  const copy = await stores.place.rows()
  await run(shop)
  await shop.privity.close()
  await setBack(stores.place, copy)
  const { clock } = shop
  return { shop, closed: () => reopenShop(stores.place.store(), { journal: journal(), clock }) }
}

async function replayed(run: { readonly closed: () => Promise<Shop> }): Promise<Shop> {
  const closed = await run.closed()
  expect(await refusal(() => closed.as('support'))).toMatchObject({ code: 'replay_required' })
  await closed.privity.erasure.replay()
  await closed.privity.close()
  return run.closed()
}

test('what was erased by a rule goes again as it was decided then, whatever the rule says now', async () => {
  const run = await shopRun(async ({ privity, clock, id }) => {
    await privity.consent.withdraw(id, { purposes: ['news'] })
    clock.advance({ days: 15 })
    expect(await privity.retention.sweep()).toMatchObject({ records: 0 })
  })
  // In the copy the consent is given, and nothing has ended.
  const shop = await replayed(run)
  const { id } = run.shop
  expect(await shop.as('news').contact.read(id)).not.toHaveProperty('topics')
  expect(await shop.as('news').contact.read(id)).toHaveProperty('taste')
  await shop.privity.close()
})

test('records that a sweep erased go again, before a sweep does', async () => {
  const made: string[] = []
  const run = await shopRun(
    async ({ privity, clock }) => {
      clock.advance({ days: 91 })
      await privity.retention.sweep()
    },
    async ({ as, id }) => {
      made.push((await as('support').ticket.create(id, { text: 'goes' })).recordId)
    },
  )
  const shop = await replayed(run)
  expect(await refusal(shop.as('support').ticket.read(run.shop.id, made[0] ?? ''))).toMatchObject({
    code: 'not_found',
  })
  await shop.privity.close()
})

test('somebody who was closed is closed again, until the same day', async () => {
  const invoices: string[] = []
  const run = await shopRun(
    async ({ privity, id }) => {
      await privity.erasure.erase(id, REASON)
    },
    async ({ as, id }) => {
      const invoice = { amount: 1, street: 'Canal 1' }
      invoices.push((await as('accounting').invoice.create(id, invoice)).recordId)
    },
  )
  const { id, clock } = run.shop
  const shop = await replayed(run)
  expect(await refusal(shop.as('support').contact.read(id))).toMatchObject({
    code: 'not_permitted',
  })
  expect(await shop.as('accounting').invoice.read(id, invoices[0] ?? '')).toMatchObject({
    amount: 1,
  })
  clock.advance({ years: 9 })
  expect(await shop.privity.retention.sweep()).toMatchObject({ people: 1 })
  expect(await refusal(shop.as('accounting').invoice.read(id, invoices[0] ?? ''))).toMatchObject({
    code: 'erased',
  })
  await shop.privity.close()
})
