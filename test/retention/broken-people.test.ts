import { expect, test } from 'vitest'
import type { SubjectId } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { eagerClock, refusal } from '../support/acme.ts'
import { type OpenShop, openShop } from '../support/retention-shop.ts'

const START = Date.UTC(2026, 0, 15)
const REVIEW = '2036-01-01T00:00:00Z'

interface Ticketed extends OpenShop {
  readonly share: MemoryData
  /** Each has a ticket, which is kept for 90 days; the first one was opened first. */
  readonly people: readonly SubjectId[]
}

async function openTickets(count: number): Promise<Ticketed> {
  const share = memoryData()
  const shop = await openShop(memoryStore({ share }), { clock: eagerClock(START) })
  const people: SubjectId[] = []
  for (let nth = 0; nth < count; nth += 1) {
    const { id } = await shop.privity.subjects.register()
    await shop.as('support').ticket.create(id, { text: 'hello' })
    shop.clock.advance({ hours: 1 })
    people.push(id)
  }
  return { ...shop, share, people }
}

/** Changes one byte in every row of which the key says that it is one of those. */
function damage({ rows }: MemoryData, isOne: (key: string) => boolean): void {
  for (const [key, value] of rows) {
    if (!isOne(key)) continue
    const bytes = value.slice()
    const middle = bytes.length >> 1
    bytes[middle] = (bytes[middle] ?? 0) ^ 1
    rows.set(key, bytes)
  }
}

const BROKEN: readonly (readonly [string, (key: string, id: string) => boolean])[] = [
  ['document', (key, id) => key.endsWith(`/p/${id}`)],
  ['page', (key, id) => key.includes(`/p/${id}/h/`)],
]

test.for(BROKEN)(
  'a damaged %s of one person keeps nobody behind from being swept',
  async ([, isOne]) => {
    const { privity, clock, share, people } = await openTickets(3)
    const [broken = ''] = people
    clock.advance({ days: 91 })
    damage(share, (key) => isOne(key, broken))
    expect(await privity.retention.sweep()).toMatchObject({ people: 4, records: 3, failed: 1 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, records: 0, failed: 1 })
    await privity.close()
  },
)

test.for(BROKEN)(
  'what is due is listed around a damaged %s, which comes last as an error',
  async ([, isOne]) => {
    const { privity, clock, share, people } = await openTickets(3)
    const [broken = '', ...others] = people
    clock.advance({ days: 91 })
    damage(share, (key) => isOne(key, broken))
    const listed: string[] = []
    const listing = async (): Promise<void> => {
      for await (const { subjectId, record } of privity.retention.due())
        if (record === 'ticket') listed.push(subjectId)
    }
    expect((await refusal(listing())).code).toMatch(/^(decryption_failed|key_un\w+)$/)
    expect(listed).toEqual(others)
    await privity.close()
  },
)

test('a limit is one of people of whom something is done: who is kept or fails starves nobody', async () => {
  const { privity, clock, share, people } = await openTickets(5)
  const [broken = '', held, ...others] = people
  const ask = { matter: 'c1', reviewAt: REVIEW, records: [{ record: 'ticket' as const }] }
  if (held !== undefined) await privity.retention.hold(held, ask)
  // Of the customer of the shop a field was due before all of them.
  clock.advance({ days: 31 })
  await privity.retention.sweep()
  clock.advance({ days: 60 })
  damage(share, (key) => key.endsWith(`/p/${broken}`))
  const sweep = () => privity.retention.sweep({ limit: 1 })
  // Who is kept comes up again when the hold is looked at.
  for (const [nth] of others.entries()) {
    const kept = nth === 0 ? 1 : 0
    const people = 2 + kept
    expect(await sweep()).toEqual({ people, records: 1, erased: 0, kept, failed: 1 })
  }
  expect(await sweep()).toEqual({ people: 1, records: 0, erased: 0, kept: 0, failed: 1 })
  await privity.close()
})

test('who is kept is counted once, however many of their records are due', async () => {
  const { privity, clock, as, id } = await openTickets(0)
  for (let nth = 0; nth < 3; nth += 1) {
    await as('support').ticket.create(id, { text: 'claim' })
    clock.advance({ hours: 1 })
  }
  await privity.retention.hold(id, { matter: 'c1', reviewAt: REVIEW })
  clock.advance({ days: 91 })
  expect(await privity.retention.sweep({ limit: 1 })).toMatchObject({ people: 1, kept: 1 })
  await privity.close()
})
