import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PrivityError } from '../../src/base/errors.ts'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import {
  accessorsOf,
  type Acme,
  type AcmeOptions,
  ACTORS,
  ANNA,
  caught,
  collect,
  fakeClock,
  giveOnWeb,
  openAcme,
  refusal,
} from '../support/acme.ts'
import { type HookedStore, hookedStore, type StoreHooks } from '../support/hooked-store.ts'

interface Office {
  readonly acme: Acme
  readonly store: HookedStore
  readonly data: MemoryData
}

async function openOffice(options: AcmeOptions = {}, hooks: StoreHooks = {}): Promise<Office> {
  const data = memoryData()
  const store = hookedStore(memoryStore({ share: data }), hooks)
  return { acme: await openAcme(store, options), store, data }
}

async function addPeople(acme: Acme, count: number): Promise<readonly string[]> {
  const { support } = accessorsOf(acme)
  const people = await Promise.all(Array.from({ length: count }, () => acme.subjects.register()))
  const ids = people.map(({ id }) => id).toSorted()
  await Promise.all(
    ids.map((id, at) => support.contact.create(id, { ...ANNA, email: `p${at}@example.com` })),
  )
  return ids
}

async function addTickets(acme: Acme, count: number): Promise<string> {
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  const texts = Array.from({ length: count }, (_, at) => `ticket ${at}`)
  await Promise.all(texts.map((text) => support.ticket.create(id, { text, channel: 'phone' })))
  return id
}

/** Somebody of their own for each walk, whose accesses are then told from all others. */
let walkers = 0
function nextWalker(): { readonly id: string; readonly roles: readonly ['agent'] } {
  walkers += 1
  return { id: `staff:walker-${walkers}`, roles: ['agent'] }
}

async function logged(acme: Acme, actor: { readonly id: string }): Promise<number> {
  return (await collect(acme.audit.query({ actor: actor.id }))).length
}

/** Takes so many, with something done behind each, and walks away. */
async function take<T>(
  items: AsyncIterable<T>,
  count: number,
  then: (item: T, nth: number) => unknown = () => undefined,
): Promise<readonly T[]> {
  const taken: T[] = []
  if (count === 0) return taken
  for await (const item of items) {
    taken.push(item)
    await then(item, taken.length)
    if (taken.length === count) break
  }
  return taken
}

/** What was handed out before an error, and the error. */
async function untilError<T extends { readonly subjectId: string }>(
  items: AsyncIterable<T>,
): Promise<{ readonly given: readonly string[]; readonly error: Error }> {
  const given: string[] = []
  const error = await caught(async () => {
    for await (const { subjectId } of items) given.push(subjectId)
  })
  return { given, error }
}

