import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  type Store,
  type SubjectId,
} from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { verifyCertificate } from 'privity/verify'
import {
  collect,
  controller,
  eagerClock,
  type FakeClock,
  refusal,
  SECRET,
} from '../support/acme.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { openVault } from '../support/open-vault.ts'
import { restrict } from '../support/restrict.ts'
import { scaled } from '../support/scale.ts'

const SLOW = { timeout: scaled({ ci: 300_000, torture: 3_600_000 }) }
const AGENT = { id: 'ida', roles: ['agent'] } as const
const REASON = { reason: 'subject_request' } as const
const HOLD = { matter: 'claim-1', reviewAt: '2036-01-01T00:00:00Z' } as const
const PART = {
  ...REASON,
  scope: { records: [{ record: 'visit' }, { record: 'contract' }] },
} as const
const KEPT = { code: 'erasure_incomplete', details: { failing: ['privity:kept'] } }
const LEFT = { code: 'erasure_incomplete', details: { failing: ['privity:references'] } }

const purposes = definePurposes({
  home: { basis: 'contract', description: 'Look after your home' },
})
const served = { purposes: ['home'] } as const
const named = { ...served, lookup: 'exact' } as const
const shared = { many: true, sharedWith: { onErase: 'refcount' } } as const

// What a household shares, and who is named in it who is not of the household.
const policy = definePolicy({
  controller,
  purposes,
  records: {
    contract: defineRecord(
      purposes,
      ({ field }) => ({
        text: field(z.string(), served),
        agent: field(z.string(), { ...named, refs: { onErase: 'delete' } }),
      }),
      shared,
    ),
    visit: defineRecord(
      purposes,
      ({ field }) => ({
        text: field(z.string(), served),
        by: field(z.string().exactOptional(), { ...named, refs: { onErase: 'detach' } }),
      }),
      { ...shared, retention: { keep: { days: 10 }, from: 'created' } },
    ),
    note: defineRecord(
      purposes,
      ({ field }) => ({
        text: field(z.string(), { ...served, atEnd: { anonymise: () => 'gone' } }),
      }),
      { ...shared, retention: { keep: { days: 10 }, from: 'created' } },
    ),
    file: defineRecord(
      purposes,
      ({ field }) => ({
        title: field(z.string(), served),
        clerk: field(z.string(), { ...named, refs: { onErase: 'delete' } }),
      }),
      shared,
    ),
    sheet: defineRecord(
      purposes,
      ({ field }) => ({ text: field(z.string(), served), fileId: field(z.string(), served) }),
      { ...shared, ownedBy: { record: 'file', field: 'fileId', onErase: 'delete' } },
    ),
  },
  roles: { agent: { purposes: ['home'] } },
})

/** In shards, so that a write about one person is not by itself one that another comes into conflict with. */
function openAgency(store: Store, clock: FakeClock = eagerClock()) {
  return createPrivity({ policy, store, keys: localKeys(SECRET), clock, shards: 3 })
}

type Agency = Awaited<ReturnType<typeof openAgency>>

/** A household of Ada and Ben, whose records name Carol. */
async function addHousehold(agency: Agency) {
  const [ada, ben, carol] = [
    (await agency.subjects.register()).id,
    (await agency.subjects.register()).id,
    (await agency.subjects.register()).id,
  ]
  const { id } = await agency.subjects.group({ members: [ada, ben] })
  const { contract, visit, note, file, sheet } = agency.accessor({ purpose: 'home', actor: AGENT })
  await contract.create(id, { text: 'rent', agent: carol })
  const { recordId } = await visit.create(id, { text: 'leak', by: carol })
  await note.create(id, { text: 'quiet' })
  const { recordId: fileId } = await file.create(id, { title: 'claim', clerk: carol })
  await sheet.create(id, { text: 'page 1', fileId })
  return { ada, ben, carol, household: id, visit: recordId }
}

function rowsOf({ rows }: MemoryData, id: string): readonly (readonly [string, string])[] {
  return [...rows]
    .filter(([key]) => key.includes(id))
    .map(([key, value]) => [key, Buffer.from(value).toString('hex')] as const)
    .sort()
}

/** Values and their lookup rows: that they are to be looked at again is remembered in heads, and in the log. */
function valuesOf(share: MemoryData, id: string): ReturnType<typeof rowsOf> {
  return valuesIn(rowsOf(share, id))
}

function valuesIn(rows: ReturnType<typeof rowsOf> = []): ReturnType<typeof rowsOf> {
  return rows.filter(([key]) => key.includes('/r/') || key.slice(17).startsWith('t/'))
}

