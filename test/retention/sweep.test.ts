import { describe, expect, test } from 'vitest'
import { isPrivityError, type SweepReport } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { collect, eagerClock, refusal } from '../support/acme.ts'
import { epochKeys } from '../support/epoch-keys.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { openShop, reopenShop, type Shop } from '../support/retention-shop.ts'
import { dyingStore } from '../support/stores.ts'

const START = Date.UTC(2026, 0, 15)
const PEOPLE = 70

/** People with one ticket each, which is kept for 90 days. */
async function withTickets({ privity, as }: Shop, people: number): Promise<readonly string[]> {
  return Promise.all(
    Array.from({ length: people }, async () => {
      const { id } = await privity.subjects.register()
      await as('support').ticket.create(id, { text: 'hello' })
      return id
    }),
  )
}

async function countTickets({ as }: Shop): Promise<number> {
  let count = 0
  for await (const _ of as('support').ticket.list()) count += 1
  return count
}

describe('a sweep', () => {
  test('can be stopped between two groups of people, and gone on with', async () => {
    const shop = await openShop(memoryStore(), { clock: eagerClock(START) })
    await withTickets(shop, PEOPLE)
    shop.clock.advance({ days: 90 })
    const controller = new AbortController()
    const seen: SweepReport[] = []
    const onProgress = (report: SweepReport): void => {
      seen.push(report)
      controller.abort(new RangeError('enough'))
    }
    const { signal } = controller
    await expect(shop.privity.retention.sweep({ signal, onProgress })).rejects.toThrow('enough')
    expect(seen).toHaveLength(1)
    expect(await countTickets(shop)).toBe(PEOPLE - (seen[0]?.records ?? 0) + 1)
    const rest = await shop.privity.retention.sweep()
    expect((seen[0]?.people ?? 0) + rest.people).toBe(PEOPLE + 1)
    expect(await countTickets(shop)).toBe(0)
    await shop.privity.close()
  })

  test('ends after as many people as it was told', async () => {
    const shop = await openShop(memoryStore(), { clock: eagerClock(START) })
    await withTickets(shop, 5)
    shop.clock.advance({ days: 90 })
    expect(await shop.privity.retention.sweep({ limit: 2 })).toMatchObject({ people: 2 })
    expect(await shop.privity.retention.sweep()).toMatchObject({ people: 4 })
    await shop.privity.close()
  })

  test('reads what is due, however many people there are', async () => {
    const store = hookedStore(memoryStore())
    const shop = await openShop(store, { clock: eagerClock(START) })
    await withTickets(shop, PEOPLE)
    shop.clock.advance({ days: 30 })
    expect(await shop.privity.retention.sweep()).toMatchObject({ people: 1 })
    shop.clock.advance({ days: 1 })
    const before = store.reads.length
    expect(await shop.privity.retention.sweep()).toMatchObject({ people: 0 })
    // The head of the log says which policy is the newest.
    expect(store.reads.length).toBeLessThanOrEqual(before + 1)
    await shop.privity.close()
  })

  test('goes on with the others when a class of one was not released, which stays due', async () => {
    const share = memoryData()
    const kms = epochKeys()
    const shop = await openShop(memoryStore({ share }), {
      clock: eagerClock(START),
      keys: kms.provider(),
    })
    await withTickets(shop, 3)
    await shop.privity.close()
    const clock = eagerClock(START)
    clock.advance({ days: 90 })
    const keys = kms.provider((accessClass) => accessClass.startsWith('contact:'))
    const half = await reopenShop(memoryStore({ share }), { clock, keys })
    expect(await half.privity.retention.sweep()).toMatchObject({ people: 4, records: 3, failed: 1 })
    await half.privity.close()
    const whole = await reopenShop(memoryStore({ share }), { clock, keys: kms.provider() })
    expect(await whole.privity.retention.sweep()).toMatchObject({ people: 1, failed: 0 })
    expect(await whole.privity.retention.sweep()).toMatchObject({ people: 0 })
    await whole.privity.close()
  })

  test('refuses what it does not know', async () => {
    const { privity } = await openShop(memoryStore())
    expect(await refusal(privity.retention.sweep({ limit: 0 }))).toMatchObject({
      code: 'invalid_input',
      details: { issues: [{ path: ['limit'] }] },
    })
    await privity.close()
  })

  test.for(['before', 'after'] as const)(
    'that dies %s any call to the store is gone on with by the next',
    { timeout: 120_000 },
    async (when) => {
      for (let nth = 1; ; nth += 1) {
        const share = memoryData()
        let armed = false
        const dying = dyingStore(memoryStore({ share }), { nth, when, armed: () => armed })
        const clock = eagerClock(START)
        const shop = await openShop(dying.store, { clock })
        await shop.as('support').ticket.create(shop.id, { text: 'one' })
        await shop.privity.consent.withdraw(shop.id, { purposes: ['news', 'profile'] })
        clock.advance({ days: 90 })
        armed = true
        const ended = await Promise.race([shop.privity.retention.sweep(), dying.dead])
        const isDead = ended === 'dead'
        const again = await reopenShop(memoryStore({ share }), { clock })
        await again.privity.erasure.work()
        await again.privity.retention.sweep()
        const read = again.as('support').contact.read(shop.id)
        expect([nth, await read]).toEqual([nth, { name: expect.any(String), born: '1990' }])
        expect([...share.rows.keys()].filter((key) => key.slice(17, 19) === 'd/')).toEqual([])
        expect(await again.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true })
        await again.privity.close()
        if (!isDead) return
      }
    },
  )
})

