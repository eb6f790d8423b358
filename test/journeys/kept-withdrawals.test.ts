import { expect, test } from 'vitest'
import { definePolicy, isPrivityError, type Row } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { verifyReceipt } from 'privity/verify'
import { type Fault, faultyStore } from 'privity/testkit'
import {
  type Acme,
  type AcmeOptions,
  ACTORS,
  ANNA,
  collect,
  controller,
  eagerClock,
  fakeClock,
  openAcme,
  policy,
  refusal,
  START,
} from '../support/acme.ts'
import { acceptCopy, contradict, type Contradicted, publishAgain } from '../support/contradicted.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { setBack } from '../support/set-back.ts'
import { journey, type Place, STORES } from '../support/stores.ts'

const MARKETING = { purposes: ['marketing'] } as const
const SLOW = 60_000

const { purposes, records, roles } = policy
const { marketing: _, ...withoutMarketing } = purposes

/** Acme after it gave up marketing. */
const LATER = definePolicy({
  controller,
  purposes: withoutMarketing,
  records: {},
  roles: { agent: { purposes: ['support'] } },
}) as unknown as typeof policy

/** And with marketing on another basis. */
const ON_CONTRACT = definePolicy({
  controller,
  purposes: { ...purposes, marketing: { basis: 'contract', description: 'Send you offers' } },
  records: {},
  roles,
}) as unknown as typeof policy

/** Acme with a purpose that the store has not seen. */
const WITH_NEWS = definePolicy({
  controller,
  purposes: { ...purposes, news: { basis: 'consent', description: 'Send you news' } },
  records,
  roles,
}) as unknown as typeof policy

/** And after it took it up again. */
const REGAINED = definePolicy({
  controller: { ...controller, name: 'Acme 2' },
  purposes,
  records,
  roles,
})

async function keptRows(place: Place): Promise<readonly Row[]> {
  return (await place.rows()).filter(([key]) => key.includes('/c/q/w/'))
}

function open(place: Place, { anchor }: Contradicted, options: AcmeOptions = {}): Promise<Acme> {
  return openAcme(place.store(), { anchor, clock: eagerClock(), ...options })
}

/** Keeps a withdrawal in a store that was set back, and lets the store go on. */
async function keepOne(place: Place): Promise<Contradicted> {
  const store = await contradict(place)
  const closed = await open(place, store)
  await closed.consent.withdraw(store.id, MARKETING, { operationId: 'no' })
  await closed.close()
  await acceptCopy(place, store.anchor)
  return store
}

async function statesOf(acme: Acme, id: string): Promise<readonly string[]> {
  return (await collect(acme.consent.history(id))).map(({ state }) => state)
}

async function expectWithdrawnOnce(place: Place, store: Contradicted): Promise<void> {
  const acme = await open(place, store)
  expect(await statesOf(acme, store.id)).toEqual(['given', 'withdrawn'])
  expect(await acme.consent.status(store.id, 'marketing')).toMatchObject({ permits: false })
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  expect(await keptRows(place)).toEqual([])
  await acme.close()
}

journey('what is kept twice under one operation id is recorded once', async (place) => {
  const store = await contradict(place)
  const closed = await open(place, store)
  for (let time = 0; time < 3; time += 1)
    await closed.consent.withdraw(store.id, MARKETING, { operationId: 'no' })
  expect(await keptRows(place)).toHaveLength(3)
  await closed.close()
  await acceptCopy(place, store.anchor)
  await expectWithdrawnOnce(place, store)
})

journey(
  'what is kept of people who are unknown or erased is settled without a trace',
  async (place) => {
    const store = await contradict(place)
    const closed = await open(place, store)
    for (const id of [store.lateId, store.erasedId, 'f'.repeat(32)]) {
      const { outcomes } = await closed.consent.withdraw(id as never, MARKETING)
      expect(outcomes).toEqual([{ purpose: 'marketing', effect: 'kept', basis: 'consent' }])
    }
    expect(await refusal(closed.consent.withdraw('nobody' as never, MARKETING))).toEqual({
      code: 'not_found',
      details: { kind: 'subject' },
    })
    expect(
      await refusal(closed.consent.withdraw(store.id as never, { purposes: [] })),
    ).toMatchObject({ code: 'invalid_input' })
    await closed.close()
    await acceptCopy(place, store.anchor)
    const acme = await open(place, store)
    expect(await keptRows(place)).toEqual([])
    expect(await acme.consent.status(store.id as never, 'marketing')).toMatchObject({
      permits: true,
    })
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true })
    await acme.close()
  },
)

