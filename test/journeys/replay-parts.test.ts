import { expect, test } from 'vitest'
import type { ErasureHook, ErasureScope, Store } from 'privity'
import { memoryStore } from 'privity/memory'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  eagerClock,
  giveOnWeb,
  openAcme,
  refusal,
} from '../support/acme.ts'
import {
  certificateOf,
  copying,
  type Journaled,
  journalOf,
  journaled,
  openJournaled,
  within,
} from '../support/journaled.ts'
import { scaled } from '../support/scale.ts'
import { setBack } from '../support/set-back.ts'
import { dyingStore, journey, keyStoreOf, type Place } from '../support/stores.ts'

const PHONE = { records: [{ record: 'contact', fields: ['phone'] }] } as const
const LOOK = 16
const SLOW = 240_000
/** Of the calls of a replay, and of a long one, every so many. */
const FEW = scaled({ ci: 2, torture: 1 })
const STEP = scaled({ ci: 5, torture: 1 })

/** With a bit of everything that a person can have. */
async function addPerson(acme: Acme, name: string): Promise<string> {
  const { id } = await acme.subjects.register({ externalId: `crm:${name}` })
  const { support, care } = accessorsOf(acme)
  const contact = { ...ANNA, email: `${name}@example.com`, phone: '+31 20 1234567' }
  await support.contact.create(id, contact)
  await giveOnWeb(acme, id, ['care', 'marketing'])
  await care.contact.update(id, { allergies: 'nuts' })
  return id
}

async function addTicket(acme: Acme, id: string, text: string): Promise<string> {
  const ticket = { text, channel: 'mail' }
  return (await accessorsOf(acme).support.ticket.create(id, ticket)).recordId
}

function erase(acme: Acme, id: string, scope: ErasureScope): Promise<string> {
  return acme.erasure.erase(id, { reason: 'subject_request', scope })
}

async function expectSound(acme: Acme): Promise<void> {
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
}

/** The value of a field; undefined also for one that nobody opens, because its key went with another. */
async function phoneOf(acme: Acme, id: string): Promise<string | undefined> {
  const { support } = accessorsOf(acme)
  return (await support.contact.read(id)).phone
}

interface Restored extends Journaled {
  readonly copy: Awaited<ReturnType<Place['rows']>>
  readonly ids: { readonly [name: string]: string }
  readonly tickets: readonly [string, string]
}

/** What of them is erased after the copy: a field, a record, a purpose, and a category. */
async function withBackup(stores: Journaled): Promise<Restored> {
  const acme = await openJournaled(stores)
  const ids: { [name: string]: string } = {}
  for (const name of ['anna', 'bo', 'cleo', 'dora', 'emil']) ids[name] = await addPerson(acme, name)
  const { anna = '', bo = '', cleo = '', dora = '', emil = '' } = ids
  const tickets = [await addTicket(acme, bo, 'goes'), await addTicket(acme, bo, 'stays')] as const
  await erase(acme, emil, PHONE)
  await acme.close()
  const copy = await stores.place.rows()
  await within(stores, async (later) => {
    await erase(later, anna, PHONE)
    await erase(later, bo, { records: [{ record: 'ticket', recordId: tickets[0] }] })
    await erase(later, cleo, { purpose: 'care' })
    await erase(later, dora, { special: 'health' })
    await accessorsOf(later).support.contact.update(anna, { phone: '+31 20 7654321' })
  })
  return { ...stores, copy, ids, tickets }
}

journey(
  'a backup that brings a part of a person back opens only to erase it again',
  async (place) => {
    const stores = await withBackup(journaled(place))
    const { anna = '', bo = '', cleo = '', dora = '', emil = '' } = stores.ids
    const [gone, stays] = stores.tickets
    // Keys that are apart are those of today: what was sealed with what went opens no more.
    const isApart = keyStoreOf(place.store()) !== undefined
    await setBack(place, stores.copy)

    await within(stores, async (closed) => {
      const required = { code: 'replay_required', details: { behind: 4 } }
      expect(await refusal(() => accessorsOf(closed))).toEqual(required)
      expect(await refusal(closed.subjects.find({ externalId: 'crm:anna' }))).toEqual(required)
      const seen: (readonly number[])[] = []
      const certificate = await closed.erasure.replay({
        onProgress: (done, of) => seen.push([done, of]),
      })
      expect(seen).toEqual([1, 2, 3, 4].map((done) => [done, 4]))
      expect(await certificateOf(closed, certificate)).toMatchObject({
        schemaVersion: 'privity.replay/1',
        totals: { replayed: 0, parts: 4 },
        verification: { erasures: 4, underWay: 0, missing: 0 },
      })
    })

    await within(stores, async (again) => {
      const { support, care } = accessorsOf(again)
      expect(await collect(support.contact.find({ phone: '+31 20 1234567' }))).toHaveLength(3)
      if (!isApart) {
        expect(await support.contact.read(anna)).toEqual({
          ...ANNA,
          email: 'anna@example.com',
          language: 'en',
        })
        expect(await support.ticket.read(bo, stays)).toEqual({ text: 'stays', channel: 'mail' })
        expect(await support.contact.read(cleo)).toMatchObject({ name: ANNA.name })
        expect((await care.contact.read(cleo)).allergies).toBeUndefined()
        expect((await care.contact.read(dora)).allergies).toBeUndefined()
      }
      expect(await refusal(support.ticket.read(bo, gone))).toMatchObject({ code: 'not_found' })
      expect(await phoneOf(again, emil)).toBeUndefined()
      expect((await care.contact.read(anna)).allergies).toBe('nuts')
      if (!isApart) await expectSound(again)
      expect(await again.erasure.replay()).toBeUndefined()
    })
  },
)

