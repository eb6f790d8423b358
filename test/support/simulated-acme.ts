import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { isPrivityError, type NoticeRef, type Store, type SubjectId } from '../../src/index.ts'
import { checkLog, type LogEvent } from '../../src/testkit/check-log.ts'
import type { Scenario, SimulatedInstance } from '../../src/testkit/simulate.ts'
import type { SimulatedCall } from '../../src/testkit/simulated-store.ts'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  fakeClock,
  onPaper,
  openAcme,
  publishNotice,
} from './acme.ts'

/** A store with two people in it, from which every simulation begins. */
export interface Template {
  readonly rows: readonly (readonly [string, Uint8Array])[]
  readonly notice: NoticeRef
  /** Everybody decides for this person. */
  readonly decider: SubjectId
  /** One instance erases this one. */
  readonly leaver: SubjectId
}

const TRIES = 5
const OPERATIONS = 2
const FAMILIES = /^[0-9a-f]{16}\/([a-z])/

export async function makeTemplate(): Promise<Template> {
  const data = memoryData()
  const acme = await openAcme(memoryStore({ share: data }), { clock: fakeClock() })
  const notice = await publishNotice(acme)
  const [{ id: decider }, { id: leaver }] = [
    await acme.subjects.register(),
    await acme.subjects.register({ externalId: 'leaver' }),
  ]
  for (const id of [decider, leaver]) await accessorsOf(acme).support.contact.create(id, ANNA)
  await acme.close()
  return { rows: [...data.rows], notice, decider, leaver }
}

/** Each call at each family of rows. */
export function siteOf({ name, keys }: SimulatedCall): readonly string[] {
  const families = keys.map((key) => FAMILIES.exec(key)?.[1] ?? 'other')
  return [...new Set(families)].map((family) => `${name} of ${family}`)
}

/** Most calls are those of an opening, which are like each other. */
export function oneIn(call: SimulatedCall): number {
  const sites = siteOf(call)
  // There are few of these.
  if (sites.includes('commit of w')) return 1
  if (call.name === 'commit') return 3
  return sites.some((site) => / of [pwatuy]$/.test(site)) ? 5 : 60
}

interface World {
  readonly template: Template
  readonly share: MemoryData
  readonly events: LogEvent[]
  /** Receipt ids of what was acknowledged, by operation. */
  readonly receipts: Map<string, string>
  /** Operations of each instance that the app has no answer to yet. */
  readonly wanted: Map<number, string[]>
  erased: boolean
}

/** Instances of the whole SDK: they decide, read and erase, each with its own operation ids. */
export function acmeScenario(
  template: Template,
  mistake: (right: Store) => Partial<Store> = () => ({}),
): Scenario {
  const share = memoryData()
  const world: World = {
    template,
    share,
    events: [],
    receipts: new Map(),
    wanted: new Map(),
    erased: false,
  }
  return {
    connect: () => {
      fill(share, template)
      const right = memoryStore({ share })
      return { ...right, ...mistake(right) }
    },
    live: (instance) => live(world, instance),
    check: () => check(world),
  }
}

function fill({ rows, order }: MemoryData, template: Template): void {
  if (rows.size > 0) return
  for (const [key, value] of template.rows) {
    rows.set(key, value)
    order.add(key)
  }
}

async function live(world: World, instance: SimulatedInstance): Promise<void> {
  const { store, clock, number, random } = instance
  const acme = await persist(() => openAcme(store, { clock }))
  if (acme === undefined) return
  const wanted = world.wanted.get(number) ?? wantedBy(instance)
  world.wanted.set(number, wanted)
  for (const operation of [...wanted]) {
    for (let attempt = 0; attempt < TRIES && wanted.includes(operation); attempt += 1)
      await decide(world, acme, { operation, wanted })
    if (random(2) === 0) await read(world, acme)
  }
  if (number === 0) await erase(world, acme)
  await persist(() => acme.close())
}

function wantedBy({ number, random }: SimulatedInstance): string[] {
  return Array.from({ length: OPERATIONS }, (_, at) =>
    random(3) === 0 ? `withdraw ${number}-${at}` : `give ${number}-${at}`,
  )
}

