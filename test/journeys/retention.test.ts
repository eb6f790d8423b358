import { describe, expect } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type DueRecord,
  exportStore,
  importStore,
  localKeys,
  type Privity,
  type PrivityOptions,
  type Purposes,
  statutory,
  type Store,
  type SubjectId,
} from 'privity'
import { memoryStore } from 'privity/memory'
import {
  ANNA,
  collect,
  controller,
  type FakeClock,
  fakeClock,
  openAcme,
  refusal,
  SECRET,
} from '../support/acme.ts'
import { journey, keyStoreOf, type Place, STORES } from '../support/stores.ts'

const START = Date.UTC(2026, 0, 15)
const ACTOR = { id: 'staff:ida', roles: ['agent'] } as const
const NOBODY = '0'.repeat(32)

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  offers: {
    basis: 'legitimate_interests',
    description: 'Send you offers',
    retention: { keep: { years: 2 }, from: 'created' },
  },
})
const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string(), { purposes: ['support', 'offers'] }),
  nick: field(z.string().exactOptional(), { purposes: ['offers'] }),
  born: field(z.string().exactOptional(), {
    purposes: ['support'],
    retention: { keep: { days: 30 }, from: 'updated' },
    atEnd: { anonymise: (plain) => plain.slice(0, 4) },
  }),
}))
const order = defineRecord(
  purposes,
  ({ field }) => ({
    amount: field(z.int(), {
      purposes: ['support'],
      floor: statutory('NL.tax', { from: 'created' }),
    }),
    remark: field(z.string().exactOptional(), { purposes: ['support'] }),
  }),
  { many: true, events: ['closed'], retention: { keep: { years: 1 }, from: 'closed' } },
)
const visit = defineRecord(
  purposes,
  ({ field }) => ({ text: field(z.string(), { purposes: ['support'] }) }),
  { many: true, retention: { keep: { days: 1 }, from: 'created' } },
)
const records = { contact, order, visit }
const roles = { agent: { purposes: ['support', 'offers'] } } as const
const policy = definePolicy({ controller, purposes, records, roles })

function open<P extends Purposes, R>(
  store: Store,
  options: Pick<PrivityOptions<P, R>, 'policy'> & { readonly clock: FakeClock },
): Promise<Privity<P, R>> {
  const keyStore = keyStoreOf(store)
  return createPrivity({
    store,
    keys: localKeys(SECRET),
    ...(keyStore === undefined ? {} : { keyStore }),
    ...options,
  })
}

async function openShop(store: Store) {
  const clock = fakeClock(START)
  const privity = await open(store, { policy, clock })
  const { id } = await privity.subjects.register()
  const support = privity.accessor({ purpose: 'support', actor: ACTOR })
  const offers = privity.accessor({ purpose: 'offers', actor: ACTOR })
  return { privity, clock, id, support, offers }
}

/** What stands in the due index, without the tenant and with dates that can be read. */
async function dates(place: Place): Promise<readonly string[]> {
  const rows = await place.rows()
  return rows
    .map(([key]) => key.slice(17))
    .filter((key) => key.startsWith('d/'))
    .map((key) => {
      const [, at = '', , type = 'person', record = ''] = key.split('/')
      const day = new Date(Number.parseInt(at, 16)).toISOString().slice(0, 10)
      return `${day} ${type}${record === '-' ? '' : ' many'}`
    })
}

function said({ record, dueAt, fields, kept }: DueRecord): string {
  const due = fields.map(({ field, action, dueAt: at }) => `${action} ${field} ${at.slice(0, 10)}`)
  const stays = kept.map(({ field, ground, until = '?' }) => `${field}: ${ground} ${until}`)
  return [record, dueAt.slice(0, 10), ...due, ...stays].join(', ')
}

async function isSound(privity: Pick<Privity<Purposes, unknown>, 'ledger'>): Promise<void> {
  expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
}