const NEW_PHONE = '+31 20 7654321'
const TICKETS = 70

/** What happens while an erasure is under way, by the number of the first copy that has it. */
interface Meanwhile {
  readonly hooks: readonly ErasureHook[]
  readonly since: Map<string, number>
}

/** Before anything is destroyed another field is written; once it is, the same one anew, which is held then. */
function meanwhile(
  of: () => { readonly acme: Acme; readonly id: string; readonly copies: number },
): Meanwhile {
  const since = new Map<string, number>()
  const hook = (id: string, needsPlaintext: boolean, run: () => Promise<unknown>): ErasureHook => ({
    id,
    needsPlaintext,
    partial: true,
    replay: 'skip',
    plan: async () => [{ id: 'x', description: 'something', count: 1 }],
    execute: async () => {
      await run()
      since.set(id, of().copies)
      return 'done'
    },
    verify: async () => 'absent',
  })
  const write = (change: object): Promise<void> =>
    accessorsOf(of().acme).support.contact.update(of().id, change)
  const early = hook('early', true, () => write({ address: 'Early 1' }))
  const late = hook('late', false, async () => {
    await write({ phone: NEW_PHONE })
    since.set('written', of().copies)
    const ask = { matter: 'claim', reviewAt: '2030-01-01T00:00:00.000Z' }
    await of().acme.retention.hold(of().id, { ...ask, records: PHONE.records } as never)
  })
  return { hooks: [early, late], since }
}

test('of whatever moment a backup is, what was erased goes, and what was written later stays', {
  timeout: SLOW,
}, async () => {
  const stores = journaled()
  const { store, copies } = copying(stores.place)
  let [acme, id]: [Acme | undefined, string] = [undefined, '']
  const { hooks, since } = meanwhile(() => ({ acme: acme as Acme, id, copies: copies.length }))
  const journal = (): Store => memoryStore({ share: stores.journal })
  acme = await openAcme(store, { journal: journal(), clock: eagerClock(), hooks })
  id = await addPerson(acme, 'anna')
  for (let nth = 0; nth < TICKETS; nth += 1) await addTicket(acme, id, `text ${nth}`)
  copies.length = 0
  copies.push(await stores.place.rows())
  const tickets = { record: 'ticket', fields: ['channel'] }
  const certificate = await erase(acme, id, { records: [...PHONE.records, tickets] })
  expect(await certificateOf(acme, certificate)).toMatchObject({ totals: { fields: 1 + TICKETS } })
  expect(await phoneOf(acme, id)).toBe(NEW_PHONE)
  await acme.close()
  expect(copies.length).toBeGreaterThan(8)

  let behind = 0
  for (const [at, copy] of copies.entries()) {
    await setBack(stores.place, copy)
    await within(
      stores,
      async (closed) => {
        if ((await closed.erasure.replay()) !== undefined) behind += 1
      },
      { hooks },
    )
    await within(stores, async (again) => {
      const { support } = accessorsOf(again)
      const { phone, address } = await support.contact.read(id)
      const isLate = at + 1 >= (since.get('written') ?? Infinity)
      expect([at, phone]).toEqual([at, isLate ? NEW_PHONE : undefined])
      expect(address).toBe(at + 1 >= (since.get('early') ?? Infinity) ? 'Early 1' : ANNA.address)
      const found = await collect(support.ticket.list({ subjectId: id } as never))
      expect(found).toHaveLength(TICKETS)
      expect(found.filter(({ view }) => 'channel' in view)).toEqual([])
      expect(await collect(support.ticket.find({ channel: 'mail' }))).toEqual([])
      await expectSound(again)
    })
  }
  // But for the last ones, which have the certificate.
  expect(behind).toBeGreaterThan(since.get('late') ?? Infinity)
  expect(behind).toBeLessThan(copies.length)
})

type Death = Omit<Parameters<typeof dyingStore>[1], 'armed'>

