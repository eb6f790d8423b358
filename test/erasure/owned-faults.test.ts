import { describe, expect, test } from 'vitest'
import { isPrivityError } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { ownersLost, stored } from '../support/desk-state.ts'
import { type Desk, idsOf, openDesk } from '../support/helpdesk.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { createLanes } from '../support/lanes.ts'
import { scaled } from '../support/scale.ts'
import { type Seeded, seeded } from '../support/seeded.ts'
import { dyingStore } from '../support/stores.ts'

const SEED = 20_261_122
const SCHEDULES = scaled({ ci: 60, torture: 10_000 })
const SLOW = scaled({ ci: 300_000, torture: 3_600_000 })
/** Of the calls every so many. */
const STEP = scaled({ ci: 3, torture: 1 })
const OK = { ok: true, faults: [] }

interface Filled {
  readonly id: string
  readonly ticketId: string
  readonly messages: readonly string[]
  /** Of another ticket. */
  readonly other: string
}

/** More than one commit of an erasure takes, if there are 64 or more. */
async function fill(desk: Desk, count: number): Promise<Filled> {
  const { id } = await desk.privity.subjects.register()
  const { ticket, message, file, note } = desk.as()
  const { recordId: ticketId } = await ticket.create(id, { title: 'one' })
  const { recordId: other } = await ticket.create(id, { title: 'two' })
  const made = await message.create(id, { ticketId: other, body: 'other' })
  const messages: string[] = []
  for (let at = 0; at < count; at += 1) {
    const { recordId } = await message.create(id, { ticketId, body: `b${at}` })
    messages.push(recordId)
    if (at % 7 === 0) await file.create(id, { messageId: recordId, name: 'a' })
    if (at % 9 === 0) await note.create(id, { about: ticketId, text: 't' })
  }
  return { id, ticketId, messages, other: made.recordId }
}

function askOf(ticketId: string): object {
  return { reason: 'test', scope: { records: [{ record: 'ticket', recordId: ticketId }] } }
}

function copyOf({ rows }: MemoryData): MemoryData {
  const copy = memoryData()
  for (const [key, value] of rows) {
    copy.rows.set(key, value.slice())
    copy.order.add(key)
  }
  return copy
}

describe('a process that dies while it erases a record with many parts', () => {
  for (const when of ['before', 'after'] as const) {
    test(`leaves no part without its owner, and another goes on, ${when} a call of the store`, {
      timeout: SLOW,
    }, async () => {
      const template = memoryData()
      const desk = await openDesk(memoryStore({ share: template }))
      const filled = await fill(desk, 70)
      const { erasureId } = await desk.privity.erasure.plan(
        filled.id as never,
        askOf(filled.ticketId) as never,
      )
      await desk.privity.close()
      for (let nth = 1; ; nth += STEP) {
        const share = copyOf(template)
        if (!(await dieAt({ share, filled, erasureId, nth, when }))) break
      }
    })
  }
})

interface Death {
  readonly share: MemoryData
  readonly filled: Filled
  readonly erasureId: string
  readonly nth: number
  readonly when: 'before' | 'after'
}

async function dieAt({ share, filled: { id }, erasureId, nth, when }: Death): Promise<boolean> {
  let isArmed = false
  const dying = dyingStore(memoryStore({ share }), { nth, when, armed: () => isArmed })
  const desk = await openDesk(dying.store)
  isArmed = true
  const resuming = desk.privity.erasure.resume(erasureId).then(() => 'done')
  const outcome = await Promise.race([resuming, dying.dead])
  const next = await openDesk(memoryStore({ share }))
  expect(await ownersLost(next, id)).toEqual([])
  if (outcome === 'dead') await next.privity.erasure.resume(erasureId)
  expect(await stored(next, id)).toEqual({ ticket: 1, message: 1, file: 0, note: 8, about: 0 })
  expect(await next.privity.ledger.verify({ deep: true })).toMatchObject(OK)
  return outcome === 'dead'
}

describe('parts that are written while their owner is erased', () => {
  for (const [count, schedules] of [
    [3, SCHEDULES],
    [70, Math.ceil(SCHEDULES / 12)],
  ] as const) {
    test(`of ${count} go with it, or are refused, in ${schedules} schedules`, {
      timeout: SLOW,
    }, async () => {
      const share = memoryData()
      const lanes = createLanes()
      const open = (): Promise<Desk> => openDesk(lanes.lane(memoryStore({ share })).store)
      const [eraser, writer] = [await open(), await open()]
      for (let at = 0; at < schedules; at += 1) {
        const random = seeded(SEED + at)
        const filled = await fill(eraser, count)
        lanes.start(random)
        await race({ eraser, writer, filled, random })
        lanes.stop()
        expect(await ownersLost(writer, filled.id)).toEqual([])
        expect(await idsOf(writer, filled.id, 'ticket')).not.toContain(filled.ticketId)
      }
      expect(await writer.privity.ledger.verify({ deep: true })).toMatchObject(OK)
    })
  }
})

