import { describe, expect } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  isPrivityError,
  localKeys,
  type Privity,
  type SubjectId,
} from 'privity'
import { controller, type FakeClock, fakeClock, SECRET } from '../support/acme.ts'
import { journey, type Place, storesOf } from '../support/stores.ts'

const START = Date.UTC(2026, 0, 15)
const ACTOR = { id: 'staff:ida', roles: ['agent'] } as const

/** What sees the name, and whether there are news at all. */
type Needs = 'news and support' | 'news' | 'no news'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  news: { basis: 'consent', description: 'Send you news', validFor: { years: 1 } },
})
const supportOnly = definePurposes({ support: purposes.support })
const MAIL = z.string().exactOptional()

let version = 0

/** Each is newer than the last. */
function policyOf(needs: Needs): object {
  version += 1
  const roles = { agent: { purposes: ['support'] } } as const
  const said = { controller, version: String(version) }
  if (needs === 'no news') {
    const contact = defineRecord(supportOnly, ({ field }) => ({
      mail: field(MAIL, { purposes: ['support'] }),
    }))
    return definePolicy({ ...said, purposes: supportOnly, records: { contact }, roles })
  }
  const contact = defineRecord(purposes, ({ field }) => ({
    mail: field(MAIL, { purposes: ['support'] }),
    name: field(z.string().exactOptional(), {
      purposes: needs === 'news' ? ['news'] : ['news', 'support'],
    }),
  }))
  return definePolicy({
    ...said,
    purposes,
    records: { contact },
    roles: { agent: { purposes: ['support', 'news'] } },
  })
}

type Opened = Privity<typeof purposes, unknown>

interface Contact {
  create(id: string, value: object): Promise<void>
  read(id: string): Promise<object>
}

async function open(place: Place, clock: FakeClock, needs: Needs) {
  const privity = await createPrivity({
    // The types of the three differ, and are not what is tested here.
    policy: policyOf(needs) as never,
    ...storesOf(place.store()),
    keys: localKeys(SECRET),
    clock,
  })
  const contact = (purpose: 'news' | 'support'): Contact =>
    (privity.accessor({ purpose, actor: ACTOR } as never) as { contact: never }).contact
  return { privity: privity as unknown as Opened, contact }
}

async function give({ notices, consent }: Opened, id: SubjectId): Promise<void> {
  const notice = await notices.publish({ id: 'n', version: '1', texts: { en: 'w' } })
  await consent.give(id, { purposes: ['news'], notice, method: { channel: 'paper' } })
}

/** Somebody who gave consent to news, and of whom there is a name. */
async function somebody(place: Place, needs: Needs) {
  const clock = fakeClock(START)
  const { privity, contact } = await open(place, clock, needs)
  const { id } = await privity.subjects.register()
  await give(privity, id)
  await contact('news').create(id, { name: 'Anna' })
  return { privity, clock, id }
}

async function dueRows(place: Place): Promise<number> {
  return (await place.rows()).filter(([key]) => key.slice(17, 19) === 'd/').length
}

/** What is left of the contact for news, once that may be read. */
async function leftFor(place: Place, clock: FakeClock, id: SubjectId): Promise<unknown> {
  const { privity, contact } = await open(place, clock, 'news')
  const { permits } = await privity.consent.status(id, 'news')
  if (!permits) await give(privity, id)
  const left = await contact('news')
    .read(id)
    .catch((error: unknown) => {
      if (isPrivityError(error, 'not_found')) return 'nothing'
      throw error
    })
  expect((await privity.ledger.verify({ deep: true })).faults).toEqual([])
  await privity.close()
  return left
}

describe('a consent that is to run out', () => {
  journey('is looked at on that day, by the policy of that day', async (place) => {
    const { privity, clock, id } = await somebody(place, 'news and support')
    await privity.close()
    const later = await open(place, clock, 'news')
    clock.set(Date.UTC(2027, 0, 14, 23))
    expect(await later.privity.retention.sweep()).toMatchObject({ people: 0 })
    clock.set(Date.UTC(2027, 0, 15))
    expect(await later.privity.retention.sweep()).toMatchObject({ people: 1, failed: 0 })
    expect(await dueRows(place)).toBe(0)
    await later.privity.close()
    expect(await leftFor(place, clock, id)).toBe('nothing')
  })

  journey('takes nothing that another purpose needs on that day', async (place) => {
    const { privity, clock, id } = await somebody(place, 'news and support')
    expect(await dueRows(place)).toBe(1)
    // Asked once more, and looked at in between, it runs out later.
    clock.set(Date.UTC(2026, 0, 16))
    await give(privity, id)
    clock.set(Date.UTC(2027, 0, 15))
    expect(await privity.retention.sweep()).toMatchObject({ people: 0, failed: 0 })
    expect(await dueRows(place)).toBe(1)
    clock.set(Date.UTC(2027, 0, 16))
    expect(await privity.retention.sweep()).toMatchObject({ people: 0, failed: 0 })
    expect(await dueRows(place)).toBe(0)
    await privity.close()
    expect(await leftFor(place, clock, id)).toEqual({ name: 'Anna' })
  })
})

describe('what a withdrawal left to another purpose', () => {
  journey('goes when it is resealed under a policy that has no such purpose', async (place) => {
    const { privity, clock, id } = await somebody(place, 'news and support')
    await privity.consent.withdraw(id, { purposes: ['news'] })
    expect(await privity.retention.sweep()).toMatchObject({ people: 0, failed: 0 })
    expect(await dueRows(place)).toBe(0)
    await privity.close()
    const later = await open(place, clock, 'news')
    expect(await later.privity.retention.sweep()).toMatchObject({ people: 0 })
    expect(await later.privity.keys.reseal()).toMatchObject({ records: 1 })
    expect(await later.privity.retention.sweep()).toMatchObject({ people: 1, failed: 0 })
    const rows = await place.rows()
    expect(await later.privity.keys.reseal()).toMatchObject({ records: 0 })
    expect(await place.rows()).toEqual(rows)
    await later.privity.close()
    expect(await leftFor(place, clock, id)).toBe('nothing')
  })
})

describe('a purpose that the next policy has not any more', () => {
  journey('ends by what the person said, and takes what it alone saw along', async (place) => {
    const { privity, clock, id } = await somebody(place, 'news')
    await privity.consent.withdraw(id, { purposes: ['news'] })
    await privity.close()
    const later = await open(place, clock, 'no news')
    expect(await later.privity.retention.sweep()).toMatchObject({ people: 1, failed: 0 })
    await later.privity.close()
    expect(await leftFor(place, clock, id)).toBe('nothing')
  })

  journey('ends when its consent runs out, and not before', async (place) => {
    const { privity, clock, id } = await somebody(place, 'news')
    await privity.close()
    clock.set(Date.UTC(2027, 0, 14))
    const later = await open(place, clock, 'no news')
    await later.privity.keys.reseal()
    expect(await later.privity.retention.sweep()).toMatchObject({ people: 0 })
    expect(await dueRows(place)).toBe(1)
    await later.privity.close()
    expect(await leftFor(place, clock, id)).toEqual({ name: 'Anna' })
    clock.set(Date.UTC(2027, 0, 15))
    const last = await open(place, clock, 'no news')
    expect(await last.privity.retention.sweep()).toMatchObject({ people: 1, failed: 0 })
    await last.privity.close()
    expect(await leftFor(place, clock, id)).toBe('nothing')
  })
})