async function certificateOf({ ledger }: Agency, jws: string): Promise<unknown> {
  const { ok, certificate } = await verifyCertificate(jws, ledger.publicKeys)
  expect(ok).toBe(true)
  return certificate
}

/** Whose processing is restricted, as there is no call for it yet. */
async function restricted(share: MemoryData, id: string, since: number | undefined): Promise<void> {
  const vault = await openVault(memoryStore({ share }), {
    declared: policy,
    keys: localKeys(SECRET),
  })
  await restrict(vault, id, since)
}

function staying(ground: string): readonly unknown[] {
  return ['contract.agent', 'visit.by', 'file.clerk'].map((what) => ({
    what,
    count: 1,
    ground,
    until: null,
  }))
}

/** Nobody is named any more, and what was to go has gone with its parts. */
async function expectCleared(
  agency: Agency,
  { household, visit }: { readonly household: SubjectId; readonly visit: string },
): Promise<void> {
  const home = agency.accessor({ purpose: 'home', actor: AGENT })
  expect(await home.visit.read(household, visit)).toEqual({ text: 'leak' })
  const gone = [
    await collect(home.contract.list({ subjectId: household })),
    await collect(home.file.list({ subjectId: household })),
    await collect(home.sheet.list({ subjectId: household })),
  ]
  expect(gone).toEqual([[], [], []])
}

describe('references in what people share', () => {
  test('stay while everything of a member is held, and the certificate says so', async () => {
    const share = memoryData()
    const agency = await openAgency(memoryStore({ share }))
    const { ben, carol, household, visit } = await addHousehold(agency)
    const { holdId } = await agency.retention.hold(ben, HOLD)
    const before = valuesOf(share, household)
    const { items } = await agency.erasure.plan(carol, REASON)
    expect(items).toContainEqual({
      what: 'contract.agent',
      count: 1,
      action: 'keep',
      ground: `hold:${holdId}`,
    })
    expect(items).not.toContainEqual(expect.objectContaining({ what: 'references in contract' }))
    const jws = await agency.erasure.erase(carol, REASON)
    expect(await certificateOf(agency, jws)).toMatchObject({
      result: 'completed',
      holds: [holdId],
      totals: { references: 0 },
      exclusions: expect.arrayContaining(staying(`hold:${holdId}`) as unknown[]),
    })
    expect(valuesOf(share, household)).toEqual(before)
    expect(before).toHaveLength(8)
    expect(await agency.retention.sweep()).toMatchObject({ people: 1, kept: 1, records: 0 })
    expect(valuesOf(share, household)).toEqual(before)
    await agency.retention.releaseHold(ben, holdId)
    expect(await agency.retention.sweep()).toMatchObject({ kept: 0, records: 3, failed: 0 })
    await expectCleared(agency, { household, visit })
    await agency.close()
  })

  test('stay while a member is restricted', async () => {
    const share = memoryData()
    const agency = await openAgency(memoryStore({ share }))
    const { ben, carol, household, visit } = await addHousehold(agency)
    await restricted(share, ben, 1)
    const before = valuesOf(share, household)
    const jws = await agency.erasure.erase(carol, REASON)
    expect(await certificateOf(agency, jws)).toMatchObject({
      totals: { references: 0 },
      exclusions: expect.arrayContaining(staying('restriction') as unknown[]),
    })
    expect(valuesOf(share, household)).toEqual(before)
    expect(await agency.retention.sweep()).toMatchObject({ people: 1, kept: 1, records: 0 })
    await restricted(share, ben, undefined)
    expect(await agency.retention.sweep()).toMatchObject({ kept: 0, records: 3, failed: 0 })
    await expectCleared(agency, { household, visit })
    await agency.close()
  })

  test('stay while a member cannot be opened, and go once that is put right', async () => {
    const share = memoryData()
    const agency = await openAgency(memoryStore({ share }))
    const { ben, carol, household, visit } = await addHousehold(agency)
    const [key, document] = [...share.rows].find(([name]) => name.endsWith(`p/${ben}`)) ?? []
    const put = async (value: Uint8Array = new Uint8Array([1, 0])): Promise<void> => {
      const store = memoryStore({ share })
      await store.open()
      await store.commit({ checks: [], put: [[key ?? '', value]], del: [] })
    }
    await put()
    const before = valuesOf(share, household)
    const jws = await agency.erasure.erase(carol, REASON)
    expect(await certificateOf(agency, jws)).toMatchObject({
      totals: { references: 0 },
      exclusions: expect.arrayContaining(staying('unreadable') as unknown[]),
      limits: expect.arrayContaining(['references_without_lookup_rows']),
    })
    expect(await agency.retention.sweep()).toMatchObject({ kept: 1, records: 0 })
    expect(valuesOf(share, household)).toEqual(before)
    await put(document)
    expect(await agency.retention.sweep()).toMatchObject({ kept: 0, records: 3, failed: 0 })
    await expectCleared(agency, { household, visit })
    await agency.close()
  })

  test('go with a member who was restricted and is erased', async () => {
    const share = memoryData()
    const agency = await openAgency(memoryStore({ share }))
    const { carol, household } = await addHousehold(agency)
    await agency.subjects.join(household, carol)
    await restricted(share, carol, 1)
    const { items } = await agency.erasure.plan(carol, REASON)
    expect(items).toContainEqual({ what: 'references in visit', count: 1, action: 'detach' })
    const jws = await agency.erasure.erase(carol, REASON)
    expect(await certificateOf(agency, jws)).toMatchObject({ totals: { references: 3 } })
    await agency.close()
  })

  test.for(['hold', 'joining'] as const)(
    'are not touched any more once everything of a member is held, by a %s, whenever that comes',
    SLOW,
    async (what) => {
      const outcomes = new Set<number>()
      for (let nth = 1; ; nth += 1) {
        const { share, ids, hold, atCall } = await placeWithHold(what)
        const erasing = await openAgency(atCall(nth, hold.place))
        const jws = await erasing.erasure.erase(ids.carol, REASON)
        if (!hold.isPlaced()) break
        expect(valuesOf(share, ids.household)).toEqual(valuesIn(hold.rows()))
        const { exclusions, totals } = (await certificateOf(erasing, jws)) as Certified
        const stay = exclusions.filter(({ ground }) => ground === `hold:${hold.id()}`).length
        expect(stay + (totals.references ?? 0)).toBe(3)
        outcomes.add(stay)
        // Whatever it was that kept them, they go in the end.
        await erasing.retention.releaseHold(hold.of(), hold.id())
        await erasing.retention.sweep()
        await expectCleared(erasing, ids)
        await erasing.close()
      }
      expect([...outcomes]).toEqual(expect.arrayContaining([0, 3]))
    },
  )

  test('are not said to go with a household whose erasure may still be lifted', async () => {
    const share = memoryData()
    const clock = eagerClock()
    const agency = await openAgency(memoryStore({ share }), clock)
    const { ben, carol, household, visit } = await addHousehold(agency)
    const plan = await agency.erasure.plan(household, REASON)
    const stop = new AbortController()
    const onProgress = (): void => stop.abort()
    const stopped = agency.erasure.run(plan, { signal: stop.signal, onProgress })
    await expect(stopped).rejects.toThrow('abort')
    const { holdId } = await agency.retention.hold(ben, HOLD)
    expect(await refusal(agency.erasure.erase(carol, REASON))).toMatchObject(LEFT)
    expect(await refusal(agency.erasure.resume(plan.erasureId))).toMatchObject(KEPT)
    const jws = await agency.erasure.erase(carol, REASON)
    expect(await certificateOf(agency, jws)).toMatchObject({
      exclusions: expect.arrayContaining(staying(`hold:${holdId}`) as unknown[]),
    })
    await agency.retention.releaseHold(ben, holdId)
    const home = agency.accessor({ purpose: 'home', actor: AGENT })
    expect(await home.visit.read(household, visit)).toMatchObject({ by: carol })
    await agency.retention.sweep()
    await expectCleared(agency, { household, visit })
    await agency.close()
  })
})

