import { expect } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type ErasureHook,
  type HookContext,
  localKeys,
  type SubjectId,
} from 'privity'
import { collect, controller, fakeClock, SECRET } from '../support/acme.ts'
import { itemOf } from '../support/scripted-hook.ts'
import { journey, type Place, storesOf } from '../support/stores.ts'

const purposes = definePurposes({
  sales: { basis: 'contract', description: 'Deliver orders' },
  books: { basis: 'legal_obligation', description: 'Keep books' },
})
const TEXT = z.string().exactOptional()
const ACTOR = { id: 'staff:ida', roles: ['agent'] } as const
const REASON = { reason: 'subject_request' }

/** What a certificate says: its claims. */
function claimsOf(certificate: string): unknown {
  return JSON.parse(Buffer.from(certificate.split('.')[1] ?? '', 'base64url').toString())
}

type Name = keyof typeof purposes & string
type Serves = readonly [Name, ...Name[]]

/** What the middle of three policies does to records with a field that it has not any more. */
const MEANWHILE = ['are written', 'are resealed'] as const

interface Declared {
  /** Purposes of the field that is dropped; undefined without it. */
  readonly serves: Serves | undefined
  readonly version: string
}

function ordersUnder({ serves, version }: Declared): object {
  const order = defineRecord(purposes, ({ field }) => ({
    note: field(TEXT, { purposes: ['sales'] }),
    ...(serves === undefined
      ? {}
      : {
          amount: field(TEXT, {
            purposes: serves,
            lookup: 'exact',
            floor: { keep: { years: 7 }, from: 'registered', ground: 'tax' },
          }),
        }),
  }))
  const thread = defineRecord(
    purposes,
    ({ field }) => ({ title: field(TEXT, { purposes: ['sales'] }) }),
    { many: true },
  )
  const message = defineRecord(
    purposes,
    ({ field }) => ({
      body: field(TEXT, { purposes: ['sales'] }),
      ...(serves === undefined ? {} : { of: field(TEXT, { purposes: serves }) }),
    }),
    {
      many: true,
      ...(serves === undefined
        ? {}
        : { ownedBy: { record: 'thread', field: 'of', onErase: 'delete' } }),
    } as never,
  )
  return definePolicy({
    controller,
    version,
    purposes,
    records: { order, thread, message },
    roles: { agent: { purposes: ['sales', 'books'] } },
  } as never)
}

interface Typed {
  create(id: string, value: object): Promise<{ readonly recordId: string }>
  read(id: string, recordId?: string): Promise<{ readonly [field: string]: unknown }>
  update(id: string, ...rest: readonly unknown[]): Promise<void>
  find(where: object): AsyncIterable<unknown>
}

interface Opened {
  readonly privity: Awaited<ReturnType<typeof createPrivity>>
  as(purpose: Name): { readonly [record in 'order' | 'thread' | 'message']: Typed }
}

async function open(
  place: Place,
  declared: Declared,
  hooks: readonly ErasureHook[] = [],
): Promise<Opened> {
  const privity = await createPrivity({
    policy: ordersUnder(declared) as never,
    ...storesOf(place.store()),
    keys: localKeys(SECRET),
    clock: fakeClock(),
    hooks,
  })
  return {
    privity,
    as: (purpose) => privity.accessor({ purpose, actor: ACTOR } as never) as never,
  }
}

interface Carried {
  readonly id: SubjectId
  readonly threadId: string
  readonly messageId: string
}

/** Under a first policy they are made; a second, without two of the fields, writes or reseals all of it. */
async function carry(place: Place, meanwhile: (typeof MEANWHILE)[number]): Promise<Carried> {
  const first = await open(place, { serves: ['books'], version: '1' })
  const { id } = await first.privity.subjects.register()
  await first.as('sales').order.create(id, { note: 'n' })
  await first.as('books').order.update(id, { amount: '42' })
  const { recordId: threadId } = await first.as('sales').thread.create(id, { title: 't' })
  const { recordId: messageId } = await first.as('books').message.create(id, { of: threadId })
  await first.as('sales').message.update(id, messageId, { body: 'b' })
  await first.privity.close()
  const second = await open(place, { serves: undefined, version: '2' })
  if (meanwhile === 'are resealed') await second.privity.keys.reseal()
  else {
    await second.as('sales').order.update(id, { note: 'm' })
    await second.as('sales').message.update(id, messageId, { body: 'c' })
  }
  await second.privity.close()
  return { id, threadId, messageId }
}

const AGAIN: readonly { readonly serves: Serves; readonly title: string }[] = [
  { serves: ['books'], title: 'for the same purpose' },
  { serves: ['sales', 'books'], title: 'for one purpose more' },
  { serves: ['sales'], title: 'for another purpose' },
]

for (const meanwhile of MEANWHILE)
  for (const { serves, title } of AGAIN) {
    const third = { serves, version: '3' } as const
    const purpose = serves[0]

    journey(
      `a field whose records ${meanwhile} without it, declared again ${title}, has its value`,
      async (place) => {
        const { id, threadId, messageId } = await carry(place, meanwhile)
        const { privity, as } = await open(place, third)
        expect(await as(purpose).order.read(id)).toMatchObject({ amount: '42' })
        expect(await as(purpose).message.read(id, messageId)).toMatchObject({ of: threadId })
        await as(purpose).order.update(id, { amount: '43' })
        expect(await as(purpose).order.read(id)).toMatchObject({ amount: '43' })
        await privity.keys.reseal()
        expect(await collect(as(purpose).order.find({ amount: '42' }))).toEqual([])
        expect(await collect(as(purpose).order.find({ amount: '43' }))).toHaveLength(1)
        expect((await privity.keys.reseal()).records).toBe(0)
        expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
        await privity.close()
      },
    )

    journey(
      `a field whose records ${meanwhile} without it, declared again ${title}, is kept by its law, named by hooks and owns its parts`,
      async (place) => {
        const { id, threadId, messageId } = await carry(place, meanwhile)
        let seen: unknown
        const hook: ErasureHook = {
          id: 'shop',
          needsPlaintext: true,
          partial: true,
          plan: async ({ read }: HookContext) => {
            seen = await read('order', ['amount'])
            return [itemOf('row-1')]
          },
          execute: async () => 'done',
          verify: async () => 'absent',
        } as never
        const { privity, as } = await open(place, third, [hook])
        const scope = { records: [{ record: 'thread', recordId: threadId }] }
        await privity.erasure.erase(id, { ...REASON, scope } as never)
        await expect(as(purpose).message.read(id, messageId)).rejects.toMatchObject({
          code: 'not_found',
        })
        const certificate = claimsOf(await privity.erasure.erase(id, REASON))
        expect(certificate).toMatchObject({
          scope: 'partial',
          exclusions: expect.arrayContaining([
            expect.objectContaining({ what: 'order.amount', ground: 'tax' }),
          ]),
        })
        expect(seen).toEqual({ amount: '42' })
        expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
        await privity.close()
      },
    )
  }
