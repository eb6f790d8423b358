import { describe, expect, test } from 'vitest'
import { isPrivityError, type Store } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { PrivityError } from '../../src/base/errors.ts'
import { eventsOf, ownersLost, stored } from '../support/desk-state.ts'
import { type Desk, idsOf, openDesk } from '../support/helpdesk.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { createLanes, type Lane } from '../support/lanes.ts'
import { scaled } from '../support/scale.ts'
import { type Seeded, seeded } from '../support/seeded.ts'
import { dyingStore } from '../support/stores.ts'

/** Room for few parts in a commit. */
const SMALL = { maxOps: 142, maxBytes: 1_048_576 } as const
const SEED = 20_261_122

interface Filled {
  readonly id: string
  readonly ticketId: string
  readonly messages: readonly string[]
}

async function fill(desk: Desk, count: number): Promise<Filled> {
  const { id } = await desk.privity.subjects.register()
  const { ticket, message, file, note } = desk.as()
  const { recordId: ticketId } = await ticket.create(id, { title: 'one' })
  const messages: string[] = []
  for (let at = 0; at < count; at += 1) {
    const { recordId } = await message.create(id, { ticketId, body: `b${at}` })
    messages.push(recordId)
    if (at % 3 === 0) await file.create(id, { messageId: recordId, name: 'a' })
    if (at % 4 === 0) await note.create(id, { about: ticketId, text: 't' })
  }
  return { id, ticketId, messages }
}

/** Commits of what a removal does. */
async function commitsOf(
  store: ReturnType<typeof hookedStore>,
  run: () => Promise<unknown>,
): Promise<number> {
  const before = store.batches.length
  await run()
  return store.batches.length - before
}

