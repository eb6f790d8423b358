import { expect, test } from 'vitest'
import * as z from 'zod'
import { definePolicy, definePurposes, defineRecord, isPrivityError, type Policy } from 'privity'
import { createPrivity } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { dropKeys, runningClasses } from '../../src/rotation/drop-keys.ts'
import { targetsOf } from '../../src/vault/targets.ts'
import { resealPerson } from '../../src/rotation/reseal-person.ts'
import { rewrapPerson } from '../../src/rotation/rewrap.ts'
import { decodeContainer, SECTION } from '../../src/storage/container.ts'
import { controller, eagerClock } from '../support/acme.ts'
import { copiedRows } from '../support/copied-rows.ts'
import { type EpochKeys, epochKeys } from '../support/epoch-keys.ts'
import { createLanes } from '../support/lanes.ts'
import { openVault, type OpenVault } from '../support/open-vault.ts'
import { scaled } from '../support/scale.ts'
import { type Seeded, seeded } from '../support/seeded.ts'

const SLOW = scaled({ ci: 300_000, torture: 3_600_000 })
/** What runs beside an erasure of the same person, and how often. */
const SCHEDULES = {
  rewrap: scaled({ ci: 1_000, torture: 10_000 }),
  reseal: scaled({ ci: 300, torture: 10_000 }),
} as const
const BATCH = 100
const SEED = 20_261_122
const GONE: ReadonlySet<string> = new Set(['erased', 'not_found'])
const actor = { id: 'staff:ida', roles: ['all'] }

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer' },
  billing: { basis: 'contract', description: 'Bill' },
})
const roles = { all: { purposes: ['support', 'billing'] } } as const

/** Before, the address has a class of its own; after, it is with the name. */
function policyOf(isNew: boolean): Policy<never, never> {
  const contact = defineRecord(purposes, ({ field }) => ({
    name: field(z.string(), { purposes: ['support'] }),
    address: field(z.string(), { purposes: isNew ? ['support'] : ['billing', 'support'] }),
  }))
  const note = defineRecord(
    purposes,
    ({ field }) => ({
      text: field(z.string(), { purposes: isNew ? ['support'] : ['billing', 'support'] }),
    }),
    { many: true },
  )
  const records = { contact, note }
  return definePolicy({ controller, purposes, records, roles }) as never
}

interface Template {
  readonly rows: ReadonlyMap<string, Uint8Array>
  readonly people: readonly string[]
  readonly kms: EpochKeys
}

/** People whose keys are of an old epoch, and whose records are of an old layout. */
async function makeTemplate(): Promise<Template> {
  const kms = epochKeys()
  const data = memoryData()
  const people: string[] = []
  const open = (isNew: boolean) =>
    createPrivity({
      policy: policyOf(isNew),
      store: memoryStore({ share: data }),
      keys: kms.provider(),
      clock: eagerClock(),
    })
  const old = await open(false)
  const support = old.accessor({ purpose: 'support' as never, actor }) as never as {
    readonly [record: string]: { create(id: string, value: object): Promise<void> }
  }
  for (let at = 0; at < BATCH; at += 1) {
    const { id } = await old.subjects.register()
    await support['contact']?.create(id, { name: `n${at}`, address: `a${at}` })
    if (at % 2 === 0) await support['note']?.create(id, { text: `t${at}` })
    people.push(id)
  }
  await old.close()
  const next = await open(true)
  await next.keys.rotate()
  await next.close()
  return { rows: new Map(data.rows), people, kms }
}

const CARES: {
  readonly [N in keyof typeof SCHEDULES]: (opened: OpenVault, id: string) => Promise<unknown>
} = {
  rewrap: ({ vault }, id) => rewrapPerson(vault.people, id),
  reseal: async ({ vault }, id) => {
    const targets = targetsOf(vault)
    const { person } = await vault.people.read(id)
    await resealPerson({ vault, targets, signal: undefined }, person)
    return dropKeys(vault, id, { running: runningClasses(vault, targets), signal: undefined })
  },
}

