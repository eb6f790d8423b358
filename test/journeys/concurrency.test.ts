import { expect, test } from 'vitest'
import { isPrivityError, PrivityError, type Store } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { type Fault, type FaultKind, faultyStore } from 'privity/testkit'
import {
  accessorsOf,
  type Acme,
  ANNA,
  caught,
  collect,
  eagerClock,
  onPaper,
  openAcme,
  publishNotice,
  refusal,
} from '../support/acme.ts'
import { journey } from '../support/stores.ts'

journey('two instances write together, and everything acknowledged is there', async (place) => {
  const instances = await Promise.all(
    [1, 2].map(() => openAcme(place.store(), { clock: eagerClock() })),
  )
  const of = (n: number): Acme => instances[n % 2] as Acme
  const notice = await publishNotice(of(0))
  const people = await Promise.all(
    Array.from({ length: 8 }, (_, n) => of(n).subjects.register({ externalId: `crm-${n}` })),
  )
  await Promise.all(people.map(({ id }, n) => accessorsOf(of(n)).support.contact.create(id, ANNA)))
  const idOf = (n: number): string => people[n % people.length]?.id ?? ''
  const tickets: { readonly id: string; readonly recordId: string; readonly text: string }[] = []
  const operations = Array.from({ length: 64 }, (_, n) => async (): Promise<void> => {
    const acme = of(n >> 3)
    const { support } = accessorsOf(acme)
    const id = idOf(n)
    if (n % 4 === 0) {
      const { recordId } = await support.ticket.create(id, { text: `t${n}`, channel: `c${n % 3}` })
      tickets.push({ id, recordId, text: `t${n}` })
    } else if (n % 4 === 1) await support.contact.update(id, { phone: `+31 20 ${n}` })
    else if (n % 4 === 2) await acme.consent.give(id, onPaper(notice, ['marketing']))
    else await support.contact.read(id)
  })
  await Promise.all(operations.map((operation) => operation()))

  const later = await openAcme(place.store(), { clock: eagerClock() })
  for (const acme of [...instances, later]) {
    const { support } = accessorsOf(acme)
    for (const { id, recordId, text } of tickets) {
      expect(await support.ticket.read(id, recordId)).toMatchObject({ text })
    }
    expect(await collect(support.ticket.list())).toHaveLength(16)
    const found = await Promise.all(
      ['c0', 'c1', 'c2'].map((channel) => collect(support.ticket.find({ channel }))),
    )
    expect(found.flat()).toHaveLength(16)
    for (const [n, { id }] of people.entries()) {
      const history = await collect(acme.consent.history(id))
      expect(history).toHaveLength(n % 4 === 2 ? 8 : 0)
      const { phone } = await support.contact.read(id)
      expect(phone === undefined).toBe(n % 4 !== 1)
    }
    expect(await acme.ledger.verify()).toMatchObject({ ok: true, faults: [] })
  }
  for (const acme of [later, ...instances]) await acme.close()
})

journey('operations of two instances on one person do not lose each other', async (place) => {
  const [one, two] = await Promise.all(
    [1, 2].map(() => openAcme(place.store(), { clock: eagerClock() })),
  )
  if (one === undefined || two === undefined) throw new TypeError('two were opened')
  const { id } = await one.subjects.register()
  await accessorsOf(one).support.contact.create(id, ANNA)
  await Promise.all(
    Array.from({ length: 30 }, (_, n) =>
      accessorsOf(n % 2 === 0 ? one : two).support.ticket.create(id, { text: `t${n}` }),
    ),
  )
  const views = await collect(accessorsOf(one).support.ticket.list({ subjectId: id }))
  expect(views.map(({ view }) => view.text).toSorted()).toEqual(
    Array.from({ length: 30 }, (_, n) => `t${n}`).toSorted(),
  )
  const once = { operationId: 'both' }
  await Promise.all([
    accessorsOf(one).support.ticket.create(id, { text: 'once' }, once),
    accessorsOf(two).support.ticket.create(id, { text: 'once' }, once),
  ])
  expect(await collect(accessorsOf(two).support.ticket.list({ subjectId: id }))).toHaveLength(31)
  await two.close()
  await one.close()
})

journey('instances that open one new store together make one store of it', async (place) => {
  const instances = await Promise.all(
    Array.from({ length: 4 }, () => openAcme(place.store(), { clock: eagerClock() })),
  )
  expect(new Set(instances.map(({ ledger }) => ledger.origin)).size).toBe(1)
  const [first, second] = instances
  if (first === undefined || second === undefined) throw new TypeError('four were opened')
  const { id } = await first.subjects.register()
  await accessorsOf(second).support.contact.create(id, ANNA)
  expect(await accessorsOf(first).support.contact.read(id)).toMatchObject({ name: 'Anna' })
  for (const acme of instances) await acme.close()
})

