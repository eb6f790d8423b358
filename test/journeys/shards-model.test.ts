import fc from 'fast-check'
import { expect, test } from 'vitest'
import { definePolicy, localKeys, PrivityError, type SubjectId } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { sqliteStore } from 'privity/sqlite'
import { verifyReceipt, verifyReceiptBundle } from 'privity/verify'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  controller,
  eagerClock,
  type FakeClock,
  giveOnWeb,
  onPaper,
  openAcme,
  policy,
  publishNotice,
  refusal,
  START,
} from '../support/acme.ts'
import { appendInMany } from '../support/append-processes.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { createFolder, DRIVERS } from '../support/sqlite-drivers.ts'
import { journey } from '../support/stores.ts'

const SHARDS = 3
const SLOW = 60_000
const MARKETING = { purposes: ['marketing'] } as const
const ERASE = { reason: 'subject_request' } as const

const { purposes, records, roles } = policy
const NEXT = definePolicy({
  controller: { ...controller, name: 'Acme 2' },
  purposes,
  records,
  roles,
})

/** What the app remembers of a person by itself. */
interface Known {
  readonly id: SubjectId
  readonly states: string[]
  erased: boolean
}

type Treatment = 'give' | 'withdraw' | 'erase' | 'read'
type Command =
  | { readonly kind: 'register' }
  | { readonly kind: 'rotate' }
  | { readonly kind: 'reopen' }
  | { readonly kind: Treatment; readonly who: number }
  | { readonly kind: 'clock'; readonly minutes: number }

const who = fc.nat({ max: 7 })
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: 'register' } as const) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('give' as const), who }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('erase' as const), who }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'rotate' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' } as const) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('clock' as const),
      minutes: fc.integer({ min: -90, max: 90 }),
    }),
  },
)
const story = fc.array(fc.record({ instance: fc.nat({ max: 1 }), command }), {
  minLength: 8,
  maxLength: 24,
})

interface World {
  readonly share: ReturnType<typeof memoryData>
  readonly clock: FakeClock
  readonly instances: Acme[]
  readonly people: Known[]
}

function openOn({ share, clock }: Pick<World, 'share' | 'clock'>): Promise<Acme> {
  return openAcme(memoryStore({ share }), { clock, shards: SHARDS })
}

async function obey(world: World, instance: number, given: Command): Promise<void> {
  const { clock, people, instances } = world
  const acme = instances[instance] as Acme
  if (given.kind === 'register') {
    people.push({ id: (await acme.subjects.register()).id, states: [], erased: false })
  } else if (given.kind === 'rotate') await acme.ledger.rotateKeys().catch(conflictOnly)
  else if (given.kind === 'clock') clock.advance(given.minutes * 60_000)
  else if (given.kind === 'reopen') {
    await acme.close()
    instances[instance] = await openOn(world)
  } else {
    const person = people[given.who % Math.max(1, people.length)]
    if (person !== undefined) await treat(acme, person, given.kind)
  }
}

async function treat(acme: Acme, person: Known, kind: Treatment): Promise<void> {
  const { id } = person
  const acts = {
    give: () =>
      publishNotice(acme).then((notice) => acme.consent.give(id, onPaper(notice, ['marketing']))),
    withdraw: () => acme.consent.withdraw(id, MARKETING),
    erase: () => acme.erasure.erase(id, ERASE),
    read: () => acme.consent.status(id, 'marketing'),
  }
  if (person.erased) {
    expect(await refusal(acts[kind]())).toMatchObject({ code: 'erased' })
    return
  }
  await acts[kind]()
  if (kind === 'give') person.states.push(isGiven(person) ? 'renewed' : 'given')
  if (kind === 'withdraw') person.states.push('withdrawn')
  if (kind === 'erase') person.erased = true
}

function isGiven({ states }: Pick<Known, 'states'>): boolean {
  return ['given', 'renewed'].includes(states.at(-1) ?? '')
}

function conflictOnly(error: { readonly code?: string }): void {
  if (error.code !== 'write_conflict') throw error
}

async function expectLike(world: World, acme: Acme): Promise<void> {
  for (const { id, states, erased } of world.people) {
    if (erased) {
      expect(await refusal(acme.consent.status(id, 'marketing'))).toMatchObject({ code: 'erased' })
      continue
    }
    const told = await collect(acme.consent.history(id))
    expect(told.map(({ state }) => state)).toEqual(states)
    const { permits } = await acme.consent.status(id, 'marketing')
    expect(permits).toBe(isGiven({ states }))
    await expectChain(acme, id, states.length)
    const bundle = await acme.consent.bundle(id)
    const { jwks } = acme.ledger.publicKeys
    expect(await verifyReceiptBundle(bundle, { jwks })).toMatchObject({ ok: true })
  }
}

/** Each receipt names the one before it, and none is missing. */
async function expectChain(acme: Acme, id: SubjectId, length: number): Promise<void> {
  const receipts = await collect(acme.consent.receipts(id))
  expect(receipts).toHaveLength(length)
  let previous: unknown
  for (const receipt of receipts) {
    const { ok, record } = await verifyReceipt(receipt, acme.ledger.publicKeys)
    expect([ok, record?.['previousReceiptId']]).toEqual([true, previous])
    previous = record?.['receiptId']
  }
}

