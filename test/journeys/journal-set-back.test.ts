import { expect, test } from 'vitest'
import { type ErasureHook, isPrivityError, type Row, type Store } from 'privity'
import { memoryStore } from 'privity/memory'
import { accessorsOf, type Acme, ANNA, eagerClock, refusal } from '../support/acme.ts'
import {
  copying,
  type Journaled,
  journaled,
  journalOf,
  openJournaled,
  within,
} from '../support/journaled.ts'
import { openShop, reopenShop } from '../support/retention-shop.ts'
import { setBack } from '../support/set-back.ts'
import { dyingStore, JOURNEYS, journey } from '../support/stores.ts'

const REASON = { reason: 'subject_request' } as const
const PART = { ...REASON, scope: { records: [{ record: 'contact' }] } } as const
const LOOK = 8
/** Steps behind which the hooks that read are done. */
const READ = 2

type Rows = readonly Row[]

async function addPerson(acme: Acme, name: string): Promise<never> {
  const { id } = await acme.subjects.register({ externalId: `crm:${name}` })
  await accessorsOf(acme).support.contact.create(id, { ...ANNA, email: `${name}@example.com` })
  return id as never
}

async function isReadable(acme: Acme, id: string): Promise<boolean> {
  try {
    await accessorsOf(acme).support.contact.read(id)
    return true
  } catch (error) {
    if (isPrivityError(error, 'erased') || isPrivityError(error, 'not_found')) return false
    throw error
  }
}

/** A store of Monday with two people, and the journal of Tuesday at two o'clock. */
interface Begun {
  readonly acme: Acme
  readonly anna: never
  readonly bo: never
  readonly monday: Rows
  readonly early: Rows
}

async function begin(stores: Journaled): Promise<Begun> {
  const before = await openJournaled(stores)
  const [anna, bo] = [await addPerson(before, 'anna'), await addPerson(before, 'bo')]
  await before.erasure.erase(await addPerson(before, 'cleo'), REASON)
  await before.close()
  const monday = await stores.place.rows()
  const acme = await openJournaled(stores)
  return { acme, anna, bo, monday, early: await journalOf(stores).rows() }
}

journey(
  'a journal that was copied before an erasure does not open a store that was copied behind it, while it was in use',
  async (place) => {
    const stores = journaled(place)
    const { acme, anna, early, monday } = await begin(stores)
    await acme.erasure.erase(anna, REASON)
    const [store, journal] = [await place.rows(), await journalOf(stores).rows()]
    await acme.close()

    await setBack(place, store)
    await setBack(journalOf(stores), early)
    expect(await refusal(openJournaled(stores))).toEqual({
      code: 'journal_diverged',
      details: { reason: 'behind', seq: 2 },
    })

    // With the newest copy of the journal, what the store has and what it has not are both known.
    await setBack(journalOf(stores), journal)
    await within(stores, async (again) => {
      expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    })
    await setBack(place, monday)
    await within(stores, (closed) => closed.erasure.replay())
    await within(stores, async (again) => {
      expect(await isReadable(again, anna)).toBe(false)
      expect(await refusal(again.subjects.register({ externalId: 'crm:anna' }))).toMatchObject({
        code: 'suppressed',
      })
    })
  },
)

journey(
  'nothing is destroyed beside a journal that was set back beneath a process',
  async (place) => {
    const stores = journaled(place)
    const { acme, anna, bo, early } = await begin(stores)
    await acme.erasure.erase(anna, REASON)
    const journal = await journalOf(stores).rows()
    await setBack(journalOf(stores), early)
    const diverged = { code: 'journal_diverged', details: { reason: 'behind', seq: 2 } }
    expect(await refusal(acme.erasure.erase(bo, REASON))).toEqual(diverged)
    expect(await refusal(acme.erasure.erase(bo, REASON))).toEqual(diverged)
    expect(await journalOf(stores).rows()).toEqual(early)

    await setBack(journalOf(stores), journal)
    expect(await acme.erasure.erase(bo, REASON)).toBeTypeOf('string')
    await acme.close()
    await within(stores, async (again) => {
      expect(await isReadable(again, bo)).toBe(false)
    })
  },
)

test('a part of a person stays as well, and everything of it', async () => {
  const stores = journaled()
  const { acme, anna, bo, early } = await begin(stores)
  await acme.erasure.erase(anna, PART)
  await setBack(journalOf(stores), early)
  expect(await refusal(acme.erasure.erase(bo, PART))).toMatchObject({ code: 'journal_diverged' })
  expect(await isReadable(acme, bo)).toBe(true)
})

test('a journal that was emptied beneath a process is not begun anew', async () => {
  const stores = journaled()
  const { acme, anna } = await begin(stores)
  await setBack(journalOf(stores), [])
  expect(await refusal(acme.erasure.erase(anna, REASON))).toMatchObject({
    code: 'journal_diverged',
    details: { reason: 'behind' },
  })
  expect(await journalOf(stores).rows()).toEqual([])
})

