import { expect, test } from 'vitest'
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, type Policy } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { toHex } from '../../src/base/bytes.ts'
import { createBlobs } from '../../src/blobs/blobs.ts'
import { targetsOf } from '../../src/vault/targets.ts'
import { resealPerson } from '../../src/rotation/reseal-person.ts'
import { rewrapPerson } from '../../src/rotation/rewrap.ts'
import { createAccessor } from '../../src/vault/accessor.ts'
import { controller, eagerClock } from '../support/acme.ts'
import { drain, inPieces } from '../support/byte-streams.ts'
import { copiedRows } from '../support/copied-rows.ts'
import { type EpochKeys, epochKeys } from '../support/epoch-keys.ts'
import { createLanes } from '../support/lanes.ts'
import { type OpenVault, openVault } from '../support/open-vault.ts'
import { outcomeOf } from '../support/outcome-of.ts'
import { scaled } from '../support/scale.ts'
import { type Seeded, seeded } from '../support/seeded.ts'

const SLOW = scaled({ ci: 300_000, torture: 3_600_000 })
/** What runs beside the erasure of some fields of the same person, and how often. */
const SIZES = [
  // In one commit.
  { notes: 3, people: 50, schedules: scaled({ ci: 100, torture: 10_000 }) },
  // In several: two keys of a class are in the ring for a time.
  { notes: 70, people: 4, schedules: scaled({ ci: 8, torture: 1_000 }) },
] as const
const SEED = 20_261_122
const actor = { id: 'staff:ida', roles: ['all'] }
const ASK = {
  reason: 'subject_request',
  scope: {
    records: [
      { record: 'contact', fields: ['phone'] },
      { record: 'note', fields: ['tag'] },
    ],
  },
}

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer' },
  billing: { basis: 'contract', description: 'Bill' },
})

/** Before, the address has a class of its own; after, it is with the rest. */
function policyOf(isNew: boolean): Policy<never, never> {
  const contact = defineRecord(purposes, ({ field }) => ({
    name: field(z.string(), { purposes: ['support'] }),
    phone: field(z.string().exactOptional(), { purposes: ['support'], lookup: 'exact' }),
    address: field(z.string(), { purposes: isNew ? ['support'] : ['billing', 'support'] }),
  }))
  const note = defineRecord(
    purposes,
    ({ field }) => ({
      text: field(z.string(), { purposes: ['support'] }),
      tag: field(z.string().exactOptional(), { purposes: ['support'], lookup: 'exact' }),
    }),
    { many: true },
  )
  const roles = { all: { purposes: ['support', 'billing'] } } as const
  return definePolicy({ controller, purposes, records: { contact, note }, roles }) as never
}

/** As far as the records of this test go. */
interface Support {
  readonly contact: {
    create(id: string, value: object): Promise<void>
    read(id: string): Promise<{ readonly [field: string]: unknown }>
    update(id: string, value: object): Promise<void>
  }
  readonly note: {
    create(id: string, value: object): Promise<{ readonly recordId: string }>
    read(id: string, recordId: string): Promise<{ readonly [field: string]: unknown }>
    update(id: string, recordId: string, value: object): Promise<void>
  }
}

type Size = (typeof SIZES)[number]

interface Someone {
  readonly id: string
  readonly notes: readonly string[]
}

interface Template {
  readonly rows: ReadonlyMap<string, Uint8Array>
  readonly people: readonly Someone[]
  readonly kms: EpochKeys
}