journey('tenants in one store do not see each other', async (place) => {
  const names = ['acme', 'other', '__proto__', 'a/b']
  const tenants = await Promise.all(
    names.map((tenant) => openAcme(place.store(), { tenant, clock: eagerClock() })),
  )
  expect(new Set(tenants.map(({ ledger }) => ledger.origin)).size).toBe(names.length)
  const people = await Promise.all(
    tenants.map((acme) => acme.subjects.register({ externalId: 'crm-17' })),
  )
  for (const [n, acme] of tenants.entries()) {
    const { support } = accessorsOf(acme)
    const { id = '' } = people[n] ?? {}
    await support.contact.create(id, { ...ANNA, name: `Anna of ${n}` })
    expect(await acme.subjects.find({ externalId: 'crm-17' })).toEqual({ id })
  }
  for (const [n, acme] of tenants.entries()) {
    const { support } = accessorsOf(acme)
    const found = await collect(support.contact.find({ email: ANNA.email }))
    expect(found.map(({ view }) => view.name)).toEqual([`Anna of ${n}`])
    expect(await collect(support.contact.list())).toHaveLength(1)
    for (const [other, { id }] of people.entries()) {
      if (other === n) continue
      expect(await refusal(support.contact.read(id))).toMatchObject({ code: 'not_found' })
    }
  }
  await tenants[0]?.erasure.erase(people[0]?.id ?? '', { reason: 'subject_request' })
  for (const [n, acme] of tenants.entries()) {
    expect(await collect(accessorsOf(acme).support.contact.list())).toHaveLength(n === 0 ? 0 : 1)
    expect(await acme.ledger.verify()).toMatchObject({ ok: true })
  }
  for (const acme of tenants) await acme.close()
})

journey('the tenant is the id of the controller unless it is named', async (place) => {
  const acme = await openAcme(place.store())
  const { id } = await acme.subjects.register()
  await acme.close()
  const named = await openAcme(place.store(), { tenant: 'acme' })
  expect(await named.consent.status(id, 'marketing')).toMatchObject({ state: 'unknown' })
  await named.close()
})

/** Lets a test decide about each commit, once {@link Gate.armed} is set. */
interface Gate {
  armed: boolean
  fail: boolean
}

function gated(store: Store, gate: Gate): Store {
  return {
    ...store,
    commit: async (batch) => {
      if (gate.armed && gate.fail) {
        throw new PrivityError('store_full', { reason: 'disk_full' })
      }
      return store.commit(batch)
    },
  }
}

test('an operation that rests on another of its batch is not acknowledged before it', async () => {
  const gate: Gate = { armed: false, fail: true }
  const acme = await openAcme(gated(memoryStore(), gate))
  const { id } = await acme.subjects.register()
  const notice = await publishNotice(acme)
  gate.armed = true
  const once = { operationId: 'click-1' }
  const input = onPaper(notice, ['marketing'])
  const outcomes = await Promise.allSettled([
    acme.consent.give(id, input, once),
    acme.consent.give(id, input, once),
  ])
  // Nothing was stored, so nobody may be told that it was.
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  gate.armed = false
  expect(await acme.consent.status(id, 'marketing')).toMatchObject({ state: 'unknown' })
  await acme.close()
})

test('the same notice published twice at once is not acknowledged before it is stored', async () => {
  const gate: Gate = { armed: false, fail: true }
  const acme = await openAcme(gated(memoryStore(), gate))
  gate.armed = true
  const outcomes = await Promise.allSettled([publishNotice(acme), publishNotice(acme)])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  gate.armed = false
  await acme.close()
})

test('nobody is refused for what was never stored', async () => {
  const gate: Gate = { armed: false, fail: true }
  const acme = await openAcme(gated(memoryStore(), gate))
  gate.armed = true
  const outcomes = await Promise.allSettled(
    [1, 2].map(() => acme.subjects.register({ externalId: 'crm-17' })),
  )
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_full' } })
  }
  gate.armed = false
  expect(await acme.subjects.find({ externalId: 'crm-17' })).toBeUndefined()
  await acme.close()
})

const KINDS: readonly FaultKind[] = ['before', 'after-applied', 'double-delivery']

/** A day of work over a store with one fault: what was acknowledged, and what was refused. */
async function workWith(fault: Fault): Promise<{ readonly calls: number }> {
  const share = memoryData()
  const store = faultyStore(memoryStore({ share }), [fault])
  const acme = await openAcme(store, { clock: eagerClock() }).catch(async (error: unknown) => {
    expect(isPrivityError(error)).toBe(true)
    return openAcme(store, { clock: eagerClock() })
  })
  const { support } = accessorsOf(acme)
  const id = await retried(
    async () => (await acme.subjects.register({ externalId: 'x' })).id,
    async () => (await acme.subjects.find({ externalId: 'x' }))?.id,
  )
  await retried(() => support.contact.create(id, ANNA, { operationId: 'op-1' }))
  await retried(() =>
    Promise.all([
      support.ticket.create(id, { text: 'one', channel: 'mail' }, { operationId: 'op-2' }),
      support.ticket.create(id, { text: 'two', channel: 'mail' }, { operationId: 'op-3' }),
    ]),
  )
  const notice = await retried(() => publishNotice(acme))
  await retried(() =>
    acme.consent.give(id, onPaper(notice, ['marketing']), { operationId: 'op-4' }),
  )
  await retried(() => support.contact.update(id, { phone: '1' }, { operationId: 'op-5' }))
  expect(await retried(() => support.contact.read(id))).toMatchObject({ phone: '1' })
  const calls = store.calls.all
  await store.release()

  const later = await openAcme(memoryStore({ share }), { clock: eagerClock() })
  expect(await collect(accessorsOf(later).support.ticket.list())).toHaveLength(2)
  expect(await collect(accessorsOf(later).support.ticket.find({ channel: 'mail' }))).toHaveLength(2)
  expect(await collect(later.consent.history(id))).toHaveLength(1)
  expect(await later.ledger.verify()).toMatchObject({ ok: true, faults: [] })
  await later.close()
  return { calls }
}