describe('a strict listing is logged in pages', () => {
  test('of one record, of two, of four, and so on up to 32: one commit each', async () => {
    const { acme, store } = await openOffice()
    const subjectId = await addTickets(acme, 100)
    const { support } = accessorsOf(acme)
    // The first access of an instance takes a log for it.
    await take(support.ticket.list({ subjectId }), 1)
    const before = store.batches.length
    const items = await collect(support.ticket.list({ subjectId }))
    expect(items).toHaveLength(100)
    // 1, 2, 4, 8, 16, 32, 32, and the last 5.
    expect(store.batches.length - before).toBe(8)
    const found = await collect(support.ticket.find({ channel: 'phone' }))
    expect(found.map(({ recordId }) => recordId)).toEqual(items.map(({ recordId }) => recordId))
    expect(store.batches.length - before).toBe(16)
    await acme.close()
  })

  test('and every page is in the log before the first of it is handed out', async () => {
    const { acme } = await openOffice()
    await addPeople(acme, 40)
    const actor = nextWalker()
    const { contact } = acme.accessor({ purpose: 'support', actor })
    let nth = 0
    for await (const { subjectId } of contact.list()) {
      nth += 1
      const trail = await collect(acme.audit.query({ actor: actor.id, subjectId }))
      expect(trail.map(({ action }) => action)).toEqual(['list'])
      // A page of 2^n begins behind 2^n - 1.
      const ahead = Math.min(40, 2 ** (Math.floor(Math.log2(nth)) + 1) - 1)
      expect(await logged(acme, actor)).toBe(ahead)
    }
    expect(nth).toBe(40)
    await acme.close()
  })

  test('who stops early is logged as having seen at most as many again, and never beyond the limit', async () => {
    const { acme } = await openOffice()
    const ids = await addPeople(acme, 80)
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 90 }),
        fc.option(fc.integer({ min: 1, max: 90 }), { nil: undefined }),
        async (count, limit) => {
          const actor = nextWalker()
          const { contact } = acme.accessor({ purpose: 'support', actor })
          const list = contact.list(limit === undefined ? {} : { limit })
          const given = await take(list, count)
          expect(given.map(({ subjectId }) => subjectId)).toEqual(
            ids.slice(0, Math.min(count, limit ?? 80)),
          )
          const seen = await logged(acme, actor)
          expect(seen).toBeGreaterThanOrEqual(given.length)
          expect(seen).toBeLessThanOrEqual(Math.min(2 * given.length + 1, limit ?? 80, 80))
        },
      ),
      { numRuns: 40 },
    )
    await acme.close()
  })

  test('that holds as well where people are hidden, and where they change meanwhile', async () => {
    let isHidden: (subjectId: string) => boolean = () => false
    const { acme } = await openOffice({ relationship: ({ subjectId }) => !isHidden(subjectId) })
    const ids = await addPeople(acme, 60)
    const { support } = accessorsOf(acme)
    const numbers = fc.uniqueArray(fc.nat({ max: 59 }), { maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(numbers, numbers, fc.nat({ max: 60 }), async (hidden, changed, count) => {
        const actor = nextWalker()
        const { contact } = acme.accessor({ purpose: 'support', actor })
        const out = new Set(hidden.map((at) => ids[at]))
        const visible = ids.filter((id) => !out.has(id))
        isHidden = (id) => out.has(id)
        const given = await take(contact.list(), count, async (_, nth) => {
          const next = visible[nth]
          if (next !== undefined && changed.includes(nth))
            await support.contact.update(next, { address: `moved ${nth}` })
        })
        isHidden = () => false
        expect(given.map(({ subjectId }) => subjectId)).toEqual(visible.slice(0, count))
        const seen = await logged(acme, actor)
        expect(seen).toBeGreaterThanOrEqual(given.length)
        expect(seen).toBeLessThanOrEqual(2 * given.length + 1)
      }),
      { numRuns: 40 },
    )
    await acme.close()
  })

  test('whoever changes every record that is handed out gets each of them once, as it is', async () => {
    const { acme, store } = await openOffice()
    const subjectId = await addTickets(acme, 40)
    const actor = nextWalker()
    const { ticket } = acme.accessor({ purpose: 'support', actor })
    const before = store.batches.length
    const seen = new Set<string>()
    for await (const { recordId, view } of ticket.list({ subjectId })) {
      expect(seen.has(recordId)).toBe(false)
      expect(view.text).toMatch(/^ticket/)
      seen.add(recordId)
      await ticket.update(subjectId, recordId, { text: 'answered' })
    }
    expect(seen.size).toBe(40)
    expect(await logged(acme, actor)).toBeLessThanOrEqual(2 * 40 + 1)
    for await (const { view } of ticket.list({ subjectId })) expect(view.text).toBe('answered')
    // 40 changes, the second listing in 7 pages, and no more than each record by itself.
    expect(store.batches.length - before).toBeLessThanOrEqual(40 + 7 + 40)
    await acme.close()
  })

  test('an access that cannot be logged hands out nothing of its page', async () => {
    let isFull = false
    const { acme } = await openOffice(
      {},
      {
        commit: (_, next) =>
          isFull
            ? Promise.reject(new PrivityError('store_unavailable', { reason: 'failed' }))
            : next(),
      },
    )
    const ids = await addPeople(acme, 12)
    const { support } = accessorsOf(acme)
    const given: string[] = []
    const failure = await caught(async () => {
      for await (const { subjectId } of support.contact.list()) {
        given.push(subjectId)
        isFull = given.length >= 2
      }
    })
    expect(failure.code).toBe('store_unavailable')
    // Of the page that was logged before, the rest is still handed out.
    expect(given).toEqual(ids.slice(0, 3))
    isFull = false
    await acme.close()
  })

  test('an error in the middle comes after what was opened before it', async () => {
    let broken: string | undefined
    const { acme, store } = await openOffice(
      {},
      {
        read: (keys, next) =>
          broken !== undefined && keys.some((key) => key.includes(broken ?? ''))
            ? Promise.reject(new Error('the disk is gone'))
            : next(),
      },
    )
    const ids = await addPeople(acme, 12)
    expect(store.reads.length).toBeGreaterThan(0)
    for (let at = 0; at < ids.length; at += 1) {
      const actor = nextWalker()
      broken = ids[at]
      const { contact } = acme.accessor({ purpose: 'support', actor })
      const { given, error } = await untilError(contact.list())
      expect(error).toMatchObject({ code: 'store_unavailable' })
      expect(given).toEqual(ids.slice(0, at))
      broken = undefined
      expect(await logged(acme, actor)).toBe(at)
    }
    await acme.close()
  })

  test('after an abort nothing is handed out, and nothing more is logged', async () => {
    const { acme } = await openOffice()
    await addPeople(acme, 20)
    for (const stop of [1, 2, 3, 5, 7, 10]) {
      const actor = nextWalker()
      const { contact } = acme.accessor({ purpose: 'support', actor })
      const abort = new AbortController()
      let given = 0
      const walking = (async () => {
        for await (const _ of contact.list({ signal: abort.signal })) {
          given += 1
          if (given === stop) abort.abort()
        }
      })()
      await expect(walking).rejects.toMatchObject({ name: 'AbortError' })
      expect(given).toBe(stop)
      expect(await logged(acme, actor)).toBeLessThanOrEqual(2 * stop)
    }
    // Behind the last there is nothing to stop.
    const late = new AbortController()
    const list = accessorsOf(acme).support.contact.list({ signal: late.signal })
    await take(list, 100, (_, nth) => {
      if (nth === 20) late.abort()
    })
    await acme.close()
  })

  test('a deferred listing reads nothing ahead', async () => {
    const { acme } = await openOffice({ audit: 'deferred' })
    await addPeople(acme, 40)
    for (const count of [1, 2, 3, 20, 40]) {
      const actor = nextWalker()
      await take(acme.accessor({ purpose: 'support', actor }).contact.list(), count)
      expect(await logged(acme, actor)).toBe(count)
    }
    await acme.close()
  })
})