describe('a part of what people share', () => {
  test('stays when a member is held after the plan was made, and nothing waits for the release', async () => {
    const share = memoryData()
    const clock = eagerClock()
    const agency = await openAgency(memoryStore({ share }), clock)
    const { ben, household } = await addHousehold(agency)
    const plan = await agency.erasure.plan(household, PART)
    const { holdId } = await agency.retention.hold(ben, HOLD)
    const before = rowsOf(share, household)
    expect(await refusal(agency.erasure.run(plan))).toMatchObject(KEPT)
    expect(rowsOf(share, household)).toEqual(before)
    expect(await collect(agency.erasure.pending())).toEqual([])
    await agency.retention.releaseHold(ben, holdId)
    clock.advance({ days: 1 })
    await agency.erasure.work()
    expect(await refusal(agency.erasure.run(plan))).toMatchObject({ code: 'not_found' })
    expect(rowsOf(share, household)).toEqual(before)
    // Whoever still wants it asks again.
    const jws = await agency.erasure.erase(household, PART)
    expect(await certificateOf(agency, jws)).toMatchObject({ totals: { records: 2 } })
    await agency.close()
  })

  test('stays when a member is held while a hook keeps it waiting', async () => {
    const share = memoryData()
    const clock = eagerClock()
    let isDown = true
    const crm = {
      id: 'crm',
      partial: true,
      needsPlaintext: true,
      plan: async () => [{ id: 'm', description: 'mail', count: 1 }],
      execute: async () => (isDown ? { retryAfter: { hours: 1 }, why: 'down' } : ('done' as const)),
      verify: async () => 'absent' as const,
    }
    const agency = await createPrivity({
      policy,
      store: memoryStore({ share }),
      keys: localKeys(SECRET),
      clock,
      hooks: [crm],
    })
    const { ben, household } = await addHousehold(agency)
    expect(await refusal(agency.erasure.erase(household, PART))).toMatchObject({
      details: { failing: ['crm'] },
    })
    const { holdId } = await agency.retention.hold(ben, HOLD)
    const before = rowsOf(share, household)
    isDown = false
    clock.advance({ hours: 2 })
    expect(await agency.erasure.work()).toMatchObject({ completed: 0, incomplete: 1 })
    expect(rowsOf(share, household)).toEqual(before)
    await agency.retention.releaseHold(ben, holdId)
    clock.advance({ hours: 2 })
    expect(await agency.erasure.work()).toMatchObject({ completed: 1 })
    await agency.close()
  })

  test.for(['hold', 'joining'] as const)(
    'is not touched any more once everything of a member is held, by a %s, whenever that comes',
    SLOW,
    async (what) => {
      const outcomes = new Set<string>()
      for (let nth = 1; ; nth += 1) {
        const { share, ids, hold, atCall } = await placeWithHold(what)
        const erasing = await openAgency(atCall(nth, hold.place))
        const outcome = await erasing.erasure
          .erase(ids.household, PART)
          .catch((error) => error.code)
        if (!hold.isPlaced()) break
        expect(rowsOf(share, ids.household)).toEqual(hold.rows())
        outcomes.add(outcome === 'erasure_incomplete' ? outcome : 'done')
        await erasing.close()
      }
      expect([...outcomes].sort()).toEqual(['done', 'erasure_incomplete'])
    },
  )

  test.for(['hold', 'restriction'] as const)(
    'is not touched by a sweep once a %s of a member is in place, whenever that comes',
    SLOW,
    async (what) => {
      const outcomes = new Set<string>()
      for (let nth = 1; ; nth += 1) {
        const { share, ids, hold, atCall } = await placeWithHold(what)
        const clock = eagerClock()
        clock.advance({ days: 11 })
        const sweeping = await openAgency(atCall(nth, hold.place), clock)
        const { kept, failed } = await sweeping.retention.sweep()
        if (!hold.isPlaced()) break
        expect(rowsOf(share, ids.household)).toEqual(hold.rows())
        outcomes.add(`${kept} kept, ${failed} failed`)
        await sweeping.close()
      }
      // Too late, while it was at it, and before it looked.
      const met = ['0 kept, 0 failed', '0 kept, 1 failed', '1 kept, 0 failed']
      expect([...outcomes].sort()).toEqual(met)
    },
  )
})