interface Race {
  readonly eraser: Racer
  readonly carer: Racer
  readonly data: MemoryData
}

interface Racer {
  readonly opened: OpenVault
  die(after: number | undefined): void
}

type Met = { [what: string]: number }

for (const name of ['rewrap', 'reseal'] as const) {
  const schedules = SCHEDULES[name]
  const care = CARES[name]
  test(`no ${name} that races an erasure brings a key back, in ${schedules} schedules`, {
    timeout: SLOW,
  }, async () => {
    const template = await makeTemplate()
    const met: Met = {}
    for (let first = 0; first < schedules; first += BATCH) {
      const lanes = createLanes()
      const data = copiedRows(template.rows)
      const racer = async (): Promise<Racer> => {
        const { store, die } = lanes.lane(memoryStore({ share: data }))
        const keys = template.kms.provider()
        return { opened: await openVault(store, { declared: policyOf(true), keys }), die }
      }
      const race: Race = { eraser: await racer(), carer: await racer(), data }
      for (const [at, id] of template.people.entries()) {
        const random = seeded(SEED + first + at)
        lanes.start(random)
        await run(race, { id, care, random, met, isLast: at === BATCH - 1 })
        lanes.stop()
      }
    }
    expect(met['erased']).toBeGreaterThan(schedules * 0.9)
    // Schedules of every kind were met: the care came first, in between, and too late.
    for (const outcome of ['done', 'erased', 'rewritten between'])
      expect([outcome, (met[outcome] ?? 0) > schedules / 100]).toEqual([outcome, true])
  })
}

interface Schedule {
  readonly id: string
  readonly care: (typeof CARES)['rewrap']
  readonly random: Seeded
  readonly met: Met
  readonly isLast: boolean
}

async function run({ eraser, carer, data }: Race, schedule: Schedule): Promise<void> {
  const { id, care, random, met, isLast } = schedule
  const key = eraser.opened.keyspace.person(id)
  const before = data.rows.get(key)
  // Its process dies half way, in the last of a batch: it is not used any more then.
  eraser.die(isLast ? 1 + random.below(40) : undefined)
  const erasing = eraser.opened.erasure
    .erase(id as never, { reason: 'subject_request' })
    .then(() => 'erased' as const)
  const caring = outcomeOf(care(carer.opened, id))
  const outcome = await caring
  const rewritten = data.rows.get(key)
  const erased = isLast ? await within(erasing, 2_000) : await erasing
  met[outcome] = (met[outcome] ?? 0) + 1
  if (erased === 'erased') met['erased'] = (met['erased'] ?? 0) + 1
  if (outcome === 'done' && rewritten !== before)
    met['rewritten between'] = (met['rewritten between'] ?? 0) + 1
  const again = await outcomeOf(care(carer.opened, id))
  const sections = decodeContainer(data.rows.get(key) ?? new Uint8Array(0)) ?? []
  if (erased === 'erased') {
    expect([id, again]).toEqual([id, 'erased'])
    expect(sections.map(({ kind }) => kind)).toEqual([SECTION.fence])
    const prefix = eraser.opened.keyspace.personRows(id)
    expect([...data.rows.keys()].filter((row) => row.startsWith(prefix))).toEqual([])
  } else if (sections[0]?.kind === SECTION.fence) expect(again).toBe('erased')
}

async function outcomeOf(caring: Promise<unknown>): Promise<string> {
  try {
    await caring
    return 'done'
  } catch (error) {
    if (isPrivityError(error) && GONE.has(error.code)) return error.code
    throw error
  }
}

/** Undefined for a process that died. */
async function within<T>(running: Promise<T>, turns: number): Promise<T | undefined> {
  let result: T | undefined
  running.then(
    (value) => {
      result = value
    },
    () => undefined,
  )
  for (let turn = 0; turn < turns && result === undefined; turn += 1)
    await new Promise((done) => setImmediate(done))
  return result
}