test('a process that was not told of an erasure by itself knows from the store that the journal lacks it', async () => {
  const stores = journaled()
  const { acme, anna, bo, early } = await begin(stores)
  const other = await openJournaled(stores)
  await acme.erasure.erase(anna, REASON)
  await acme.close()
  await setBack(journalOf(stores), early)
  expect(await refusal(other.erasure.erase(bo, REASON))).toEqual({
    code: 'journal_diverged',
    details: { reason: 'behind', seq: 2 },
  })
  expect(await journalOf(stores).rows()).toEqual(early)
})

test('what `work` cannot tell such a journal is counted as failed', async () => {
  const stores = journaled()
  const clock = eagerClock()
  const acme = await openJournaled(stores, { clock })
  const [anna, bo] = [await addPerson(acme, 'anna'), await addPerson(acme, 'bo')]
  const early = await journalOf(stores).rows()
  await acme.erasure.request(anna, { ...REASON, grace: { days: 14 } })
  await acme.erasure.erase(bo, REASON)
  await setBack(journalOf(stores), early)
  clock.advance({ days: 20 })
  expect(await acme.erasure.work()).toMatchObject({ completed: 0, failed: 1 })
})

test('sweeps are told of as they go: with a journal of before one, the store does not open', async () => {
  const stores = journaled()
  const journal = (): Store => memoryStore({ share: stores.journal })
  const shop = await openShop(stores.place.store(), { journal: journal() })
  const { recordId } = await shop.as('support').ticket.create(shop.id, { text: 'late' })
  const early = await journalOf(stores).rows()
  shop.clock.advance({ days: 120 })
  await shop.privity.retention.sweep()
  expect(await refusal(shop.as('support').ticket.read(shop.id, recordId))).toMatchObject({
    code: 'not_found',
  })
  const swept = await stores.place.rows()
  await shop.privity.close()
  await setBack(stores.place, swept)
  await setBack(journalOf(stores), early)
  expect(await refusal(reopenShop(stores.place.store(), { journal: journal() }))).toMatchObject({
    code: 'journal_diverged',
    details: { reason: 'behind' },
  })
})

for (const [what, ask] of [
  ['a person', REASON],
  ['a part', PART],
] as const)
  test(`what is gone of ${what} counts before a hook lets the erasure come to its end`, async () => {
    const hooks: readonly ErasureHook[] = [
      {
        id: 'mailing',
        partial: true,
        plan: async () => [{ id: 'list', description: 'an entry in a list', count: 1 }],
        execute: async () => ({ blocked: 'down' }),
        verify: async () => 'unknown',
      },
    ]
    const stores = journaled()
    const acme = await openJournaled(stores, { hooks })
    const anna = await addPerson(acme, 'anna')
    const early = await journalOf(stores).rows()
    const { code } = await refusal(acme.erasure.erase(anna, ask))
    expect(code).toBe('erasure_incomplete')
    const store = await stores.place.rows()
    await acme.close()
    await setBack(stores.place, store)
    await setBack(journalOf(stores), early)
    expect(await refusal(openJournaled(stores, { hooks }))).toMatchObject({
      code: 'journal_diverged',
    })
  })

test('so does what another process told the journal, whoever destroys it', async () => {
  const list = { id: 'list', description: 'an entry in a list', count: 1 }
  const hooks: readonly ErasureHook[] = [
    {
      id: 'reading',
      needsPlaintext: true,
      plan: async () => [list],
      execute: async () => 'done',
      verify: async () => 'absent',
    },
    {
      id: 'mailing',
      plan: async () => [list],
      execute: async () => ({ blocked: 'down' }),
      verify: async () => 'unknown',
    },
  ]
  const stores = journaled()
  const [one, other] = [
    await openJournaled(stores, { hooks }),
    await openJournaled(stores, { hooks }),
  ]
  const plan = await one.erasure.plan(await addPerson(one, 'anna'), REASON)
  const early = await journalOf(stores).rows()
  const stop = new AbortController()
  const onProgress = (done: number): void => {
    if (done === READ) stop.abort()
  }
  await expect(one.erasure.run(plan, { signal: stop.signal, onProgress })).rejects.toThrow()
  expect(await refusal(other.erasure.resume(plan.erasureId))).toMatchObject({
    code: 'erasure_incomplete',
    details: { failing: ['mailing'] },
  })
  const store = await stores.place.rows()
  await Promise.all([one.close(), other.close()])
  await setBack(stores.place, store)
  await setBack(journalOf(stores), early)
  expect(await refusal(openJournaled(stores, { hooks }))).toMatchObject({
    code: 'journal_diverged',
  })
})