interface Certified {
  readonly exclusions: readonly { readonly ground: string }[]
  readonly totals: { readonly references?: number }
}

/** A household, a hold that another process places, and a store on which that comes with the nth call. */
async function placeWithHold(what: 'hold' | 'restriction' | 'joining' = 'hold') {
  const share = memoryData()
  const agency = await openAgency(memoryStore({ share }))
  const ids = await addHousehold(agency)
  const dan = (await agency.subjects.register()).id
  const { holdId } = await agency.retention.hold(dan, HOLD)
  let placed: { readonly id: string; readonly rows: ReturnType<typeof rowsOf> } | undefined
  async function place(): Promise<void> {
    let id = holdId
    if (what === 'hold') id = (await agency.retention.hold(ids.ben, HOLD)).holdId
    else if (what === 'restriction') await restricted(share, ids.ben, 1)
    // Somebody comes in who is held already.
    else await agency.subjects.join(ids.household, dan)
    placed = { id, rows: rowsOf(share, ids.household) }
  }
  function atCall(nth: number, run: () => Promise<void>): Store {
    let calls = 0
    async function call(): Promise<void> {
      calls += 1
      if (calls === nth) await run()
    }
    return hookedStore(memoryStore({ share }), {
      // What was read is from before it.
      read: async (_, next) => {
        const rows = await next()
        await call()
        return rows
      },
      commit: async (_, next) => {
        await call()
        await next()
      },
    })
  }
  return {
    share,
    ids,
    atCall,
    hold: {
      place,
      isPlaced: () => placed !== undefined,
      id: () => placed?.id ?? '',
      of: () => (what === 'joining' ? dan : ids.ben),
      rows: () => placed?.rows,
    },
  }
}