test('two withdrawals of one moment have receipts of different names', async () => {
  const place = STORES.memory()
  const store = await contradict(place)
  const closed = await open(place, store, { clock: fakeClock() })
  const names = new Set<unknown>()
  for (const purpose of ['marketing', 'care', 'analytics'] as const) {
    const { receipt } = await closed.consent.withdraw(store.id as never, { purposes: [purpose] })
    const { ok, record } = await verifyReceipt(receipt, closed.ledger.publicKeys)
    expect([ok, record?.['purposes']]).toMatchObject([true, [{ purpose, state: 'recorded' }]])
    names.add(record?.['receiptId'])
  }
  expect(names.size).toBe(3)
  await closed.close()
})

journey(
  'what only an earlier policy knows is recorded, and stands when it is back',
  async (place) => {
    const store = await keepOne(place)
    const without = await open(place, store, { policy: LATER })
    expect(await keptRows(place)).toEqual([])
    expect(await statesOf(without, store.id)).toEqual(['given', 'withdrawn'])
    await without.close()
    const again = await open(place, store, { policy: REGAINED })
    expect(await again.consent.status(store.id as never, 'marketing')).toMatchObject({
      state: 'withdrawn',
      permits: false,
    })
    expect(await keptRows(place)).toEqual([])
    await again.close()
  },
)

journey(
  'a no to a consent is one, whatever the purpose rests on when it is recorded',
  async (place) => {
    const store = await keepOne(place)
    const acme = await open(place, store, { policy: ON_CONTRACT })
    expect(await acme.consent.status(store.id as never, 'marketing')).toMatchObject({
      state: 'withdrawn',
      permits: false,
    })
    await acme.close()
  },
)

journey('what no policy of the store knows stays kept for one that does', async (place) => {
  const store = await contradict(place)
  const closed = await open(place, store, { policy: WITH_NEWS })
  await closed.consent.withdraw(store.id as never, { purposes: ['news' as never] })
  expect(
    await refusal(closed.consent.withdraw(store.id as never, { purposes: ['newts' as never] })),
  ).toMatchObject({ code: 'not_declared' })
  await closed.close()
  await acceptCopy(place, store.anchor)
  const without = await open(place, store)
  expect(await keptRows(place)).toHaveLength(1)
  await without.close()
  const acme = await open(place, store, { policy: WITH_NEWS })
  expect(await statesOf(acme, store.id)).toEqual(['given', 'withdrawn'])
  expect(await keptRows(place)).toEqual([])
  await acme.close()
})

journey(
  'in a store that was set back, an earlier purpose is withdrawn from as well',
  async (place) => {
    const store = await contradict(place)
    const closed = await open(place, store, { policy: LATER })
    const { outcomes, receipt } = await closed.consent.withdraw(store.id as never, MARKETING)
    expect(outcomes).toEqual([{ purpose: 'marketing', effect: 'kept', basis: 'consent' }])
    const { record } = await verifyReceipt(receipt, closed.ledger.publicKeys)
    expect(record?.['purposes']).toMatchObject([{ description: purposes.marketing.description }])
    await closed.close()
    await acceptCopy(place, store.anchor)
    await expectWithdrawnOnce(place, store)
  },
)

journey(
  'what is kept for a household, which never consented, keeps nobody from opening',
  async (place) => {
    const before = await openAcme(place.store(), { clock: eagerClock() })
    const { id: anna } = await before.subjects.register()
    const { id: household } = await before.subjects.group({ members: [anna] })
    await before.close()
    const store = await contradict(place)
    const closed = await open(place, store)
    await closed.consent.withdraw(household, MARKETING, { operationId: 'ours' })
    await closed.consent.withdraw(store.id, MARKETING, { operationId: 'no' })
    await closed.close()
    await acceptCopy(place, store.anchor)
    await expectWithdrawnOnce(place, store)
  },
)

journey('of two processes that record what was kept at once, one does', async (place) => {
  const store = await keepOne(place)
  const instances = await Promise.all([open(place, store), open(place, store)])
  for (const acme of instances) await acme.close()
  await expectWithdrawnOnce(place, store)
})