describe('the due index', () => {
  journey('follows what is written, told and removed', async (place) => {
    const { privity, clock, id, support, offers } = await openShop(place.store())
    await support.contact.create(id, { name: 'Anna' })
    // Support goes on needing the name: only fields with an end stand in the index.
    expect(await dates(place)).toEqual([])
    await offers.contact.update(id, { nick: 'A' })
    expect(await dates(place)).toEqual(['2028-01-15 0000'])
    clock.advance({ days: 10 })
    await support.contact.update(id, { born: '1990-01-01' })
    expect(await dates(place)).toEqual(['2026-02-24 0000'])
    clock.advance({ days: 5 })
    await support.contact.update(id, {})
    expect(await dates(place)).toEqual(['2026-02-24 0000'])
    await support.contact.update(id, {}, { unset: ['born'] })
    expect(await dates(place)).toEqual(['2028-01-15 0000'])

    const { recordId } = await support.order.create(id, { amount: 5, remark: 'red' })
    expect(await dates(place)).toHaveLength(1)
    await privity.retention.event(id, { record: 'order', recordId, event: 'closed' })
    expect(await dates(place)).toEqual(['2027-01-30 0001 many', '2028-01-15 0000'])
    await isSound(privity)
    await privity.retention.event(id, { record: 'order', recordId, event: 'closed', at: null })
    expect(await dates(place)).toEqual(['2028-01-15 0000'])
    const at = '2026-06-01T00:00:00Z'
    await privity.retention.event(id, { record: 'order', recordId, event: 'closed', at })
    expect(await dates(place)).toEqual(['2027-06-01 0001 many', '2028-01-15 0000'])
    await support.order.remove(id, recordId)
    expect(await dates(place)).toEqual(['2028-01-15 0000'])
    await isSound(privity)
    await privity.close()
  })

  journey('goes with the person, and costs nothing without rules', async (place) => {
    const { privity, id, support, offers } = await openShop(place.store())
    await support.contact.create(id, { name: 'Anna', born: '1990-01-01' })
    await offers.contact.update(id, { nick: 'A' })
    const { recordId } = await support.order.create(id, { amount: 5 })
    await privity.retention.event(id, { record: 'order', recordId, event: 'closed' })
    expect(await dates(place)).toEqual(['2026-02-14 0000', '2033-12-31 0001 many'])
    // What is erased in part is not due again.
    const scope = { records: [{ record: 'contact', fields: ['born'] }] } as const
    await privity.erasure.erase(id, { reason: 'subject_request', scope })
    expect(await dates(place)).toEqual(['2028-01-15 0000', '2033-12-31 0001 many'])
    await isSound(privity)
    await support.order.remove(id, recordId)
    await support.visit.create(id, { text: 'x' })
    expect(await dates(place)).toEqual(['2026-01-16 0002 many', '2028-01-15 0000'])
    await privity.erasure.erase(id, { reason: 'subject_request' })
    expect(await dates(place)).toEqual([])
    await isSound(privity)
    await privity.close()

    const other = STORES.memory()
    const acme = await openAcme(other.store(), { clock: fakeClock() })
    const { id: anna } = await acme.subjects.register()
    const agent = acme.accessor({ purpose: 'support', actor: ACTOR })
    await agent.contact.create(anna, ANNA)
    expect(await dates(other)).toEqual([])
    expect(await collect(acme.retention.due({ before: '2099-01-01T00:00:00Z' }))).toEqual([])
    await acme.close()
  })

  journey('is held against the log, row by row', async (place) => {
    const store = place.store()
    const { privity, id, support } = await openShop(store)
    await support.contact.create(id, { name: 'Anna', born: '1990-01-01' })
    const rows = await place.rows()
    const [key = ''] = rows.flatMap(([name]) => (name.slice(17).startsWith('d/') ? [name] : []))
    const forged = `${key.slice(0, 19)}000000000001${key.slice(31)}`
    await store.commit({ checks: [], put: [[forged, new Uint8Array(0)]], del: [key] })
    const { faults } = await privity.ledger.verify({ deep: true })
    expect(new Set(faults)).toEqual(
      new Set([
        { key, kind: 'row_missing' },
        { key: forged, kind: 'row_unexpected' },
      ]),
    )
    // What a forged row says is not believed.
    expect(await collect(privity.retention.due({ before: '2099-01-01T00:00:00Z' }))).toEqual([])
    const anything = `${key.slice(0, 19)}zz`
    await store.commit({ checks: [], put: [[anything, new Uint8Array(0)]], del: [] })
    const again = await privity.ledger.verify({ deep: true })
    expect(again.faults).toContainEqual({ key: anything, kind: 'row_unexpected' })
    expect(await collect(privity.retention.due({ before: '2099-01-01T00:00:00Z' }))).toEqual([])
    await privity.close()
  })

  journey('moves with the store', async (place) => {
    const store = place.store()
    const { privity, id, support } = await openShop(store)
    await support.contact.create(id, { name: 'Anna', born: '1990-01-01' })
    await privity.close()
    if (keyStoreOf(store) !== undefined) return
    const target = memoryStore()
    await importStore(target, exportStore(store, { tenant: controller.id }), {
      tenant: controller.id,
    })
    const moved = await open(target, { policy, clock: fakeClock(START) })
    const due = await collect(moved.retention.due({ before: '2026-03-01T00:00:00Z' }))
    expect(due.map(said)).toEqual(['contact, 2026-02-14, anonymise born 2026-02-14'])
    await isSound(moved)
    await moved.close()
  })
})