/** People whose keys are of an old epoch, and whose records are of an old layout. */
async function makeTemplate(size: Size): Promise<Template> {
  const kms = epochKeys()
  const data = memoryData()
  const open = (isNew: boolean) =>
    createPrivity({
      policy: policyOf(isNew),
      store: memoryStore({ share: data }),
      keys: kms.provider(),
      clock: eagerClock(),
    })
  const old = await open(false)
  const support = old.accessor({ purpose: 'support' as never, actor }) as never as Support
  const people: Someone[] = []
  for (let at = 0; at < size.people; at += 1) {
    const { id } = await old.subjects.register()
    await support.contact.create(id, { name: 'name', phone: `p${at}`, address: 'address' })
    const notes: string[] = []
    for (let n = 0; n < size.notes; n += 1)
      notes.push((await support.note.create(id, { text: 'text', tag: `g${n}` })).recordId)
    people.push({ id, notes })
  }
  await old.close()
  const next = await open(true)
  await next.keys.rotate()
  await next.close()
  return { rows: new Map(data.rows), people, kms }
}

function supportOf({ vault }: OpenVault): Support {
  return createAccessor(vault, { purpose: 'support', actor }) as never
}

/** What runs beside, on the same person. */
const BESIDE: { readonly [name: string]: (opened: OpenVault, who: Someone) => Promise<unknown> } = {
  write: async (opened, { id, notes }) => {
    const support = supportOf(opened)
    await support.contact.update(id, { name: 'new' })
    for (const note of notes) await support.note.update(id, note, { text: 'new' })
  },
  rewrap: ({ vault }, { id }) => rewrapPerson(vault.people, id),
  reseal: async ({ vault }, { id }) => {
    const { person } = await vault.people.read(id)
    await resealPerson({ vault, targets: targetsOf(vault), signal: undefined }, person)
  },
  read: async (opened, { id, notes }) => {
    const support = supportOf(opened)
    for (let n = 0; n < 4; n += 1) {
      expect(await support.contact.read(id)).toMatchObject({ name: 'name', address: 'address' })
      for (const note of notes)
        expect(await support.note.read(id, note)).toMatchObject({ text: 'text' })
    }
  },
  attachment: async (opened, { id }) => {
    const address = { purpose: 'support', actor, subjectId: id, record: 'contact', field: 'name' }
    const blobs = createBlobs(opened.vault) as never as Blobs
    const { blobId, sealed } = await blobs.seal(address, inPieces(new Uint8Array(9), 4))
    const bytes = await drain(sealed)
    // Whatever the erasure did before, meanwhile or since: what stays can be opened.
    ATTACHED.set(id, async () => {
      const open = await blobs.open({ ...address, blobId }, inPieces(bytes, 4))
      expect(await drain(open)).toHaveLength(9)
    })
  },
  'second partial erasure': ({ erasure }, { id }) => erasure.erase(id as never, ASK),
  'erasure of all': ({ erasure }, { id }) =>
    erasure.erase(id as never, { reason: 'subject_request' }),
}

const ATTACHED = new Map<string, () => Promise<void>>()