journey('what is kept survives that the copy is set back again', async (place) => {
  const store = await keepOne(place)
  const copy = await place.rows()
  const acme = await open(place, store)
  await publishAgain(acme)
  await acme.close()
  await setBack(place, copy)
  const closed = await open(place, store)
  expect(closed.ledger.contradiction).toMatchObject({ kind: 'anchor_ahead' })
  expect(await keptRows(place)).toHaveLength(1)
  await closed.consent.withdraw(store.id as never, { purposes: ['analytics'] })
  await closed.close()
  await acceptCopy(place, store.anchor)
  const last = await open(place, store)
  expect(last.ledger.origin).toMatch(/\/restored\/2$/)
  for (const purpose of ['marketing', 'analytics'] as const)
    expect(await last.consent.status(store.id as never, purpose)).toMatchObject({ permits: false })
  expect(await keptRows(place)).toEqual([])
  await last.close()
})

journey(
  'an instance that was shut does not keep a withdrawal that nobody would record',
  async (place) => {
    const store = await contradict(place)
    const shut = await open(place, store)
    await acceptCopy(place, store.anchor)
    const acme = await open(place, store)
    expect(await refusal(shut.consent.withdraw(store.id as never, MARKETING))).toMatchObject({
      code: 'ledger_inconsistent',
      details: { kind: 'anchor_ahead' },
    })
    expect(await keptRows(place)).toEqual([])
    await acme.consent.withdraw(store.id as never, MARKETING)
    await acme.close()
    await shut.close()
  },
)

test('a withdrawal that meets an acceptance is recorded by whoever opens next, or refused', async () => {
  const place = STORES.memory()
  const store = await contradict(place)
  const accepting = await open(place, store)
  let isAccepted = false
  const slow = hookedStore(place.store(), {
    commit: async (_batch, next) => {
      if (!isAccepted) {
        isAccepted = true
        await accepting.ledger.accept(accepting.ledger.contradiction?.anchored ?? '')
      }
      return next()
    },
  })
  const shut = await openAcme(slow, { anchor: store.anchor })
  expect(await refusal(shut.consent.withdraw(store.id as never, MARKETING))).toMatchObject({
    code: 'ledger_inconsistent',
  })
  expect(await keptRows(place)).toEqual([])
  await accepting.close()
  await shut.close()
})

test('a withdrawal is not said to be kept while others go on reading', async () => {
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }))
  const { id } = await acme.subjects.register()
  const head = [...share.rows.keys()].find((key) => key.endsWith('/l/head')) ?? ''
  share.rows.set(head, new TextEncoder().encode('{}'))
  expect(await refusal(acme.consent.withdraw(id, MARKETING))).toMatchObject({
    code: 'ledger_inconsistent',
    details: { kind: 'head' },
  })
  const ask = { subjectId: id, purpose: 'support', actor: ACTORS.support } as const
  expect(await acme.may(ask)).toMatchObject({ allowed: true })
  expect([...share.rows.keys()].filter((key) => key.includes('/c/q/w/'))).toEqual([])
})

/** A row that somebody wrote who can write to the store, and what opening it then says. */
const PLANTED: Readonly<
  Record<string, { readonly forge: (row: Row) => readonly Row[]; readonly code?: string }>
> = {
  'a changed byte': {
    forge: ([key, value]) => [[key, value.map((byte, at) => (at === 60 ? byte ^ 1 : byte))]],
    code: 'decryption_failed',
  },
  'no bytes': { forge: ([key]) => [[key, new Uint8Array(0)]], code: 'unsupported_format' },
  garbage: {
    forge: ([key]) => [[`${key.slice(0, -1)}g`, new Uint8Array(90).fill(1)]],
    code: 'decryption_failed',
  },
  'the row under another key': {
    forge: ([key, value]) => [[`${key.slice(0, -1)}g`, value]],
    code: 'decryption_failed',
  },
  'the same row once more': { forge: (row) => [row] },
}

for (const [name, { forge, code }] of Object.entries(PLANTED)) {
  test(`a kept row that was planted withdraws nothing: ${name}`, async () => {
    const place = STORES.memory()
    const store = await keepOne(place)
    const [row] = await keptRows(place)
    const acme = await open(place, store)
    const { notice, id } = store
    const method = { channel: 'paper' } as const
    await acme.consent.give(id as never, { ...MARKETING, notice, method })
    await acme.close()
    const planter = place.store()
    await planter.open()
    await planter.commit({ checks: [], put: forge(row as Row), del: [] })
    const opening = open(place, store).then(async (again) => {
      const { permits } = await again.consent.status(id as never, 'marketing')
      await again.close()
      return permits
    })
    // What cannot be read may be somebody's no: opening stops, and says so.
    if (code === undefined) expect(await opening).toBe(true)
    else expect(await refusal(opening)).toMatchObject({ code })
  })
}