describe('a record with many parts', { timeout: 60_000 }, () => {
  test('goes in one commit where the store takes it', async () => {
    const store = hookedStore(memoryStore())
    const desk = await openDesk(store)
    const { id, ticketId } = await fill(desk, 300)
    expect(await commitsOf(store, () => desk.as().ticket.remove(id, ticketId))).toBe(1)
    expect(await stored(desk, id)).toEqual({ ticket: 0, message: 0, file: 0, note: 75, about: 0 })
  })

  test('goes in several where it does not, and never leaves a part behind', async () => {
    const share = memoryData()
    const store = hookedStore(memoryStore({ share }), { limits: SMALL })
    const desk = await openDesk(store)
    const { id, ticketId } = await fill(desk, 20)
    const watch = await openDesk(memoryStore({ share }))
    const commits = await commitsOf(store, () => desk.as().ticket.remove(id, ticketId))
    expect(commits).toBeGreaterThan(4)
    expect(await stored(watch, id)).toEqual({ ticket: 0, message: 0, file: 0, note: 5, about: 0 })
    expect(await desk.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  })

  test('goes in smaller commits when a store refuses what is too large', async () => {
    const limit = 40
    const store = hookedStore(memoryStore(), {
      commit: async (batch, next) => {
        if (batch.put.length + batch.del.length <= limit || !isArmed) return next()
        throw new PrivityError('store_full', { reason: 'full' })
      },
    })
    let isArmed = false
    const desk = await openDesk(store)
    const { id, ticketId } = await fill(desk, 40)
    isArmed = true
    await desk.as().ticket.remove(id, ticketId)
    expect(await stored(desk, id)).toEqual({ ticket: 0, message: 0, file: 0, note: 10, about: 0 })
  })

  test('tells the log of what went with it, by type', async () => {
    const share = memoryData()
    const desk = await openDesk(memoryStore({ share }))
    const { id, ticketId } = await fill(desk, 4)
    await desk.as().ticket.remove(id, ticketId)
    expect(await eventsOf(share, id, 'record.removed')).toEqual([
      expect.objectContaining({
        record: 'ticket',
        parts: { file: 2, message: 4 },
        detached: { note: 1 },
      }),
    ])
    expect(await eventsOf(share, id, 'record.parts_removed')).toEqual([])
  })

  test('tells the log of each of several commits', async () => {
    const share = memoryData()
    const desk = await openDesk({ ...memoryStore({ share }), limits: SMALL })
    const { id, ticketId } = await fill(desk, 9)
    await desk.as().ticket.remove(id, ticketId)
    const entries = [
      ...(await eventsOf(share, id, 'record.parts_removed')),
      ...(await eventsOf(share, id, 'record.removed')),
    ] as readonly { readonly parts?: object; readonly detached?: object }[]
    const sum: { [name: string]: number } = {}
    for (const { parts, detached } of entries)
      for (const [type, count] of Object.entries({ ...parts, ...detached }))
        sum[type] = (sum[type] ?? 0) + Number(count)
    expect(entries.length).toBeGreaterThan(2)
    expect(sum).toEqual({ file: 3, message: 9, note: 3 })
  })

  test('is not touched under an id that stands for something else', async () => {
    const store = hookedStore(memoryStore(), { limits: SMALL })
    const desk = await openDesk(store)
    const { id, ticketId } = await fill(desk, 20)
    const before = await stored(desk, id)
    const operationId = 'used'
    await desk.as().ticket.update(id, ticketId, { title: 'two' }, { operationId })
    await expect(desk.as().ticket.remove(id, ticketId, { operationId })).rejects.toMatchObject({
      code: 'invalid_input',
      details: { issues: [{ code: 'reused' }] },
    })
    expect(await stored(desk, id)).toEqual(before)
  })

  test('is given up on when others write more parts each time, and nothing has gone', async () => {
    const share = memoryData()
    const writer = await openDesk(memoryStore({ share }))
    const { id, ticketId } = await fill(writer, 3)
    let more = 0
    const store = hookedStore(memoryStore({ share }), {
      commit: async ({ del }, next) => {
        if (del.some((key) => key.endsWith(ticketId))) {
          more += 1
          await writer.as().note.create(id, { about: ticketId, text: 'more' })
        }
        return next()
      },
    })
    const desk = await openDesk(store)
    await expect(desk.as().ticket.remove(id, ticketId)).rejects.toMatchObject({
      code: 'write_conflict',
    })
    expect(more).toBe(32)
    expect(await stored(writer, id)).toMatchObject({ ticket: 1, message: 3, file: 1, about: 33 })
  })

  test('takes what was added to a page that nobody had looked at', async () => {
    const share = memoryData()
    const writer = await openDesk(memoryStore({ share }))
    const { id, ticketId } = await fill(writer, 3)
    let more = 0
    const store = hookedStore(memoryStore({ share }), {
      commit: async ({ del }, next) => {
        if (more < 20 && del.some((key) => key.endsWith(ticketId))) {
          more += 1
          await writer.as().message.create(id, { ticketId, body: 'more' })
        }
        return next()
      },
    })
    const desk = await openDesk(store)
    await desk.as().ticket.remove(id, ticketId)
    expect(more).toBe(20)
    expect(await stored(writer, id)).toMatchObject({ ticket: 0, message: 0, file: 0, about: 0 })
  })

  test('can be stopped between two commits, and be removed again', async () => {
    const stop = new AbortController()
    let isArmed = false
    const store = hookedStore(memoryStore(), {
      limits: SMALL,
      commit: async (_, next) => {
        await next()
        if (isArmed) stop.abort()
      },
    })
    const desk = await openDesk(store)
    const { id, ticketId } = await fill(desk, 20)
    isArmed = true
    const removing = desk.as().ticket.remove(id, ticketId, { signal: stop.signal })
    await expect(removing).rejects.toMatchObject({ name: 'AbortError' })
    expect(await stored(desk, id)).toMatchObject({ ticket: 1 })
    await desk.as().ticket.remove(id, ticketId)
    expect(await stored(desk, id)).toMatchObject({ ticket: 0, message: 0, file: 0 })
  })
})

describe('a process that dies while it removes a record with many parts', () => {
  for (const when of ['before', 'after'] as const) {
    test(`leaves no part without its owner, ${when} any call of the store`, {
      timeout: 120_000,
    }, async () => {
      for (const limits of [undefined, SMALL])
        for (let nth = 1; await dieAt({ nth, when, limits }); nth += 1);
    })
  }
})

interface Death {
  readonly nth: number
  readonly when: 'before' | 'after'
  readonly limits: Store['limits'] | undefined
}

async function dieAt({ nth, when, limits }: Death): Promise<boolean> {
  const share = memoryData()
  let isArmed = false
  const base = memoryStore({ share })
  const limited: Store = { ...base, ...(limits === undefined ? {} : { limits }) }
  const dying = dyingStore(limited, { nth, when, armed: () => isArmed })
  const desk = await openDesk(dying.store)
  const { id, ticketId } = await fill(desk, 5)
  isArmed = true
  const options = { operationId: 'remove-1' }
  const outcome = await Promise.race([
    desk
      .as()
      .ticket.remove(id, ticketId, options)
      .then(() => 'done'),
    dying.dead,
  ])
  const next = await openDesk({ ...memoryStore({ share }), limits: limited.limits })
  expect(await ownersLost(next, id)).toEqual([])
  await next.as().ticket.remove(id, ticketId, options)
  expect(await stored(next, id)).toEqual({ ticket: 0, message: 0, file: 0, note: 2, about: 0 })
  expect(await next.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  return outcome === 'dead'
}

const SCHEDULES = scaled({ ci: 80, torture: 10_000 })

describe('parts that are written while their owner is removed', () => {
  for (const [name, limits] of [
    ['one commit', undefined],
    ['several', SMALL],
  ] as const) {
    test(`go with it, or are refused, in ${SCHEDULES} schedules over ${name}`, {
      timeout: scaled({ ci: 300_000, torture: 3_600_000 }),
    }, async () => {
      const data = memoryData()
      const lanes = createLanes()
      const open = async (): Promise<Desk> => openDesk(laneStore(lanes.lane, data, limits))
      const [remover, writer] = [await open(), await open()]
      for (let at = 0; at < SCHEDULES; at += 1) {
        const random = seeded(SEED + at)
        const filled = await fill(remover, 2 + random.below(6))
        lanes.start(random)
        await race({ remover, writer, filled, random })
        lanes.stop()
        expect(await ownersLost(writer, filled.id)).toEqual([])
        expect(await idsOf(writer, filled.id, 'ticket')).toHaveLength(1)
      }
      const ok = { ok: true, faults: [] }
      expect(await writer.privity.ledger.verify({ deep: true })).toMatchObject(ok)
    })
  }
})

function laneStore(
  lane: (store: Store) => Lane,
  share: MemoryData,
  limits: Store['limits'] | undefined,
): Store {
  const { store } = lane(memoryStore({ share }))
  return { ...store, ...(limits === undefined ? {} : { limits }) }
}

interface Race {
  readonly remover: Desk
  readonly writer: Desk
  readonly filled: Filled
  readonly random: Seeded
}

async function race({ remover, writer, filled, random }: Race): Promise<void> {
  const { id, ticketId, messages } = filled
  const { ticket, message, file, note } = writer.as()
  const other = await ticket.create(id, { title: 'other' })
  const free = await message.create(id, { body: 'free' })
  const some = messages[random.below(messages.length)] ?? ''
  const acts: (() => Promise<unknown>)[] = [
    () => message.create(id, { ticketId, body: 'new' }),
    () => file.create(id, { messageId: some, name: 'new' }),
    () => note.create(id, { about: ticketId, text: 'new' }),
    () => message.update(id, some, { ticketId: other.recordId }),
    () => message.update(id, free.recordId, { ticketId }),
    () => message.update(id, some, { body: 'new' }),
  ]
  const chosen = random.list(1 + random.below(4), acts.length).flatMap((at) => acts[at] ?? [])
  const outcomes = await Promise.all([
    outcomeOf(remover.as().ticket.remove(id, ticketId)),
    ...chosen.map((act) => outcomeOf(act())),
  ])
  expect(outcomes[0]).toBe('done')
  for (const outcome of outcomes) expect(outcome).toMatch(/^(?:done|not_found|write_conflict)$/)
}

async function outcomeOf(running: Promise<unknown>): Promise<string> {
  try {
    await running
    return 'done'
  } catch (error) {
    if (isPrivityError(error)) return error.code
    throw error
  }
}
