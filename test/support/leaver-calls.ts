import { expect } from 'vitest'
import { accessorsOf, type Acme, ACTORS, collect, onPaper } from './acme.ts'
import { CONTACT, type Leaver, type Leavers, MARKER } from './leavers.ts'

/** Whoever asks, and for whom. */
export interface Call {
  readonly acme: Acme
  readonly who: Leaver
  readonly leavers: Leavers
}

export type Calls = readonly ((call: Call) => Promise<unknown>)[]

let count = 0
const SAYS: unknown = expect.stringContaining(MARKER)
const WHOLE = { ...CONTACT, name: SAYS, email: SAYS }

/** The person as a whole, or not at all. */
export async function readContact({ acme, who }: Pick<Call, 'acme' | 'who'>): Promise<void> {
  expect(await accessorsOf(acme).support.contact.read(who.id)).toMatchObject(WHOLE)
}

/** What each of these gives is held against what a leaver has. */
export const READS: Calls = [
  readContact,
  async ({ acme, who: { id, tickets } }) => {
    const seen = { text: SAYS, channel: SAYS }
    expect(await accessorsOf(acme).support.ticket.read(id, tickets[0] ?? '')).toEqual(seen)
  },
  async ({ acme, who }) => {
    for (const { view } of await collect(
      accessorsOf(acme).support.ticket.list({ subjectId: who.id }),
    ))
      expect(view).toEqual({ text: SAYS, channel: SAYS })
  },
  async ({ acme, who }) => {
    const names = await accessorsOf(acme).marketing.contact.select(who.id, ['name'])
    expect(names).toEqual({ name: SAYS })
  },
  async ({ acme, who }) =>
    expect(await accessorsOf(acme).care.contact.read(who.id)).toEqual({ allergies: SAYS }),
  async ({ acme, who }) =>
    expect((await acme.consent.status(who.id, 'care')).state).toMatch(
      /^(given|renewed|withdrawn)$/,
    ),
  async ({ acme, who }) =>
    expect((await collect(acme.consent.history(who.id))).length).toBeGreaterThan(1),
]
/** Each is one entry in the log of the person. */
export const WRITES: Calls = [
  ({ acme, who }) => accessorsOf(acme).support.contact.update(who.id, { name: fresh() }),
  ({ acme, who }) =>
    accessorsOf(acme).support.contact.update(who.id, { email: `${fresh()}@example.com` }),
  ({ acme, who }) => accessorsOf(acme).support.contact.update(who.id, { phone: '+31 20 1234567' }),
  ({ acme, who }) =>
    accessorsOf(acme).support.ticket.create(who.id, { text: fresh(), channel: fresh() }),
  ({ acme, who: { id, tickets } }) =>
    accessorsOf(acme).support.ticket.update(id, tickets[0] ?? '', { channel: fresh() }),
  ({ acme, who: { id, tickets } }) => accessorsOf(acme).support.ticket.remove(id, tickets[1] ?? ''),
  ({ acme, who }) => accessorsOf(acme).care.contact.update(who.id, { allergies: fresh() }),
]
export const DECISIONS: Calls = [
  ({ acme, who, leavers }) => acme.consent.give(who.id, onPaper(leavers.notice, ['marketing'])),
  ({ acme, who, leavers }) => acme.consent.give(who.id, onPaper(leavers.notice, ['care'])),
  ({ acme, who }) => acme.consent.withdraw(who.id, { purposes: ['marketing'] }),
  ({ acme, who }) => acme.consent.withdraw(who.id, { purposes: ['care'] }),
]
/** Each says whether the person shows. */
export const LOOKS: readonly ((call: Call) => Promise<boolean>)[] = [
  async ({ acme, who }) => {
    const found = await collect(accessorsOf(acme).support.contact.find({ email: who.email }))
    for (const { view } of found) expect(view).toMatchObject(WHOLE)
    return found.length > 0
  },
  async ({ acme, who, leavers }) => {
    const found = await collect(accessorsOf(acme).support.contact.list())
    for (const { view } of found) expect(view).toMatchObject(WHOLE)
    const ids = found.map(({ subjectId }) => subjectId)
    expect(ids).toContain(leavers.stays.id)
    return ids.includes(who.id)
  },
  async ({ acme, who }) => {
    const ask = { subjectId: who.id, purpose: 'support', actor: ACTORS.support } as const
    const { allowed, reasons } = await acme.may(ask)
    expect(reasons).toEqual(allowed ? [] : ['erased'])
    return allowed
  },
]

function fresh(): string {
  count += 1
  return `${MARKER}-${count}`
}