/** What an app does that is told to try again. */
async function persist<T>(run: () => Promise<T>): Promise<T | undefined> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    try {
      return await run()
    } catch (error) {
      if (!isPrivityError(error)) throw error
    }
  }
  return undefined
}

interface Decision {
  readonly operation: string
  readonly wanted: string[]
}

async function decide(world: World, acme: Acme, { operation, wanted }: Decision): Promise<void> {
  const { template, events, receipts } = world
  const { decider, notice } = template
  events.push({ kind: 'begin', entry: operation })
  const options = { operationId: operation }
  try {
    const { receipt } = operation.startsWith('give')
      ? await acme.consent.give(decider, onPaper(notice, ['marketing']), options)
      : await acme.consent.withdraw(decider, { purposes: ['marketing'] }, options)
    const { receiptId, index } = placeOf(receipt)
    events.push({ kind: 'applied', entry: operation, index })
    receipts.set(operation, receiptId)
    wanted.splice(wanted.indexOf(operation), 1)
  } catch (error) {
    if (!isPrivityError(error)) throw error
    const kind = error.code === 'outcome_unknown' ? 'unknown' : 'failed'
    events.push({ kind, entry: operation })
  }
}

async function read({ template }: World, acme: Acme): Promise<void> {
  const view = await persist(() => accessorsOf(acme).support.contact.read(template.decider))
  if (view !== undefined && view.email !== ANNA.email) throw new TypeError('a read gave other data')
}

async function erase(world: World, acme: Acme): Promise<void> {
  const { leaver } = world.template
  const done = await persist(async () => {
    await acme.erasure.erase(leaver, { reason: 'subject_request' }).catch(goneOnly)
    return true
  })
  world.erased ||= done === true
}

function goneOnly(error: unknown): void {
  if (!isPrivityError(error, 'erased')) throw error
}

function placeOf(receipt: string): { readonly receiptId: string; readonly index: number } {
  const payload = JSON.parse(Buffer.from(receipt.split('.')[1] ?? '', 'base64url').toString())
  return { receiptId: payload.receiptId, index: payload.log.index }
}

async function check({ template, share, events, receipts, erased }: World): Promise<void> {
  const acme = await openAcme(memoryStore({ share }), { clock: fakeClock(Date.now()) })
  const { faults } = await acme.ledger.verify({ deep: true })
  if (faults.length > 0) throw new TypeError(`the store: ${faults.map(({ kind }) => kind).join()}`)
  const found = (await collect(acme.consent.receipts(template.decider))).map(placeOf)
  expectRight(found, events, receipts)
  const status = await acme.consent.status(template.leaver, 'marketing').then(
    () => 'there',
    (error: unknown) => (isPrivityError(error) ? error.code : 'foreign'),
  )
  if (erased && status !== 'erased') throw new TypeError('who was erased is there again')
  await acme.close()
}

/** The decisions about one person, as a log of their own. */
function expectRight(
  found: readonly { readonly receiptId: string; readonly index: number }[],
  events: readonly LogEvent[],
  receipts: ReadonlyMap<string, string>,
): void {
  const operations = new Map([...receipts].map(([operation, id]) => [id, operation]))
  const ranks = new Map(found.map(({ index }, rank) => [index, rank]))
  const log = found.map(({ receiptId }, index) => {
    return { index, entry: operations.get(receiptId) ?? `of ${receiptId}` }
  })
  const strangers = log.filter(({ entry }) => entry.startsWith('of '))
  const doubtful = new Set(
    events.flatMap(({ kind, entry }) => (kind === 'begin' && !receipts.has(entry) ? [entry] : [])),
  )
  if (strangers.length > doubtful.size) throw new TypeError('there are decisions of nobody')
  const ranked = events.map((event) => {
    return event.index === undefined ? event : { ...event, index: ranks.get(event.index) ?? -1 }
  })
  const asked = strangers.map(({ entry }): LogEvent => ({ kind: 'begin', entry }))
  const faults = checkLog({ events: [...asked, ...ranked], log })
  if (faults.length > 0) throw new TypeError(`the log: ${JSON.stringify(faults)}`)
}
