import { expect, test } from 'vitest'
import { type Anchor, memoryAnchor } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import {
  accessorsOf,
  type Acme,
  ACTORS,
  ANNA,
  caught,
  collect,
  eagerClock,
  openAcme,
  refusal,
} from '../support/acme.ts'
import { streamOf } from '../support/byte-streams.ts'
import { contradict, type Contradicted, publishAgain } from '../support/contradicted.ts'
import { journey, STORES } from '../support/stores.ts'

type Method = (...args: readonly unknown[]) => unknown

const OPEN = [
  // The way out, and what a person must always have.
  'close',
  'consent.withdraw',
  'ledger.accept',
  // What auditors are shown: sizes, roots and blinded leaves.
  'ledger.checkpoint',
  'ledger.consistency',
  'ledger.export',
  'ledger.inclusion',
  'ledger.verify',
] as const

const ASK = { purpose: 'support', actor: ACTORS.support }
const EPK = { kty: 'EC', crv: 'P-256', x: 'A', y: 'A' }
const FORM_HEADER = { alg: 'ECDH-ES', enc: 'A256GCM', typ: 'privity-form+jwe', kid: 'A', epk: EPK }
/** What looks like a form until its key is looked for. */
const FORM = [
  Buffer.from(JSON.stringify(FORM_HEADER)).toString('base64url'),
  '',
  'A'.repeat(16),
  'AA',
  'A'.repeat(22),
].join('.')

/** Arguments with which each method does its work while nothing contradicts. */
function argumentsFor({
  id,
  erasedId,
  notice,
  plan,
}: Contradicted): Readonly<Record<string, readonly unknown[]>> {
  const decision = { purposes: ['marketing'], notice, method: { channel: 'paper' } }
  const ask = { ...ASK, subjectId: id }
  return {
    'subjects.register': [{ externalId: 'crm:1' }],
    'subjects.reauthorise': [{ externalId: 'crm:1', reason: 'new_contract' }],
    'subjects.find': [{ externalId: 'crm:1' }],
    'subjects.group': [{ members: [id] }],
    'subjects.join': [id, id],
    'subjects.leave': [id, id],
    'subjects.members': [id],
    'subjects.groups': [id],
    'notices.publish': [{ id: 'privacy', version: '1', texts: { en: 'a' } }],
    'notices.serve': [notice, { language: 'en', subjectId: id }],
    'notices.text': [notice, 'en'],
    'consent.give': [id, decision],
    'consent.refuse': [id, decision],
    'consent.status': [id, 'marketing'],
    'consent.history': [id],
    'consent.receipts': [id],
    'consent.bundle': [id],
    may: [ask],
    accessor: [{ purpose: 'support', actor: ACTORS.support }],
    'erasure.plan': [erasedId, { reason: 'subject_request' }],
    'erasure.run': [plan],
    'erasure.resume': [plan.erasureId],
    'erasure.replay': [],
    'erasure.erase': [erasedId, { reason: 'subject_request' }],
    'erasure.request': [id, { reason: 'subject_request', grace: { days: 1 } }],
    'erasure.cancel': [plan.erasureId],
    'erasure.certificates': [],
    'erasure.pending': [],
    'erasure.work': [],
    'erasure.retry': [plan.erasureId, { hook: 'mailing' }],
    'retention.event': [id, { record: 'ticket', event: 'closed' }],
    'retention.due': [],
    'retention.sweep': [],
    'retention.hold': [id, { matter: 'claim-1', reviewAt: '2030-01-01T00:00:00Z' }],
    'retention.reviewHold': [id, { holdId: id, reviewAt: '2030-01-01T00:00:00Z' }],
    'retention.releaseHold': [id, id],
    'retention.reviews': [],
    'retention.holds': [id],
    'audit.query': [],
    'blobs.seal': [{ ...ask, record: 'contact', field: 'name' }, streamOf()],
    'blobs.open': [
      { ...ask, record: 'contact', field: 'name', blobId: '0'.repeat(32) },
      streamOf(),
    ],
    'forms.publicKey': [],
    'forms.open': [FORM, { record: 'contact', purpose: 'support' }],
    'forms.openChanges': [FORM, { record: 'contact', purpose: 'support' }],
    'forms.rotateKey': [],
    'pseudonyms.of': [{ ...ask, recipient: 'bank' }],
    'pseudonyms.resolve': ['0'.repeat(64), { ...ASK, recipient: 'bank' }],
    'pseudonyms.destroy': [{ recipient: 'bank', purpose: 'support' }],
    'ledger.rotateKeys': [],
    'keys.rotate': [],
    'keys.rewrap': [],
    'keys.reseal': [],
    'keys.usage': [1],
    'keys.retire': [1],
    'keys.epochs': [],
    'keys.rotateLookups': [],
    'keys.lookupsDue': [],
    'keys.dropLookups': [],
    'contact.create': [id, ANNA, { operationId: 'create' }],
    'contact.read': [id],
    'contact.select': [id, ['name']],
    'contact.update': [id, { name: 'Bo' }],
    'contact.find': [{ email: ANNA.email }],
    'contact.list': [],
    'ticket.create': [id, { text: 'a' }],
    'ticket.read': [id, '0'.repeat(32)],
    'ticket.select': [id, '0'.repeat(32), ['text']],
    'ticket.update': [id, '0'.repeat(32), { text: 'a' }],
    'ticket.remove': [id, '0'.repeat(32)],
    'ticket.find': [{ channel: 'a' }],
    'ticket.list': [],
  }
}