/** As far as this test goes. */
interface Blobs {
  seal(
    ask: object,
    source: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly blobId: string; readonly sealed: AsyncIterable<Uint8Array> }>
  open(ask: object, source: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>>
}

interface Race {
  readonly template: Template
  readonly data: MemoryData
  readonly eraser: Racer
  readonly other: Racer
}

interface Racer {
  readonly opened: OpenVault
  die(after: number | undefined): void
}

for (const size of SIZES) {
  for (const [name, beside] of Object.entries(BESIDE)) {
    const { schedules, notes } = size
    test(`no ${name} beside the erasure of fields of ${notes} records undoes or loses any, in ${schedules} schedules`, {
      timeout: SLOW,
    }, async () => {
      const template = await makeTemplate(size)
      for (let first = 0; first < schedules; first += size.people)
        await runAll(template, { name, beside, first })
    })
  }
}

interface Round {
  readonly name: string
  readonly beside: Schedule['beside']
  readonly first: number
}

async function runAll(template: Template, { name, beside, first }: Round): Promise<void> {
  const data = copiedRows(template.rows)
  const lanes = createLanes()
  const racer = async (): Promise<Racer> => {
    const { store, die } = lanes.lane(memoryStore({ share: data }))
    const keys = template.kms.provider()
    return { opened: await openVault(store, { declared: policyOf(true), keys }), die }
  }
  const race: Race = { template, data, eraser: await racer(), other: await racer() }
  const last = template.people.length - 1
  for (const [at, who] of template.people.entries()) {
    const random = seeded(SEED + first + at)
    lanes.start(random)
    await run(race, { who, name, beside, random, isLast: at === last })
    lanes.stop()
  }
  const privity = await reopen(race)
  expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await privity.close()
}

interface Schedule {
  readonly who: Someone
  readonly name: string
  readonly beside: (opened: OpenVault, who: Someone) => Promise<unknown>
  readonly random: Seeded
  readonly isLast: boolean
}

async function run(race: Race, { who, name, beside, random, isLast }: Schedule): Promise<void> {
  const { eraser, other, data } = race
  const { id } = who
  const before = await idsOf(eraser.opened, id)
  const { erasureId } = await eraser.opened.erasure.plan(id as never, ASK)
  // Its process dies half way, in the last of a batch: it is not used any more then.
  eraser.die(isLast ? 1 + random.below(30) : undefined)
  const erasing = outcomeOf(eraser.opened.erasure.resume(erasureId))
  const beside_ = outcomeOf(beside(other.opened, who))
  const outcome = await beside_
  expect([name, outcome]).toEqual([name, expect.stringMatching(/^(?:done|write_conflict)$/)])
  if (isLast) await turns(500)
  else expect(await erasing).toMatch(name === 'erasure of all' ? /^(?:done|erased)$/ : /^done$/)
  if (name === 'erasure of all') {
    const prefix = other.opened.keyspace.personRows(id)
    expect([...data.rows.keys()].filter((row) => row.startsWith(prefix))).toEqual([])
    return
  }
  // Another process goes on with what a dead one left.
  if (isLast) await resume(other.opened, erasureId)
  await expectErased(race, { who, name, before })
}

async function expectErased(
  { other }: Race,
  {
    who: { id, notes },
    name,
    before,
  }: { readonly who: Someone; readonly name: string; readonly before: ReadonlyMap<number, string> },
): Promise<void> {
  const support = supportOf(other.opened)
  const now = name === 'write' ? 'new' : undefined
  expect(await support.contact.read(id)).toEqual({ name: now ?? 'name', address: 'address' })
  for (const note of notes)
    expect(await support.note.read(id, note)).toEqual({ text: now ?? 'text' })
  await ATTACHED.get(id)?.()
  const after = await idsOf(other.opened, id)
  // An attachment that came first keeps its key.
  if (ATTACHED.delete(id)) return
  const { layouts } = other.opened.vault
  for (const key of ['contact:support', 'note:support']) {
    const accessClass = layouts.classOf(key)
    expect([key, after.get(accessClass)]).not.toEqual([key, before.get(accessClass)])
  }
}

/** Ids of the keys of a person, by class; each class has one. */
async function idsOf({ vault }: OpenVault, id: string): Promise<ReadonlyMap<number, string>> {
  const { person } = await vault.people.read(id)
  const ids = new Map(person.ring.map(({ accessClass, keyId }) => [accessClass, toHex(keyId)]))
  expect(ids.size).toBe(person.ring.length)
  return ids
}

function reopen({ template, data }: Race): ReturnType<typeof createPrivity> {
  return createPrivity({
    policy: policyOf(true),
    store: memoryStore({ share: data }),
    keys: template.kms.provider(),
    clock: eagerClock(),
  }) as never
}

/** One that is not dead yet may be faster, or be overtaken. */
async function resume(opened: OpenVault, erasureId: string): Promise<void> {
  let outcome = ''
  for (let attempt = 0; attempt < 50 && outcome !== 'done'; attempt += 1) {
    outcome = await outcomeOf(opened.erasure.resume(erasureId))
    if (outcome !== 'done') expect(outcome).toBe('write_conflict')
  }
  expect(outcome).toBe('done')
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((done) => setImmediate(done))
}