describe('what was opened in a page is decided again when it is handed out', () => {
  test.each([
    [
      'withdrew',
      (acme: Acme, id: string) => acme.consent.withdraw(id, { purposes: ['marketing'] }),
    ],
    [
      'was erased',
      (acme: Acme, id: string) => acme.erasure.erase(id, { reason: 'subject_request' }),
    ],
  ])('who %s in another process meanwhile is left out, whenever it was', async (_, leave) => {
    const { acme, data } = await openOffice()
    const elsewhere = await openAcme(memoryStore({ share: data }))
    const ids = [...(await addPeople(acme, 24))]
    for (const id of ids) await giveOnWeb(acme, id, ['marketing'])
    const { marketing } = accessorsOf(acme)
    // Of those who come next: the one right behind, and the one after that.
    for (const [nth, ahead] of [
      [1, 1],
      [2, 1],
      [4, 2],
      [9, 1],
      [8, 2],
    ] as const) {
      const gone = ids[nth - 1 + ahead] ?? ''
      const given = await take(marketing.contact.list(), 100, async (_item, at) => {
        if (at === nth) await leave(elsewhere, gone)
      })
      ids.splice(ids.indexOf(gone), 1)
      expect(given.map(({ subjectId }) => subjectId)).toEqual(ids)
    }
    await elsewhere.close()
    await acme.close()
  })

  test('a consent that runs out meanwhile counts no more', async () => {
    const clock = fakeClock()
    const { acme } = await openOffice({ clock })
    const ids = await addPeople(acme, 12)
    for (const id of ids) await giveOnWeb(acme, id, ['marketing'])
    const { marketing } = accessorsOf(acme)
    const given = await take(marketing.contact.list(), 100, (_, nth) => {
      if (nth === 4) clock.advance({ months: 25 })
    })
    expect(given).toHaveLength(4)
    await acme.close()
  })

  test('who withdraws while the rest of their page is opened is not handed out either', async () => {
    let meanwhile: ((subjectId: string) => Promise<unknown>) | undefined
    const { acme } = await openOffice({
      relationship: async ({ subjectId }) => {
        await meanwhile?.(subjectId)
        return true
      },
    })
    const ids = await addPeople(acme, 9)
    for (const id of ids) await giveOnWeb(acme, id, ['marketing'])
    // The page that begins with the fourth ends with the seventh.
    meanwhile = async (subjectId) => {
      if (subjectId !== ids[6]) return
      meanwhile = undefined
      await acme.consent.withdraw(ids[3] ?? '', { purposes: ['marketing'] })
    }
    const given = await collect(accessorsOf(acme).marketing.contact.list())
    expect(given.map(({ subjectId }) => subjectId)).toEqual(ids.filter((id) => id !== ids[3]))
    await acme.close()
  })

  test('the app is asked again', async () => {
    const hidden = new Set<string>()
    const { acme } = await openOffice({ relationship: ({ subjectId }) => !hidden.has(subjectId) })
    const ids = await addPeople(acme, 12)
    const { support } = accessorsOf(acme)
    const given = await take(support.contact.list(), 100, (_, nth) => {
      if (nth === 5) for (const id of ids.slice(0, 11)) hidden.add(id)
    })
    expect(given.map(({ subjectId }) => subjectId)).toEqual([...ids.slice(0, 5), ids[11]])
    await acme.close()
  })

  test('a record that was changed is handed out as it is now, and one that is gone is not', async () => {
    const { acme } = await openOffice()
    const subjectId = await addTickets(acme, 12)
    const { support } = accessorsOf(acme)
    const all = (await collect(support.ticket.list({ subjectId }))).map(({ recordId }) => recordId)
    const [changed = '', removed = ''] = [all[5], all[6]]
    const given = await take(support.ticket.list({ subjectId }), 100, async (_, nth) => {
      if (nth !== 4) return
      await support.ticket.update(subjectId, changed, { text: 'changed' })
      await support.ticket.remove(subjectId, removed)
    })
    expect(given.map(({ recordId }) => recordId)).toEqual(all.filter((id) => id !== removed))
    expect(given[5]?.view.text).toBe('changed')
    await acme.close()
  })

  test('what matches a search no more is not found', async () => {
    const { acme } = await openOffice()
    const subjectId = await addTickets(acme, 12)
    const { support } = accessorsOf(acme)
    const all = await collect(support.ticket.find({ channel: 'phone' }))
    const given = await take(support.ticket.find({ channel: 'phone' }), 100, async (_, nth) => {
      if (nth === 4)
        await support.ticket.update(subjectId, all[5]?.recordId ?? '', { channel: 'letter' })
    })
    expect(given).toHaveLength(11)
    await acme.close()
  })
})