describe('a hold', () => {
  test('is for something, and is looked at in the future', async () => {
    const { privity, id } = await openShop(memoryStore())
    const hold = (ask: object) => privity.retention.hold(id, ask as never)
    const reviewAt = '2027-01-01T00:00:00Z'
    const issue = (path: readonly string[], code: string) => ({
      code: 'invalid_input',
      details: { issues: [{ path, code }] },
    })
    expect(await refusal(hold({ matter: 'c1', reviewAt: '2025-01-01T00:00:00Z' }))).toEqual(
      issue(['reviewAt'], 'not_in_the_future'),
    )
    expect(await refusal(hold({ matter: 'c1', reviewAt: 'soon' }))).toEqual(
      issue(['reviewAt'], 'not_an_instant'),
    )
    expect((await refusal(hold({ matter: 'Anna is ill', reviewAt }))).code).toBe('invalid_input')
    expect((await refusal(hold({ matter: 'c1', reviewAt, records: [] }))).code).toBe(
      'invalid_input',
    )
    const unknown = hold({ matter: 'c1', reviewAt, records: [{ record: 'x' }] })
    expect(await refusal(unknown)).toMatchObject({
      code: 'not_declared',
      details: {
        kind: 'record',
        path: ['records', 0, 'record'],
        declared: ['contact', 'invoice', 'ticket'],
      },
    })
    await privity.close()
  })

  test('is placed once by one operation, renewed, and not found once it was released', async () => {
    const { privity, id } = await openShop(memoryStore())
    const ask = { matter: 'c1', reviewAt: '2027-01-01T00:00:00Z' }
    const options = { operationId: 'once' }
    const { holdId } = await privity.retention.hold(id, ask, options)
    expect(await privity.retention.hold(id, ask, options)).toEqual({ holdId })
    await privity.retention.reviewHold(id, { holdId, reviewAt: '2028-01-01T00:00:00Z' })
    expect(await privity.retention.holds(id)).toMatchObject([
      { holdId, reviewAt: '2028-01-01T00:00:00.000Z' },
    ])
    await privity.retention.releaseHold(id, holdId)
    const gone = { code: 'not_found', details: { kind: 'hold' } }
    expect(await refusal(privity.retention.releaseHold(id, holdId))).toEqual(gone)
    expect(await refusal(privity.retention.releaseHold(id, 'hello'))).toEqual(gone)
    expect(await privity.retention.holds(id)).toEqual([])
    await privity.close()
  })

  test('is listed when its review date has come, and no more once that is moved', async () => {
    const { privity, id, clock } = await openShop(memoryStore(), { clock: eagerClock(START) })
    const reviewAt = '2026-06-01T00:00:00.000Z'
    const { holdId } = await privity.retention.hold(id, { matter: 'c1', reviewAt })
    expect(await collect(privity.retention.reviews())).toEqual([])
    const due = [{ subjectId: id, holdId, matter: 'c1', reviewAt }]
    expect(await collect(privity.retention.reviews({ before: reviewAt }))).toEqual(due)
    clock.set(Date.UTC(2026, 5, 2))
    expect(await collect(privity.retention.reviews())).toEqual(due)
    await privity.retention.reviewHold(id, { holdId, reviewAt: '2027-06-01T00:00:00Z' })
    expect(await collect(privity.retention.reviews())).toEqual([])
    const wrong = collect(privity.retention.reviews({ before: 'soon' }))
    expect(await refusal(wrong)).toMatchObject({ code: 'invalid_input' })
    await privity.close()
  })

  test('keeps what has come to its end, until it is released', async () => {
    const shop = await openShop(memoryStore(), { clock: eagerClock(START) })
    const { privity, id, clock, as } = shop
    await as('support').ticket.create(id, { text: 'claim' })
    const ask = { matter: 'c1', reviewAt: '2027-01-01T00:00:00Z', records: [{ record: 'ticket' }] }
    const { holdId } = await privity.retention.hold(id, ask)
    clock.advance({ days: 90 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, records: 1, kept: 1 })
    expect(await countTickets(shop)).toBe(1)
    await privity.retention.releaseHold(id, holdId)
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, records: 1, kept: 0 })
    expect(await countTickets(shop)).toBe(0)
    await privity.close()
  })

  test('on everything leaves a person as they are when they are to be erased', async () => {
    const { privity, id, as } = await openShop(memoryStore(), { clock: eagerClock(START) })
    const ask = { matter: 'c1', reviewAt: '2027-01-01T00:00:00Z' }
    const { holdId } = await privity.retention.hold(id, ask)
    await privity.erasure.erase(id, { reason: 'subject_request' })
    expect(await refusal(as('support').contact.read(id))).toMatchObject({
      code: 'not_permitted',
      details: { reason: 'erased' },
    })
    await privity.retention.releaseHold(id, holdId)
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, erased: 1 })
    expect((await refusal(as('support').contact.read(id))).code).toBe('erased')
    await privity.close()
  })
})