/** Every method there is, found by looking: one that is new is not forgotten. */
function methodsOf(room: object, path = ''): ReadonlyMap<string, Method> {
  const found = Object.entries(Object.getOwnPropertyDescriptors(room)).flatMap(
    ([name, { value }]): readonly (readonly [string, Method])[] => {
      if (typeof value === 'function') return [[`${path}${name}`, value.bind(room)]]
      const isRoom = typeof value === 'object' && value !== null && path === '' && name !== 'policy'
      return isRoom ? [...methodsOf(value, `${name}.`)] : []
    },
  )
  return new Map(found)
}

/** Carries a method out to its end. */
async function exhaust(method: Method, args: readonly unknown[]): Promise<unknown> {
  const answer = method(...args)
  const isIterable = typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer
  return isIterable ? collect(answer as AsyncIterable<unknown>) : answer
}

async function expectShut(
  methods: ReadonlyMap<string, Method>,
  store: Contradicted,
  kind: string,
): Promise<void> {
  const table = argumentsFor(store)
  for (const [name, method] of methods) {
    if (OPEN.some((open) => open === name)) continue
    const args = table[name]
    expect([name, args !== undefined]).toEqual([name, true])
    const { code, details } = await caught(() => exhaust(method, args ?? []))
    expect([name, code]).toEqual([name, 'ledger_inconsistent'])
    expect([name, details]).toMatchObject([name, { kind }])
  }
}

journey('no method of a store that contradicts its anchor reads or writes', async (place) => {
  const store = await contradict(place)
  const before = await place.rows()
  const acme = await openAcme(place.store(), { anchor: store.anchor })
  const methods = methodsOf(acme)
  expect(methods.size).toBeGreaterThan(25)
  await expectShut(methods, store, 'anchor_ahead')
  expect(acme.ledger.contradiction).toMatchObject({ kind: 'anchor_ahead' })
  await acme.close()
  expect(await place.rows()).toEqual(before)
})

/** Two copies of one store under one anchor; the second finds out while it is at work. */
async function twins(shards = 1): Promise<{
  readonly store: Contradicted
  readonly first: Acme
  readonly second: Acme
  readonly rows: () => Promise<unknown>
}> {
  const place = STORES.memory()
  const anchor = memoryAnchor()
  const made = await contradict(place, shards)
  const data = memoryData()
  const copy = memoryStore({ share: data })
  await copy.open()
  // Opened and closed once, so that nothing is left to be noted when the twins are opened.
  await (await openAcme(place.store(), { anchor, clock: eagerClock() })).close()
  await copy.commit({ checks: [], put: await place.rows(), del: [] })
  const first = await openAcme(place.store(), { anchor, clock: eagerClock() })
  const second = await openAcme(copy, { anchor, clock: eagerClock() })
  const rows = async (): Promise<unknown> => [...data.rows]
  return { store: { ...made, anchor }, first, second, rows }
}

