import { expect, test } from 'vitest'
import type { Batch } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { verifyCertificate } from 'privity/verify'
import { PrivityError } from '../../src/base/errors.ts'
import {
  accessorsOf,
  type Acme,
  ANNA,
  eagerClock,
  openAcme,
  publishNotice,
  refusal,
  START,
} from '../support/acme.ts'
import { dyingStore } from '../support/stores.ts'
import { type HookedStore, hookedStore, type StoreHooks } from '../support/hooked-store.ts'

const ASK = { reason: 'subject_request' }
const JOB = /\/c\/q\/[0-9a-f]{32}$/
const OWN = /\/p\/[0-9a-f]{32}\//

type Data = ReturnType<typeof memoryData>

interface Office {
  readonly data: Data
  readonly store: HookedStore
  readonly acme: Acme
  readonly id: string
  /** What another process does, over the same rows. */
  elsewhere<T>(run: (acme: Acme) => Promise<T>): Promise<T>
}

/** A customer with a contact and a ticket, and a store whose commits a test looks at. */
async function openOffice(commit: StoreHooks['commit'] = (_, next) => next()): Promise<Office> {
  const data = memoryData()
  const store = hookedStore(memoryStore({ share: data }), { commit })
  const acme = await openAcme(store, { clock: eagerClock() })
  const { id } = await acme.subjects.register({ externalId: 'crm-17' })
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  await support.ticket.create(id, { text: 'help', channel: 'mail' })
  return {
    data,
    store,
    acme,
    id,
    elsewhere: async (run) => {
      const other = await openAcme(memoryStore({ share: data }), { clock: eagerClock() })
      try {
        return await run(other)
      } finally {
        await other.close()
      }
    },
  }
}

function namesOf({ rows }: Data, id: string): readonly string[] {
  return [...rows.keys()].map((key) => key.slice(17)).filter((name) => name.includes(id))
}

function jobsIn({ rows }: Data): readonly string[] {
  return [...rows.keys()].filter((key) => JOB.test(key))
}

/** The batch that puts the fence is the first with a job in it. */
function isFence({ put }: Batch): boolean {
  return put.some(([key]) => JOB.test(key))
}

function isDestruction({ del }: Batch): boolean {
  return del.some((key) => OWN.test(key))
}

async function totalsOf(acme: Acme, certificate: string): Promise<unknown> {
  const verified = await verifyCertificate(certificate, acme.ledger.publicKeys)
  expect(verified.ok).toBe(true)
  return verified.certificate?.['totals']
}

test('an erasure is three commits: its fence, its destruction and its certificate', async () => {
  const { acme, id, store, data } = await openOffice()
  // The first erasure makes the key under which the app's own ids are remembered.
  const other = await acme.subjects.register({ externalId: 'crm-18' })
  await acme.erasure.erase(other.id, ASK)
  const before = store.batches.length
  await acme.erasure.erase(id, ASK)
  const batches = store.batches.slice(before)
  expect(batches.map((batch) => batch.put.some(([key]) => JOB.test(key)))).toEqual([
    true,
    true,
    false,
  ])
  expect(batches[2]?.del.filter((key) => JOB.test(key))).toHaveLength(1)
  expect(jobsIn(data)).toEqual([])
  await acme.close()
})

test('a hundred erasures at once leave in few commits', async () => {
  const { acme, store } = await openOffice()
  const people = await Promise.all(Array.from({ length: 100 }, () => acme.subjects.register()))
  const before = store.batches.length
  await Promise.all(people.map(({ id }) => acme.erasure.erase(id, ASK)))
  expect(store.batches.length - before).toBeLessThan(20)
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await acme.close()
})

test('so do those of whom a part stays', async () => {
  const { acme, store } = await openOffice()
  const people = await Promise.all(Array.from({ length: 30 }, () => acme.subjects.register()))
  const { support } = accessorsOf(acme)
  await Promise.all(people.map(({ id }) => support.contact.create(id, ANNA)))
  const before = store.batches.length
  const scope = { records: [{ record: 'contact' as const }] }
  await Promise.all(people.map(({ id }) => acme.erasure.erase(id, { ...ASK, scope })))
  expect(store.batches.length - before).toBeLessThan(30)
  await acme.close()
})

test('what another process writes between the plan and the fence is erased as well', async () => {
  let write: (() => Promise<unknown>) | undefined
  const { acme, id, data, elsewhere } = await openOffice(async (batch, next) => {
    const now = isFence(batch) ? write : undefined
    if (now !== undefined) {
      write = undefined
      await now()
    }
    await next()
  })
  write = () =>
    elsewhere((other) => accessorsOf(other).support.ticket.create(id, { text: 'one more' }))
  const certificate = await acme.erasure.erase(id, ASK)
  expect(namesOf(data, id)).toEqual([`p/${id}`])
  // Keys and rows of the customer with two tickets.
  const twice = await openOffice()
  await accessorsOf(twice.acme).support.ticket.create(twice.id, { text: 'one more' })
  const same = await twice.acme.erasure.erase(twice.id, ASK)
  expect(await totalsOf(acme, certificate)).toEqual(await totalsOf(twice.acme, same))
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await acme.close()
  await twice.acme.close()
})