test('two instances over three logs agree with a model of the people', {
  timeout: SLOW,
}, async () => {
  await fc.assert(
    fc.asyncProperty(story, async (commands) => {
      const base = { share: memoryData(), clock: eagerClock() }
      const instances = [await openOn(base), await openOn(base)]
      const world: World = { ...base, instances, people: [] }
      for (const { instance, command: given } of commands) await obey(world, instance, given)
      for (const acme of world.instances) await expectLike(world, acme)
      const [acme] = world.instances
      expect(await acme?.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
      for (const open of world.instances) await open.close()
    }),
    { numRuns: 25, seed: 20_261_122 },
  )
})

test('a policy that is outdated writes to none of the logs once the newer one is open', async () => {
  let isOpened = false
  for (let nth = 1; !isOpened; nth += 1) {
    const share = memoryData()
    const clock = eagerClock()
    const old = await openAcme(memoryStore({ share }), { clock, shards: SHARDS })
    const people = await Promise.all(Array.from({ length: 9 }, () => old.subjects.register()))
    const between: string[] = []
    async function write(into: string[]): Promise<void> {
      for (const { id } of people.splice(0, 4))
        into.push(
          await accessorsOf(old)
            .support.contact.create(id, ANNA)
            .then(
              () => 'done',
              ({ code }: { readonly code: string }) => code,
            ),
        )
    }
    const store = hookedStore(memoryStore({ share }), {
      commit: async (_batch, next, at) => {
        if (at === nth) await write(between)
        return next()
      },
    })
    const newer = await openAcme(store, { clock, policy: NEXT })
    isOpened = store.batches.length < nth
    expect(between.filter((code) => code !== 'done' && code !== 'policy_outdated')).toEqual([])
    const after: string[] = []
    await write(after)
    expect(new Set(after)).toEqual(new Set(['policy_outdated']))
    expect(await newer.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await newer.close()
    await old.close()
  }
})

journey('an erasure in one log covers for nothing in another', async (place) => {
  const acme = await openAcme(place.store(), { shards: 2 })
  const byLog = new Map<string, SubjectId>()
  while (byLog.size < 2) {
    const { id } = await acme.subjects.register()
    const number = String(Number.parseInt(id.slice(0, 8), 16) % 2)
    if (!byLog.has(number)) byLog.set(number, id)
  }
  const [erased, alive] = [...byLog.values()] as [SubjectId, SubjectId]
  await acme.erasure.erase(erased, ERASE)
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  const body = (await place.rows()).find(([key]) => key.includes(`/p/${alive}/e/`))?.[0] ?? ''
  const store = place.store()
  await store.open()
  await store.commit({ checks: [], put: [], del: [body] })
  await store.close()
  const { ok, faults } = await acme.ledger.verify({ deep: true })
  expect(ok).toBe(false)
  expect(faults.map(({ kind }) => kind)).toContain('body_missing')
  await acme.close()
})

journey('a clock set back revives nothing that ran out in any log', async (place) => {
  const clock = eagerClock()
  const acme = await openAcme(place.store(), { clock, shards: SHARDS })
  const people = await Promise.all(Array.from({ length: 9 }, () => acme.subjects.register()))
  for (const { id } of people) await giveOnWeb(acme, id, ['marketing'])
  clock.advance({ months: 25 })
  // Of one log only, and of a person of their own.
  await acme.subjects.register()
  clock.set(START)
  for (const { id } of people)
    expect(await acme.consent.status(id, 'marketing')).toMatchObject({ permits: false })
  await acme.close()
  const again = await openAcme(place.store(), { clock })
  for (const { id } of people)
    expect(await again.consent.status(id, 'marketing')).toMatchObject({ permits: false })
  await again.close()
})

test('a log whose head is gone is not begun anew over what it held', async () => {
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }), { shards: 2 })
  await Promise.all(Array.from({ length: 8 }, () => acme.subjects.register()))
  await acme.close()
  const heads = [...share.rows.keys()].filter((key) => /\/l\/s\/\d+\/head$/.test(key))
  expect(heads).toHaveLength(2)
  for (const key of heads) share.rows.delete(key)
  const before = [...share.rows]
  expect(await refusal(openAcme(memoryStore({ share })))).toMatchObject({
    code: 'ledger_inconsistent',
    details: { kind: 'head' },
  })
  expect([...share.rows]).toEqual(before)
})

test('a store that never tells whether it was written to keeps nobody waiting for ever', async () => {
  const share = memoryData()
  await (await openAcme(memoryStore({ share }), { shards: 2 })).close()
  const store = hookedStore(memoryStore({ share }), {
    commit: async (batch, next) => {
      if (!batch.put.some(([key]) => key.includes('/l/s/'))) return next()
      throw new PrivityError('write_conflict', { attempts: 1 })
    },
  })
  const opening = openAcme(store, { policy: NEXT, clock: eagerClock() })
  expect(await refusal(opening)).toMatchObject({ code: 'write_conflict' })
})

type LogPart = { readonly origin: string; readonly index: number; readonly leaf: string }

test('of what three processes append to three logs of one file, nothing is lost', {
  timeout: SLOW,
}, async () => {
  const folder = createFolder()
  const { file } = folder
  const options = { processes: 3, each: 200, shards: SHARDS }
  const acknowledged = (await appendInMany('better-sqlite3', file, options)).flat()
  const connection = DRIVERS['better-sqlite3'].connect(file)
  const keys = localKeys(new Uint8Array(32).fill(5))
  const acme = await openAcme(sqliteStore(connection), { keys })
  const places = new Set<string>()
  for (const receipt of acknowledged) {
    const { ok, record } = await verifyReceipt(receipt, acme.ledger.publicKeys)
    const { origin, index } = (record?.['log'] ?? {}) as unknown as LogPart
    expect(ok).toBe(true)
    places.add(`${origin} ${index}`)
  }
  expect(places.size).toBe(600)
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await acme.close()
  connection.close()
  folder.remove()
})