describe('what is due', () => {
  journey('is told in order, with what stays and until when', async (place) => {
    const { privity, clock, id, support, offers } = await openShop(place.store())
    await support.contact.create(id, { name: 'Anna', born: '1990-01-01' })
    await offers.contact.update(id, { nick: 'A' })
    clock.advance({ days: 1 })
    const { recordId } = await support.order.create(id, { amount: 5, remark: 'red' })
    await support.order.create(id, { amount: 6 })
    await privity.retention.event(id, { record: 'order', recordId, event: 'closed' })

    const due = (before?: string, limit?: number) =>
      collect(
        privity.retention.due({
          ...(before === undefined ? {} : { before }),
          ...(limit === undefined ? {} : { limit }),
        }),
      )
    expect(await due()).toEqual([])
    expect(await due('2026-02-13T23:59:59.999Z')).toEqual([])
    expect((await due('2026-02-14T00:00:00Z')).map(said)).toEqual([
      'contact, 2026-02-14, anonymise born 2026-02-14',
    ])
    const later = await due('2029-01-01T00:00:00Z')
    expect(later.map(said)).toEqual([
      'contact, 2026-02-14, erase nick 2028-01-15, anonymise born 2026-02-14',
      'order, 2027-01-16, erase remark 2027-01-16, amount: AWR art. 52(4) 2033-12-31T23:00:00.000Z',
    ])
    expect(later[1]).toMatchObject({ subjectId: id, recordId })
    expect(later[1]?.kept[0]?.source).toBe('https://wetten.overheid.nl/BWBR0002320')
    expect(await due('2029-01-01T00:00:00Z', 1)).toHaveLength(1)
    expect((await due('2034-01-01T00:00:00Z')).map(said)[1]).toBe(
      'order, 2027-01-16, erase amount 2033-12-31, erase remark 2027-01-16',
    )
    clock.set(Date.UTC(2028, 5, 1))
    expect((await due()).map(({ record }) => record)).toEqual(['contact', 'order'])
    await privity.close()
  })

  journey('of many people comes page by page, and stops where it is told to', async (place) => {
    const { privity, clock, support } = await openShop(place.store())
    const ids: SubjectId[] = []
    for (let at = 0; at < 300; at += 1) {
      const { id } = await privity.subjects.register()
      ids.push(id)
      clock.advance(1)
      await support.contact.create(id, { name: 'Anna', born: '1990-01-01' })
    }
    clock.advance({ days: 31 })
    const found = await collect(privity.retention.due())
    expect(found.map(({ subjectId }) => subjectId)).toEqual(ids)
    await privity.erasure.erase(ids[0] ?? '', { reason: 'subject_request' } as never)
    expect(await collect(privity.retention.due())).toHaveLength(299)
    const controllerOfWalk = new AbortController()
    const walk = privity.retention.due({ signal: controllerOfWalk.signal })
    const seen: unknown[] = []
    const stopped = (async () => {
      for await (const item of walk) {
        seen.push(item)
        controllerOfWalk.abort(new RangeError('enough'))
      }
    })()
    await expect(stopped).rejects.toThrow('enough')
    expect(seen.length).toBeLessThan(300)
    await privity.close()
  })
})