test('what is kept, and what is said of it, names nobody and nothing about them', async () => {
  const place = STORES.memory()
  const store = await contradict(place)
  const closed = await open(place, store)
  await closed.consent.withdraw(store.id as never, MARKETING, { operationId: 'op:anna' })
  const markers = [store.id, 'marketing', 'op:anna', ANNA.name, ANNA.email]
  for (const [key, value] of await place.rows()) {
    const text = `${key} ${Buffer.from(value).toString('latin1')}`
    const found = markers.filter((marker) => marker !== store.id && text.includes(marker))
    expect([key, found]).toEqual([key, []])
    if (key.includes('/c/q/w/')) expect(text).not.toContain(store.id)
  }
  for (const name of ['accessor', 'may'] as const) {
    const thrown = await refusal(async () => closed[name]({} as never))
    for (const marker of markers) expect(JSON.stringify(thrown)).not.toContain(marker)
  }
  await closed.close()
})

/** Plays with one fault of the store, then without; resolves to whether the fault was met. */
async function survive(
  fault: Fault,
  run: (
    store: Contradicted,
    options: { readonly faulty: ReturnType<typeof faultyStore> },
    place: Place,
  ) => Promise<void>,
): Promise<boolean> {
  const place = STORES.memory()
  const store = await keepOne(place)
  const faulty = faultyStore(place.store(), [fault])
  await run(store, { faulty }, place)
  await faulty.release()
  await expectWithdrawnOnce(place, store)
  return faulty.calls.all >= fault.nth
}

for (const kind of ['before', 'after-applied', 'double-delivery'] as const) {
  test(
    `recording what was kept is finished by whoever opens next: ${kind}`,
    async () => {
      let nth = 1
      const play = (at: number): Promise<boolean> =>
        survive({ nth: at, kind }, async ({ anchor }, { faulty }) => {
          const opening = openAcme(faulty, { anchor, clock: eagerClock() })
          const acme = await opening.catch(typedOnly)
          await acme?.close().catch(typedOnly)
        })
      while (await play(nth)) nth += 1
      expect(nth).toBeGreaterThan(12)
    },
    SLOW,
  )

  test(
    `keeping and accepting come to one end, whichever call fails: ${kind}`,
    async () => {
      let nth = 1
      const play = async (at: number): Promise<boolean> => {
        const place = STORES.memory()
        const store = await contradict(place)
        const faulty = faultyStore(place.store(), [{ nth: at, kind }])
        const options = { anchor: store.anchor, clock: eagerClock() }
        const shut = await openAcme(faulty, options).catch(typedOnly)
        const once = { operationId: 'no' }
        const told = await shut?.consent
          .withdraw(store.id as never, MARKETING, once)
          .catch(typedOnly)
        await shut?.ledger.accept(shut.ledger.contradiction?.anchored ?? '').catch(typedOnly)
        await shut?.close().catch(typedOnly)
        await faulty.release()
        const next = await open(place, store)
        const { contradiction } = next.ledger
        await next.close()
        if (contradiction !== undefined) await acceptCopy(place, store.anchor)
        const acme = await open(place, store)
        // Accepted once, whoever did it.
        expect(acme.ledger.origin).toMatch(/\/restored\/1$/)
        if (told === undefined) await acme.consent.withdraw(store.id as never, MARKETING)
        const states = await statesOf(acme, store.id)
        expect([...new Set(states)]).toEqual(['given', 'withdrawn'])
        if (told !== undefined) expect(states).toEqual(['given', 'withdrawn'])
        expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
        await acme.close()
        return faulty.calls.all >= at
      }
      while (await play(nth)) nth += 1
      expect(nth).toBeGreaterThan(10)
    },
    SLOW,
  )
}

function typedOnly(error: unknown): undefined {
  if (!isPrivityError(error)) throw error
  return undefined
}

test('the time of a kept withdrawal is that of its receipt', async () => {
  const place = STORES.memory()
  const store = await contradict(place)
  const clock = eagerClock(START + 60_000)
  const closed = await open(place, store, { clock })
  const { receipt } = await closed.consent.withdraw(store.id as never, MARKETING)
  const { record } = await verifyReceipt(receipt, closed.ledger.publicKeys)
  expect(record?.['occurredAt']).toBe(new Date(START + 60_000).toISOString())
  await closed.close()
})