test('of a part that went just before its process died the store knows once it is opened again', async () => {
  const stores = journaled()
  const { acme, anna, early } = await begin(stores)
  await acme.close()
  const journal = memoryStore({ share: stores.journal })
  let isGone = false
  const store = stores.place.store()
  const committing: Store = {
    ...store,
    commit: async (batch) => {
      await store.commit(batch)
      isGone = (await journalOf(stores).rows()).length > early.length
    },
  }
  const dying = dyingStore(committing, { nth: 1, when: 'before', armed: () => isGone })
  const place = { ...stores.place, store: () => dying.store }
  const doomed = await openJournaled({ ...stores, place }, { journal })
  expect(await Promise.race([doomed.erasure.erase(anna, PART), dying.dead])).toBe('dead')

  const again = await openJournaled(stores)
  expect(await isReadable(again, anna)).toBe(false)
  const rows = await stores.place.rows()
  await again.close()
  await setBack(stores.place, rows)
  await setBack(journalOf(stores), early)
  expect(await refusal(openJournaled(stores))).toMatchObject({ code: 'journal_diverged' })
})

for (const when of ['before', 'after'] as const)
  test(`an erasure whose process dies ${when} any call to the store, once the journal was told, closes nothing`, async () => {
    for (let nth = 1, isDead = true; isDead; nth += 1) {
      const stores = journaled()
      const clock = eagerClock()
      const { acme, anna, monday, early } = await begin(stores)
      await acme.close()
      let isTold = false
      const journal = memoryStore({ share: stores.journal })
      const telling: Store = {
        ...journal,
        commit: async (batch) => {
          await journal.commit(batch)
          isTold = true
        },
      }
      const dying = dyingStore(stores.place.store(), { nth, when, armed: () => isTold })
      const doomed = await openJournaled(
        { ...stores, place: { ...stores.place, store: () => dying.store } },
        { clock, journal: telling },
      )
      isTold = false
      const outcome = await Promise.race([doomed.erasure.erase(anna, REASON), dying.dead])
      isDead = outcome === 'dead'
      const [store, whole] = [await stores.place.rows(), await journalOf(stores).rows()]
      for (const rows of [whole, early]) {
        await setBack(stores.place, store)
        await setBack(journalOf(stores), rows)
        const opened = await tryOpen(stores)
        // The store knows of the journal from the moment on at which something is gone, and not before.
        if (opened === undefined) expect(rows).toBe(early)
        else await expectGoneForGood(stores, { acme: opened, id: anna, monday })
      }
    }
  }, 60_000)

async function tryOpen(stores: Journaled): Promise<Acme | undefined> {
  try {
    return await openJournaled(stores)
  } catch (error) {
    if (isPrivityError(error, 'journal_diverged')) return undefined
    throw error
  }
}

/** Goes on with what is open, and restores an older copy of the store then: nobody comes back. */
async function expectGoneForGood(
  stores: Journaled,
  { acme, id, monday }: { readonly acme: Acme; readonly id: string; readonly monday: Rows },
): Promise<'gone' | 'there' | 'open'> {
  await acme.erasure.replay()
  await acme.close()
  const clock = eagerClock()
  clock.advance({ hours: 1 })
  const state = await within(
    stores,
    async (again) => {
      const { failed } = await again.erasure.work()
      expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
      if (failed > 0) return 'open'
      return (await isReadable(again, id)) ? 'there' : 'gone'
    },
    { clock },
  )
  if (state !== 'gone') return state
  await setBack(stores.place, monday)
  await within(stores, (closed) => closed.erasure.replay())
  await within(stores, async (again) => {
    expect(await isReadable(again, id)).toBe(false)
  })
  return state
}

/** Ways to an erasure, each from its first word to its certificate. */
const WAYS: Readonly<Record<string, (acme: Acme, id: never) => Promise<unknown>>> = {
  'an erasure': (acme, id) => acme.erasure.erase(id, REASON),
  'a plan that is run': async (acme, id) => acme.erasure.run(await acme.erasure.plan(id, REASON)),
}

/** A key store that is not set back has no keys any more to what else the part was sealed with. */
const PARTS: typeof WAYS = {
  'an erasure of a part': (acme, id) => acme.erasure.erase(id, PART),
}

for (const place of ['memory', 'memory, keys apart'] as const)
  for (const [way, erase] of Object.entries(place === 'memory' ? { ...WAYS, ...PARTS } : WAYS))
    test(`of whatever moments of ${way} the backups of store and journal are, nobody comes back by them [${place}]`, async () => {
      const stores = journaled(await JOURNEYS[place]())
      const { acme: before, anna, monday, early } = await begin(stores)
      await before.close()
      const { store, copies } = copying(stores.place)
      const told = copying(journalOf(stores))
      const source = { ...stores, place: { ...stores.place, store: () => store } }
      const acme = await openJournaled(source, { journal: told.store })
      const from = copies.length
      await erase(acme, anna)
      const journals = [early, ...told.copies] as readonly Rows[]
      const seen = { diverged: 0, gone: 0, there: 0, open: 0 }
      for (const copy of copies.slice(Math.max(0, from - 1)))
        for (const journal of journals) {
          await setBack(stores.place, copy as Rows)
          await setBack(journalOf(stores), journal)
          const opened = await tryOpen(stores)
          if (opened === undefined) seen.diverged += 1
          else seen[await expectGoneForGood(stores, { acme: opened, id: anna, monday })] += 1
        }
      expect(seen.diverged).toBeGreaterThan(0)
      expect(seen.gone).toBeGreaterThan(LOOK)
    }, 60_000)