/** One more try after an error that says that there may be one. */
async function retried<T>(
  run: () => Promise<T>,
  recover?: () => Promise<T | undefined>,
): Promise<T> {
  try {
    return await run()
  } catch (error) {
    expect(error).toMatchObject({
      code: expect.stringMatching(/^(?:store_unavailable|outcome_unknown|write_conflict)$/),
    })
    return (await recover?.()) ?? run()
  }
}

for (const kind of KINDS) {
  test(`work goes on over any call that fails ${kind}, once each`, {
    timeout: 60_000,
  }, async () => {
    const { calls } = await workWith({ nth: 1_000_000, kind })
    expect(calls).toBeGreaterThan(20)
    for (let nth = 1; nth <= calls; nth += 1) await workWith({ nth, kind })
  })
}

test('a foreign error of a store goes no further', async () => {
  const marker = 'marker-17'
  const share = memoryData()
  const calm = await openAcme(memoryStore({ share }))
  const { id } = await calm.subjects.register()
  await accessorsOf(calm).support.contact.create(id, ANNA)
  for (const call of ['read', 'scan', 'commit'] as const) {
    const thrown = { nth: 1, call, kind: 'before', error: new Error(marker) } as const
    let armed = false
    const inner = memoryStore({ share })
    const faulty = faultyStore(inner, [thrown])
    const store: Store = {
      ...inner,
      read: (keys) => (armed ? faulty : inner).read(keys),
      scan: (prefix, options) => (armed ? faulty : inner).scan(prefix, options),
      commit: (batch) => (armed ? faulty : inner).commit(batch),
    }
    const acme = await openAcme(store, { clock: eagerClock() })
    armed = true
    const attempt = {
      read: () => acme.consent.status(id, 'marketing'),
      scan: () => collect(acme.consent.history(id)),
      commit: () => accessorsOf(acme).support.contact.update(id, { name: 'x' }),
    }[call]
    const outcome = await attempt().catch((error: unknown) => error)
    // A commit of unknown outcome is resolved, and may well succeed.
    if (call !== 'commit') {
      expect({ call, is: isPrivityError(outcome) }).toEqual({ call, is: true })
      expect(JSON.stringify(outcome)).not.toContain(marker)
    }
  }
})

test('a refusal is told even when it cannot be logged', async () => {
  const share = memoryData()
  const calm = await openAcme(memoryStore({ share }))
  const { id } = await calm.subjects.register()
  await accessorsOf(calm).support.contact.create(id, ANNA)
  for (const write of [false, true]) {
    let calls = Number.NEGATIVE_INFINITY
    const inner = memoryStore({ share })
    const acme = await openAcme(
      {
        ...inner,
        read: async (keys) => {
          calls += 1
          // The first read decides; all that comes after it is logging.
          if (calls > 1) throw new PrivityError('store_unavailable', { reason: 'busy' })
          return inner.read(keys)
        },
        commit: async (batch) => {
          if (calls > 0) throw new PrivityError('store_unavailable', { reason: 'busy' })
          return inner.commit(batch)
        },
      },
      { clock: eagerClock() },
    )
    calls = 0
    const { contact } = acme.accessor({ purpose: 'support', actor: { id: 'x', roles: [] } })
    const attempt = write ? contact.update(id, { name: 'x' }) : contact.read(id)
    const { code } = await caught(attempt)
    expect({ write, code }).toEqual({ write, code: 'not_permitted' })
  }
})

test('a clock that cannot wait stops no instance', async () => {
  const share = memoryData()
  const inner = memoryStore({ share })
  let conflicts = 0
  const store: Store = {
    ...inner,
    commit: async (batch) => {
      conflicts -= 1
      if (conflicts >= 0) throw new PrivityError('write_conflict', { attempts: 1 })
      return inner.commit(batch)
    },
  }
  const wait = async (): Promise<never> => {
    throw new Error('marker-17')
  }
  const acme = await openAcme(store, { clock: { now: eagerClock().now, wait } })
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  conflicts = 3
  for (const name of ['A', 'B']) {
    await support.contact.update(id, { name })
    expect(await support.contact.read(id)).toMatchObject({ name })
  }
  await acme.close()
})