test('what another process destroys first is certified with what that one destroyed', async () => {
  let finish: (() => Promise<string>) | undefined
  let theirs = ''
  const office = await openOffice(async (batch, next) => {
    const now = isDestruction(batch) ? finish : undefined
    if (now !== undefined) {
      finish = undefined
      theirs = await now()
    }
    await next()
  })
  const { acme, id, elsewhere, data } = office
  finish = () => elsewhere((other) => other.erasure.erase(id, ASK))
  const ours = await acme.erasure.erase(id, ASK)
  expect(ours).toBe(theirs)
  expect(await totalsOf(acme, ours)).toMatchObject({
    keys: expect.any(Number),
    rows: expect.any(Number),
  })
  expect(await totalsOf(acme, ours)).not.toMatchObject({ rows: 0 })
  expect(jobsIn(data)).toEqual([])
  await acme.close()
})

test('nothing is destroyed once another process went on with the job', async () => {
  let change: (() => void) | undefined
  const office = await openOffice(async (batch, next) => {
    if (isDestruction(batch)) change?.()
    await next()
  })
  const { acme, id, data } = office
  const kept = new Map<string, Uint8Array>()
  change = () => {
    change = undefined
    for (const key of jobsIn(data)) {
      kept.set(key, data.rows.get(key) ?? new Uint8Array())
      data.rows.set(key, new Uint8Array([1]))
    }
  }
  expect(await refusal(acme.erasure.erase(id, ASK))).toMatchObject({
    code: 'erasure_incomplete',
    details: { failing: ['privity:write_conflict'] },
  })
  expect(kept.size).toBe(1)
  expect(namesOf(data, id).length).toBeGreaterThan(5)
  for (const [key, row] of kept) data.rows.set(key, row)
  const certificate = await acme.erasure.erase(id, ASK)
  expect(await totalsOf(acme, certificate)).not.toMatchObject({ rows: 0 })
  expect(namesOf(data, id)).toEqual([`p/${id}`])
  await acme.close()
})

test('a plan that came to no fence leaves nothing behind, and the person as they were', async () => {
  let isFull = false
  const { acme, id, data } = await openOffice(async (batch, next) => {
    if (isFull && isFence(batch)) throw new PrivityError('store_full', { reason: 'disk_full' })
    await next()
  })
  isFull = true
  expect(await refusal(acme.erasure.erase(id, ASK))).toMatchObject({ code: 'store_full' })
  expect(jobsIn(data)).toEqual([])
  isFull = false
  expect(await accessorsOf(acme).support.contact.read(id)).toMatchObject({ email: ANNA.email })
  await acme.erasure.erase(id, ASK)
  await acme.close()
})

test('a body that does not open keeps nobody from being erased', async () => {
  const { acme, id, data } = await openOffice()
  await publishNotice(acme)
  const [body = ''] = [...data.rows.keys()].filter((key) => key.includes(`p/${id}/e/`))
  const sealed = data.rows.get(body) ?? new Uint8Array()
  data.rows.set(
    body,
    sealed.map((byte, at) => (at === sealed.length - 1 ? byte ^ 1 : byte)),
  )
  const certificate = await acme.erasure.erase(id, ASK)
  expect(await totalsOf(acme, certificate)).not.toMatchObject({ keys: 0 })
  expect(namesOf(data, id)).toEqual([`p/${id}`])
  // Which leaf it was nobody could say: that many may be missing, and no more.
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await acme.close()
})

const LEASE = 120_000

/** Erases in a process that dies at a call, and lets another go on with what is there; how many calls there are. */
async function crash(nth: number, when: 'before' | 'after'): Promise<number> {
  const data = memoryData()
  let armed = false
  const dying = dyingStore(memoryStore({ share: data }), { nth, when, armed: () => armed })
  const acme = await openAcme(dying.store, { clock: eagerClock() })
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  await support.ticket.create(id, { text: 'help', channel: 'mail' })
  armed = true
  const outcome = await Promise.race([dying.dead, acme.erasure.erase(id, ASK)])
  const later = await openAcme(memoryStore({ share: data }), { clock: eagerClock(START + LEASE) })
  const isBegun = jobsIn(data).length > 0
  const living = (): Promise<unknown> => accessorsOf(later).support.contact.read(id)
  expect(await later.erasure.work()).toMatchObject({ completed: isBegun ? 1 : 0, failed: 0 })
  // Without a job either nothing has happened, or everything.
  if (!isBegun && namesOf(data, id).length > 1) {
    expect(await living()).toMatchObject({ email: ANNA.email })
    await later.erasure.erase(id, ASK)
  }
  expect((await refusal(living())).code).toBe('erased')
  expect(namesOf(data, id)).toEqual([`p/${id}`])
  expect(jobsIn(data)).toEqual([])
  const certificates = [...data.rows.keys()].filter((key) => key.includes('/c/c/'))
  expect(certificates).toHaveLength(1)
  expect(await later.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await later.close()
  return outcome === 'dead' ? nth : dying.calls()
}

test.for(['before', 'after'] as const)(
  'a process that dies %s any call has begun it or not',
  {
    timeout: 60_000,
  },
  async (when) => {
    const calls = await crash(Number.POSITIVE_INFINITY, when)
    expect(calls).toBeGreaterThan(12)
    for (let nth = 1; nth <= calls; nth += 1) await crash(nth, when)
  },
)