describe('an app that cannot tell who is related is not taken for having nobody', () => {
  const MARKER = 'marker-of-the-app'
  const told = {
    code: 'not_permitted',
    details: { purpose: 'support', reason: 'no_relationship', reasons: ['no_relationship'] },
  }

  test('those of whom it can tell come first, and then the error', async () => {
    for (const audit of ['strict', 'deferred'] as const) {
      const failing = new Set<string>()
      const hidden = new Set<string>()
      const { acme } = await openOffice({
        audit,
        relationship: ({ subjectId }) => {
          if (failing.has(subjectId)) throw new Error(`${MARKER} ${subjectId}`)
          return !hidden.has(subjectId)
        },
      })
      const ids = await addPeople(acme, 12)
      const { support } = accessorsOf(acme)
      const related = ids.filter((_, at) => at % 3 === 0)
      for (const id of ids) if (!related.includes(id)) hidden.add(id)
      expect((await collect(support.contact.list())).map(({ subjectId }) => subjectId)).toEqual(
        related,
      )
      failing.add(ids[1] ?? '').add(ids[8] ?? '')
      const { given, error } = await untilError(support.contact.list())
      expect(given).toEqual(related)
      expect(error).toMatchObject(told)
      expect([error.message, error.stack, JSON.stringify(error), error.cause].join()).not.toContain(
        MARKER,
      )
      await acme.close()
    }
  })

  test('a search that meets nobody else ends in the error, and one that meets nobody in nothing', async () => {
    let isDown = false
    const { acme } = await openOffice({
      relationship: () => (isDown ? Promise.reject(new Error(MARKER)) : Promise.resolve(true)),
    })
    const [id = ''] = await addPeople(acme, 3)
    await addTickets(acme, 3)
    const { support } = accessorsOf(acme)
    isDown = true
    expect(await refusal(collect(support.contact.find({ email: 'p0@example.com' })))).toEqual(told)
    expect(await refusal(collect(support.ticket.find({ channel: 'phone' })))).toEqual(told)
    expect(await refusal(support.contact.read(id))).toEqual(told)
    expect(await collect(support.contact.find({ email: 'nobody@example.com' }))).toEqual([])
    isDown = false
    expect(await collect(support.contact.find({ email: 'p0@example.com' }))).toHaveLength(1)
    await acme.close()
  })

  test('nobody is logged of those who were not handed out', async () => {
    let isDown = false
    const { acme } = await openOffice({
      relationship: () => {
        if (isDown) throw new Error(MARKER)
        return true
      },
    })
    await addPeople(acme, 5)
    const actor = nextWalker()
    isDown = true
    await caught(collect(acme.accessor({ purpose: 'support', actor }).contact.list()))
    expect(await logged(acme, actor)).toBe(0)
    await acme.close()
  })

  test('who would be left out in any case is left out without an error', async () => {
    let isDown = false
    const { acme } = await openOffice({
      relationship: () => {
        if (isDown) throw new Error(MARKER)
        return true
      },
    })
    await addPeople(acme, 3)
    isDown = true
    // Nobody of them was asked for consent.
    expect(await collect(accessorsOf(acme).marketing.contact.list())).toEqual([])
    await acme.close()
  })

  test('when it goes down between two pages, what was opened before is not handed out either', async () => {
    let isDown = false
    const { acme } = await openOffice({
      relationship: () => {
        if (isDown) throw new Error(MARKER)
        return true
      },
    })
    const ids = await addPeople(acme, 12)
    const list = acme.accessor({ purpose: 'support', actor: ACTORS.support }).contact.list()
    const given: string[] = []
    const error = await caught(async () => {
      for await (const { subjectId } of list) {
        given.push(subjectId)
        isDown = given.length >= 5
      }
    })
    expect(given).toEqual(ids.slice(0, 5))
    expect(error).toMatchObject(told)
    await acme.close()
  })

  test('behind the error a cursor goes on', async () => {
    let down: string | undefined
    const { acme } = await openOffice({
      relationship: ({ subjectId }) => {
        if (subjectId === down) throw new Error(MARKER)
        return true
      },
    })
    const ids = await addPeople(acme, 9)
    down = ids[2]
    const { support } = accessorsOf(acme)
    const { given, error } = await untilError(support.contact.list({ limit: 5 }))
    expect(error).toMatchObject(told)
    expect(given).toEqual(ids.slice(0, 6).filter((id) => id !== down))
    const rest = await collect(support.contact.list({ after: given.at(-1) ?? '' }))
    expect(rest.map(({ subjectId }) => subjectId)).toEqual(ids.slice(6))
    await acme.close()
  })
})