/** An instance one of whose two stores dies with it. */
async function dying(
  stores: Journaled,
  which: 'store' | 'journal',
  death: Death,
): Promise<{ readonly acme: Acme; readonly arm: () => void; readonly dead: Promise<'dead'> }> {
  let isArmed = false
  const beside = memoryStore({ share: stores.journal })
  const mortal = which === 'store' ? stores.place.store() : beside
  const { store, dead } = dyingStore(mortal, { ...death, armed: () => isArmed })
  const acme = await openAcme(which === 'store' ? store : stores.place.store(), {
    journal: which === 'store' ? beside : store,
    clock: eagerClock(),
  })
  return {
    acme,
    dead,
    arm: () => {
      isArmed = true
    },
  }
}

for (const which of ['store', 'journal'] as const) {
  for (const when of ['before', 'after'] as const) {
    test(
      `a replay that dies ${when} any call to the ${which} is replayed again`,
      async () => {
        const stores = await withBackup(journaled())
        const { anna = '', bo = '', dora = '' } = stores.ids
        let isOver = false
        for (let nth = 1; !isOver; nth += FEW) {
          await setBack(stores.place, stores.copy)
          const { acme: closed, arm, dead } = await dying(stores, which, { nth, when })
          arm()
          isOver = (await Promise.race([closed.erasure.replay(), dead])) !== 'dead'
          await within(stores, (next) => next.erasure.replay())
          await within(stores, async (again) => {
            const { support, care } = accessorsOf(again)
            expect(await phoneOf(again, anna)).toBeUndefined()
            expect((await care.contact.read(dora)).allergies).toBeUndefined()
            const [gone, stays] = stores.tickets
            expect(await refusal(support.ticket.read(bo, gone))).toMatchObject({
              code: 'not_found',
            })
            expect(await support.ticket.read(bo, stays)).toMatchObject({ text: 'stays' })
            if (nth % LOOK < FEW) await expectSound(again)
          })
        }
      },
      SLOW,
    )

    test(
      `one of many records that dies ${when} a call to the ${which} loses none of them`,
      async () => {
        const stores = journaled()
        const id = await within(stores, async (acme) => {
          const anna = await addPerson(acme, 'anna')
          for (let nth = 0; nth < TICKETS; nth += 1) await addTicket(acme, anna, `text ${nth}`)
          return anna
        })
        const copy = await stores.place.rows()
        const scope = { records: [...PHONE.records, { record: 'ticket', fields: ['channel'] }] }
        await within(stores, (acme) => erase(acme, id, scope))
        let isOver = false
        for (let nth = 1; !isOver; nth += STEP) {
          await setBack(stores.place, copy)
          const { acme: closed, arm, dead } = await dying(stores, which, { nth, when })
          arm()
          isOver = (await Promise.race([closed.erasure.replay(), dead])) !== 'dead'
          await within(stores, (next) => next.erasure.replay())
          await within(stores, async (again) => {
            const { support } = accessorsOf(again)
            const found = await collect(support.ticket.list({ subjectId: id } as never))
            expect(found).toHaveLength(TICKETS)
            expect(found.filter(({ view }) => 'channel' in view)).toEqual([])
            expect((await support.contact.read(id)).phone).toBeUndefined()
            await expectSound(again)
          })
        }
      },
      SLOW,
    )

    test(
      `an erasure that dies ${when} any call to the ${which} is no older copy, and undoes none`,
      async () => {
        const stores = journaled()
        const ids = await within(stores, async (acme) => [
          await addPerson(acme, 'anna'),
          await addPerson(acme, 'bo'),
        ])
        const [anna = '', bo = ''] = ids
        const copy = await stores.place.rows()
        const place = journalOf(stores)
        const journal = await place.rows()
        const was = (acme: Acme): Promise<readonly (string | undefined)[]> =>
          Promise.all([phoneOf(acme, anna), phoneOf(acme, bo)])
        let [isOver, redone] = [false, 0]
        for (let nth = 1; !isOver; nth += 1) {
          await setBack(stores.place, copy)
          await setBack(place, journal)
          const { acme, arm, dead } = await dying(stores, which, { nth, when })
          arm()
          isOver = (await Promise.race([erase(acme, anna, PHONE), dead])) !== 'dead'
          const clock = eagerClock()
          clock.advance({ days: 1 })
          const seen = await within(
            stores,
            async (next) => {
              await next.erasure.work()
              return was(next)
            },
            { clock },
          )
          expect(seen[1]).toBe('+31 20 1234567')
          // From before it was asked for: what the journal was told comes about, and nothing else.
          await setBack(stores.place, copy)
          await within(stores, (next) => next.erasure.replay())
          const after = await within(stores, was)
          expect(after[1]).toBe('+31 20 1234567')
          if (after[0] === undefined) redone += 1
          // Whatever was gone when the copy was put back is gone again.
          else expect(seen[0]).toBe('+31 20 1234567')
        }
        expect(redone).toBeGreaterThan(0)
      },
      SLOW,
    )
  }
}