describe('a change of the rules', () => {
  journey('reaches old records by resealing, and never dates them back', async (place) => {
    const clock = fakeClock(START)
    const named = definePurposes({
      support: { basis: 'contract', description: 'Answer your questions' },
    })
    const policyWith = (options: object, version: string) => {
      const people = defineRecord(
        named,
        ({ field }) => ({
          name: field(z.string(), { purposes: ['support'] }),
          born: field(z.string(), { purposes: ['support'] }),
        }),
        options,
      )
      return definePolicy({
        controller,
        version,
        purposes: named,
        records: { contact: people },
        roles: { agent: { purposes: ['support'] } },
      })
    }
    const before = policyWith({}, '1')
    const after = policyWith({ retention: { keep: { years: 1 }, from: 'created' } }, '2')
    const store = place.store()
    const first = await open(store, { policy: before, clock })
    const { id } = await first.subjects.register()
    const support = first.accessor({ purpose: 'support', actor: ACTOR })
    await support.contact.create(id, { name: 'Anna', born: '1990-01-01' })
    expect(await dates(place)).toEqual([])
    await first.close()

    clock.advance({ days: 100 })
    const second = await open(place.store(), { policy: after, clock })
    expect(await second.keys.reseal()).toMatchObject({ records: 1 })
    expect(await dates(place)).toEqual(['2027-04-25 0000'])
    expect(await second.keys.reseal()).toMatchObject({ records: 0 })
    await isSound(second)
    await second.close()

    const third = await open(place.store(), { policy: policyWith({}, '3'), clock })
    expect(await third.keys.reseal()).toMatchObject({ records: 1 })
    expect(await dates(place)).toEqual([])
    await isSound(third)
    await third.close()
  })
})

describe('an event', () => {
  journey('is told once, however often it is sent', async (place) => {
    const { privity, clock, id, support } = await openShop(place.store())
    const { recordId } = await support.order.create(id, { amount: 5, remark: 'red' })
    const ask = { record: 'order', recordId, event: 'closed' } as const
    const options = { operationId: 'close:1' }
    await privity.retention.event(id, ask, options)
    clock.advance({ days: 5 })
    await privity.retention.event(id, ask, options)
    expect(await dates(place)).toEqual(['2027-01-15 0001 many'])
    expect(await refusal(privity.retention.event(id, { ...ask, at: null }, options))).toMatchObject(
      { code: 'invalid_input', details: { issues: [{ code: 'reused' }] } },
    )
    await privity.retention.event(id, { ...ask, at: '2099-01-01T00:00:00Z' })
    expect(await dates(place)).toEqual(['2100-01-01 0001 many'])
    await privity.close()
  })

  journey('is refused when nothing declares it, and about nobody', async (place) => {
    const { privity, id, support } = await openShop(place.store())
    await support.contact.create(id, { name: 'Anna' })
    const { recordId } = await support.order.create(id, { amount: 5 })
    const ask = { record: 'order', recordId, event: 'closed' }
    const tell = (wrong: object, who: string = id, options?: object) =>
      refusal(privity.retention.event(who as SubjectId, { ...ask, ...wrong } as never, options))
    const input = (path: readonly string[], code: string) => ({
      code: 'invalid_input',
      details: { issues: [{ path, code }] },
    })
    const before = await place.rows()
    expect(await tell({ record: 'ticket' })).toEqual({
      code: 'not_declared',
      details: { kind: 'record', path: ['record'], declared: ['contact', 'order', 'visit'] },
    })
    expect(await tell({ event: 'created' })).toEqual({
      code: 'not_declared',
      details: { kind: 'event', path: ['event'], declared: ['closed'] },
    })
    expect((await tell({ record: 'contact', recordId: undefined })).code).toBe('not_declared')
    expect(await tell({ recordId: undefined })).toEqual(input(['recordId'], 'required'))
    expect((await tell({ recordId: 'anna' })).code).toBe('not_found')
    expect((await tell({ recordId: NOBODY })).code).toBe('not_found')
    expect((await tell({}, NOBODY)).code).toBe('not_found')
    expect(await tell({ at: 'today' })).toEqual(input(['at'], 'not_an_instant'))
    expect(await tell({ at: '1969-12-31T23:59:59Z' })).toEqual(input(['at'], 'too_small'))
    expect(await tell({ at: '2100-01-01T00:00:01Z' })).toEqual(input(['at'], 'too_big'))
    expect((await tell({ at: 5 })).code).toBe('invalid_input')
    expect((await tell({ more: 1 })).code).toBe('invalid_input')
    expect((await tell({}, id, { ifRevision: 1 })).code).toBe('invalid_input')
    const due = (options: object) => refusal(collect(privity.retention.due(options)))
    expect(await due({ before: 'now' })).toEqual(input(['before'], 'not_an_instant'))
    expect((await due({ limit: 0 })).code).toBe('invalid_input')
    expect((await due({ page: 1 })).code).toBe('invalid_input')
    expect(await place.rows()).toEqual(before)
    await privity.close()
  })
})