test(`an owner that is filled again while it is emptied keeps its parts, in ${SCHEDULES} schedules`, {
  timeout: SLOW,
}, async () => {
  const share = memoryData()
  const lanes = createLanes()
  const open = (): Promise<Desk> => openDesk(lanes.lane(memoryStore({ share })).store)
  const [eraser, writer] = [await open(), await open()]
  const seen = { gone: 0, kept: 0 }
  /** Late by some reads, so that either may come first. */
  async function fillLate(id: string, ticketId: string, reads: number): Promise<string> {
    const { ticket } = writer.as('audit')
    for (let read = 0; read < reads; read += 1) await outcomeOf(ticket.read(id, ticketId))
    return outcomeOf(ticket.update(id, ticketId, { extra: 'more' }))
  }
  for (let at = 0; at < SCHEDULES; at += 1) {
    const { id, ticketId } = await fill(eraser, 3)
    const records = [{ record: 'ticket', recordId: ticketId, fields: ['title'] }]
    lanes.start(seeded(SEED + at))
    const [erased, filled] = await Promise.all([
      outcomeOf(
        eraser.privity.erasure.erase(id as never, { reason: 'test', scope: { records } } as never),
      ),
      fillLate(id, ticketId, at % 8),
    ])
    lanes.stop()
    expect(erased).toBe('done')
    expect(filled).toMatch(/^(?:done|not_found)$/)
    const parts = await idsOf(writer, id, 'message')
    // One is of the other ticket.
    expect(parts).toHaveLength(filled === 'done' ? 4 : 1)
    seen[filled === 'done' ? 'kept' : 'gone'] += 1
  }
  expect(Math.min(seen.gone, seen.kept)).toBeGreaterThan(0)
  expect(await writer.privity.ledger.verify({ deep: true })).toMatchObject(OK)
})

test('a record that is made a part of what is just about to go goes with it', {
  timeout: 60_000,
}, async () => {
  const share = memoryData()
  const writer = await openDesk(memoryStore({ share }))
  // So many that what is only sealed anew comes in a commit behind that of the owner.
  const { id, ticketId } = await fill(writer, 80)
  const { ticket, message, note } = writer.as()
  const going = await ticket.create(id, { title: 'more' })
  await message.create(id, { ticketId: going.recordId, body: 'more' })
  const [about] = await idsOf(writer, id, 'note')
  const last = (await idsOf(writer, id, 'message')).at(-1) ?? ''
  let acts = 0
  const eraser = await openDesk(
    hookedStore(memoryStore({ share }), {
      commit: async ({ del }, next) => {
        if (acts === 0 && del.some((key) => key.endsWith(going.recordId))) {
          acts += 1
          await message.update(id, last, { ticketId: going.recordId })
          await note.update(id, about ?? '', { about: going.recordId })
        }
        return next()
      },
    }),
  )
  await eraser.privity.erasure.erase(id as never, askOf(going.recordId) as never)
  expect(acts).toBe(1)
  expect(await ownersLost(writer, id)).toEqual([])
  expect(await idsOf(writer, id, 'message')).not.toContain(last)
  expect(await note.read(id, about ?? '')).toEqual({ text: 't' })
  expect(await idsOf(writer, id, 'ticket')).toContain(ticketId)
  expect(await writer.privity.ledger.verify({ deep: true })).toMatchObject(OK)
})

interface Race {
  readonly eraser: Desk
  readonly writer: Desk
  readonly filled: Filled
  readonly random: Seeded
}

async function race({ eraser, writer, filled, random }: Race): Promise<void> {
  const { id, ticketId, messages, other } = filled
  const { ticket, message, file, note } = writer.as()
  const some = messages[random.below(messages.length)] ?? ''
  const acts: (() => Promise<unknown>)[] = [
    () => message.create(id, { ticketId, body: 'new' }),
    () => file.create(id, { messageId: some, name: 'new' }),
    () => note.create(id, { about: ticketId, text: 'new' }),
    () => message.update(id, some, { body: 'new' }),
    () => message.update(id, other, { ticketId }),
    () => message.update(id, other, { ticketId }),
    () => ticket.remove(id, ticketId),
    () => message.remove(id, some),
  ]
  const chosen = random.list(1 + random.below(4), acts.length).flatMap((at) => acts[at] ?? [])
  const outcomes = await Promise.all([
    outcomeOf(eraser.privity.erasure.erase(id as never, askOf(ticketId) as never)),
    ...chosen.map((act) => outcomeOf(act())),
  ])
  for (const outcome of outcomes) expect(outcome).toMatch(/^(?:done|not_found|write_conflict)$/)
  expect(outcomes[0]).toBe('done')
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