for (const shards of [1, 3]) {
  test(`no method of an instance that finds the contradiction at work reads or writes any more, over ${shards} logs`, async () => {
    const { store, first, second, rows } = await twins(shards)
    const { support } = accessorsOf(second)
    const records = [...Object.entries(support)].flatMap(([name, record]) => [
      ...methodsOf(record, `${name}.`),
    ])
    await publishAgain(first)
    expect(await refusal(publishAgain(second))).toMatchObject({ code: 'ledger_inconsistent' })
    const before = await rows()
    // An accessor is made without a look at the store; its methods are not.
    const methods = [...methodsOf(second)].filter(([name]) => name !== 'accessor')
    await expectShut(new Map([...methods, ...records]), store, 'fork')
    expect(await refusal(second.ledger.verify({ deep: true }))).toMatchObject({
      code: 'ledger_inconsistent',
    })
    await second.close()
    expect(await rows()).toEqual(before)
    await first.close()
  })
}

test('what is under way when the contradiction is found ends, and a withdrawal is kept', async () => {
  const { store, first, second } = await twins()
  const { id, notice } = store
  const { support } = accessorsOf(second)
  await publishAgain(first)
  const decision = { purposes: ['marketing'], notice, method: { channel: 'paper' } } as const
  const writes = await Promise.allSettled([
    second.subjects.register(),
    second.consent.give(id, decision),
    support.contact.update(id, { name: 'Bo' }),
    second.erasure.erase(id, { reason: 'subject_request' }),
    publishAgain(second),
  ])
  expect(writes.map((it) => it.status === 'rejected' && it.reason.code)).toEqual(
    writes.map(() => 'ledger_inconsistent'),
  )
  const { outcomes } = await second.consent.withdraw(id, { purposes: ['marketing'] })
  expect(outcomes).toEqual([{ purpose: 'marketing', effect: 'kept', basis: 'consent' }])
  const list = support.contact.list()
  expect(await refusal(collect(list))).toMatchObject({ code: 'ledger_inconsistent' })
  await second.close()
  await first.close()
})

test('a page that was read before the contradiction was found is the last one', async () => {
  const { first, second, store } = await twins()
  const history = second.consent.history(store.id)[Symbol.asyncIterator]()
  expect((await history.next()).done).toBe(false)
  await publishAgain(first)
  await refusal(publishAgain(second))
  const rest = await history.next().catch((error: { readonly code: string }) => error.code)
  expect([{ value: undefined, done: true }, 'ledger_inconsistent']).toContainEqual(rest)
  await first.close()
  await second.close()
})

test('what is shown of a store in quarantine tells nothing about people', async () => {
  const place = STORES.memory()
  const { anchor, id } = await contradict(place)
  const acme = await openAcme(place.store(), { anchor })
  const parts = await collect(acme.ledger.export())
  const archive = Buffer.concat(parts).toString('latin1')
  for (const marker of [ANNA.name, ANNA.email, ANNA.address, id, 'crm:1', 'staff:ida'])
    expect(archive).not.toContain(marker)
  expect(await refusal(collect(acme.ledger.export({ subjects: [id as never] })))).toMatchObject({
    code: 'ledger_inconsistent',
  })
  await acme.close()
})

test('an answer in the place of the anchor that is no checkpoint shuts nobody out for good', async () => {
  const share = memoryData()
  const inner = memoryAnchor()
  let instead: string | undefined
  const anchor: Anchor = {
    read: async () => instead ?? (await inner.read()),
    advance: async (from, to) => instead === undefined && inner.advance(from, to),
  }
  const acme = await openAcme(memoryStore({ share }), { anchor })
  for (instead of ['', 'x', '<html>anna@example.com</html>', 'a\n1\nb\n\n— a c\n']) {
    await acme.subjects.register()
    expect(acme.ledger.contradiction).toBeUndefined()
    const answer = await refusal(openAcme(memoryStore({ share }), { anchor }))
    expect(answer).toEqual({
      code: 'store_corrupt',
      details: { reason: 'anchor', store: 'anchor' },
    })
    const fresh = await refusal(openAcme(memoryStore(), { anchor }))
    expect(fresh).toEqual({
      code: 'store_corrupt',
      details: { reason: 'anchor', store: 'anchor' },
    })
  }
  instead = undefined
  await acme.close()
  const again = await openAcme(memoryStore({ share }), { anchor })
  expect(again.ledger.contradiction).toBeUndefined()
  expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true })
  await again.close()
})