describe('a value', () => {
  test('that is written while a sweep is at work is not anonymised in its stead', async () => {
    let written = 0
    for (let nth = 1; nth <= 8; nth += 1) {
      const share = memoryData()
      const clock = eagerClock(START)
      const shop = await openShop(memoryStore({ share }), { clock })
      clock.advance({ days: 30 })
      let isSweeping = false
      let commits = 0
      let writing: Promise<void> | undefined
      const store = hookedStore(memoryStore({ share }), {
        commit: (_, next) => {
          commits += isSweeping ? 1 : 0
          if (isSweeping && commits === nth)
            writing = shop.as('support').contact.update(shop.id, { born: '1991-06-18' })
          return next()
        },
      })
      const other = await reopenShop(store, { clock })
      isSweeping = true
      await other.privity.retention.sweep()
      isSweeping = false
      if (writing === undefined) continue
      await writing
      written += 1
      expect(await shop.as('support').contact.read(shop.id)).toMatchObject({ born: '1991-06-18' })
    }
    expect(written).toBeGreaterThan(0)
  })
})

describe('an erasure', () => {
  test('destroys nothing that a hold came to keep at the same moment', async () => {
    const ask = { matter: 'c1', reviewAt: '2027-01-01T00:00:00Z', records: [{ record: 'ticket' }] }
    const outcomes = new Set<string>()
    for (let nth = 1; nth <= 40; nth += 1) {
      let calls = 0
      let begin: (() => void) | undefined
      const store = hookedStore(memoryStore(), {
        read: (_, next) => {
          calls += 1
          if (calls === nth) begin?.()
          return next()
        },
      })
      const { privity, id, as } = await openShop(store, { clock: eagerClock(START) })
      const { recordId } = await as('support').ticket.create(id, { text: 'claim' })
      let holding: Promise<string> | undefined
      begin = () => {
        holding = privity.retention.hold(id, ask).then(
          ({ holdId }) => holdId,
          (error: { readonly code: string }) => error.code,
        )
      }
      calls = 0
      const erasing = privity.erasure.erase(id, { reason: 'subject_request' })
      await erasing.catch(
        (error: unknown) => isPrivityError(error, 'erasure_incomplete') || raise(error),
      )
      const held = (await holding) ?? 'never'
      const read = () => as('support').ticket.read(id, recordId)
      if (held === 'erased' || held === 'never') expect((await refusal(read())).code).toBe('erased')
      else {
        expect(await privity.retention.holds(id)).toMatchObject([{ holdId: held }])
        const { items } = await privity.erasure.plan(id, { reason: 'subject_request' })
        expect(items).toContainEqual(
          expect.objectContaining({ what: 'ticket.text', action: 'keep', ground: `hold:${held}` }),
        )
        await privity.retention.releaseHold(id, held)
        await privity.erasure.erase(id, { reason: 'subject_request' })
        expect((await refusal(read())).code).toBe('erased')
      }
      outcomes.add(held === 'erased' ? 'too late' : held === 'never' ? held : 'kept')
      await privity.close()
    }
    expect([...outcomes].sort()).toEqual(['kept', 'never', 'too late'])
  })
})

function raise(error: unknown): never {
  throw error
}
