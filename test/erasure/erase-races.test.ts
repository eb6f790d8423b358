import { expect, test } from 'vitest'
import { exportStore, importStore } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { verifyCertificate, verifyEvidence } from 'privity/verify'
import { accessorsOf, collect, openAcme } from '../support/acme.ts'
import { type EraseRace, openRace, type Racer } from '../support/erase-race.ts'
import { certifiedIn, eraseWatch } from '../support/erase-watch.ts'
import {
  type Calls,
  DECISIONS,
  LOOKS,
  readContact,
  READS,
  WRITES,
} from '../support/leaver-calls.ts'
import { type Leaver, type Leavers, makeLeavers, MARKER } from '../support/leavers.ts'
import { outcomeOf } from '../support/outcome-of.ts'
import { scaled } from '../support/scale.ts'
import { type Seeded, seeded } from '../support/seeded.ts'

const SLOW = scaled({ ci: 300_000, torture: 7_200_000 })
const SEED = 20_261_122
const ACME = { tenant: 'acme' } as const
const ASK = { reason: 'subject_request' } as const
const ENOUGH = 1_000
/** Longer than any process keeps the others from going on with its erasure, in milliseconds. */
const LATER = 600_000

/** One erasure of one person, and what runs beside it. */
interface Schedule {
  readonly race: EraseRace
  readonly who: Leaver
  readonly random: Seeded
  /** As they were handed out. */
  readonly certificates: string[]
  /** Erasures that had one before. */
  readonly before: ReadonlySet<string>
  /** How the calls ended. */
  readonly met: Set<string>
  /** Writes about the person that were acknowledged. */
  written: number
  /** Somebody was told that the person is erased: from then on everybody is. */
  isOver: boolean
  /** The app's own id may be that of somebody who came back. */
  isBack: boolean
  /** Who came back. */
  back: string | undefined
}

type Run = (schedule: Schedule) => Promise<unknown>

interface Kind {
  readonly run: Run
  readonly people: number
  /** Of each of them. */
  readonly tickets: number
  readonly ci: number
  readonly torture: number
  /** Ends that have to be met, if there are enough schedules. */
  readonly meets: readonly string[]
  /** Ends that have a cause in the stores. */
  readonly fails: readonly string[]
}

/** Calls of an erasure, by whether the keys are apart: all, and those from before to after its commits that destroy. */
const ALL = { together: [0, 24], apart: [0, 42] } as const
const MIDDLE = { together: [13, 20], apart: [26, 34] } as const

const DEAD = ['outcome_unknown', 'store_unavailable', 'write_conflict', 'erasure_incomplete']

/** What is dear to copy, or to export: with more rows than are deleted in one commit. */
const FEW = { people: 3, ci: 10 } as const
const MANY = { people: 2, tickets: 110, ci: 12 } as const
const KINDS: { readonly [name: string]: Kind } = {
  'a writer': kindOf(beside(write), ['done', 'erased']),
  'who decides about consent': kindOf(beside(decide), ['done', 'erased']),
  'who registers them again': kindOf(beside(register), ['done', 'already_exists', 'suppressed']),
  'a reader': { ...kindOf(beside(read), ['done', 'erased']), ...FEW },
  'a second eraser': kindOf(beside(eraseToo), ['certified', 'erased']),
  'many at once': kindOf(crowd, ['done', 'erased']),
  'a store being exported': { ...kindOf(beside(copy), ['copied']), ...FEW },
  'evidence being exported': { ...kindOf(beside(disclose), ['done', 'erased']), ...FEW },
  'a second eraser who dies': {
    ...kindOf(dieAmong(readElsewhere, ALL), ['certified', 'by work']),
    fails: DEAD,
  },
  'who registers them again in the middle': {
    ...kindOf(dieAmong(register, MIDDLE), ['certified']),
    ...MANY,
    fails: DEAD,
  },
  'a store that keeps a row': {
    ...kindOf(forget, ['certified', 'erasure_incomplete']),
    fails: ['erasure_incomplete', 'write_conflict'],
  },
}

function kindOf(run: Run, meets: readonly string[]): Kind {
  return { run, meets, fails: [], people: 20, tickets: 2, ci: 18, torture: 10_000 }
}

for (const isApart of [false, true]) {
  const where = isApart ? ', keys apart' : ''
  for (const [name, kind] of Object.entries(KINDS)) {
    const schedules = scaled(kind)
    test(`an erasure beside ${name} ends with nothing left${where}, in ${schedules} schedules`, {
      timeout: SLOW,
    }, async () => {
      const leavers = await leaversOf({ ...kind, isApart })
      const met = new Set<string>()
      for (let first = 0; first < schedules; first += kind.people)
        await runAll(leavers, { kind, first, met })
      // The order is chosen by the seed, but not how many calls there are to order: few may miss an end.
      if (schedules >= ENOUGH) expect([...met]).toEqual(expect.arrayContaining([...kind.meets]))
      const failed = DEAD.filter((end) => met.has(end))
      expect([...kind.fails]).toEqual(expect.arrayContaining(failed))
    })
  }
}

const made = new Map<string, Promise<Leavers>>()

/** Made once: every batch begins with copies of the rows. */
function leaversOf(options: Parameters<typeof makeLeavers>[0]): Promise<Leavers> {
  const { people, tickets, isApart } = options
  const name = [people, tickets, isApart].join()
  const leavers = made.get(name) ?? makeLeavers(options)
  made.set(name, leavers)
  return leavers
}

interface Batch {
  readonly kind: Kind
  readonly first: number
  readonly met: Set<string>
}

async function runAll(leavers: Leavers, { kind, first, met }: Batch): Promise<void> {
  const race = await openRace(leavers)
  for (const [at, who] of leavers.people.entries()) {
    const seed = SEED + first + at
    const random = seeded(seed)
    const schedule: Schedule = {
      ...{ race, who, random, met },
      ...{ certificates: [], before: new Set(certifiedIn(race.main)) },
      ...{ written: 0, isOver: false, isBack: false, back: undefined },
    }
    try {
      await runOne(schedule, kind)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
  // Who lost against another eraser is told here that nothing is to do.
  race.clock.advance(LATER)
  expect(await race.other.acme.erasure.work()).toMatchObject({ completed: 0, failed: 0 })
  for (const { acme } of [race.eraser, race.other]) {
    const left = await collect(accessorsOf(acme).support.contact.list())
    expect(left.map(({ subjectId }) => subjectId)).toEqual([leavers.stays.id])
    expect(await collect(acme.erasure.pending())).toEqual([])
  }
  expect(await race.other.acme.ledger.verify({ deep: true })).toMatchObject({
    ok: true,
    faults: [],
  })
  await race.eraser.acme.close()
  await race.other.acme.close()
}

async function runOne(schedule: Schedule, { run }: Kind): Promise<void> {
  const { race, who, random } = schedule
  const { watch, lanes } = race
  watch.follow(who)
  const bodies = watch.bodies()
  lanes.start(random)
  await run(schedule)
  lanes.stop()
  expect(watch.faults).toEqual([])
  // What was acknowledged was there before the fence, and nothing else was.
  expect(watch.behind?.bodies).toBe(bodies + schedule.written)
  await expectErased(schedule)
}

async function expectErased(schedule: Schedule): Promise<void> {
  const { race, who, certificates } = schedule
  const { watch, leavers } = race
  expectGone(schedule)
  expect(new Set(certificates).size).toBe(1)
  expect(certified(schedule)).toHaveLength(1)
  const { publicKeys } = race.other.acme.ledger
  const { ok, certificate } = await verifyCertificate(certificates[0] ?? '', publicKeys)
  expect(ok).toBe(true)
  expect(certificate).toMatchObject({ scope: 'all', subject: { ref: who.id }, result: 'completed' })
  const { keys, rows } = watch.behind ?? {}
  expect(certificate?.['totals']).toMatchObject({ keys, rows })
  expect(rows).toBeGreaterThan(0)
  for (const { acme } of [race.eraser, race.other]) {
    for (const calls of [READS, WRITES, DECISIONS])
      expect(await outcomeOf(oneOf(schedule, calls)({ acme, who, leavers }))).toBe('erased')
    expect(await collect(accessorsOf(acme).support.contact.find({ email: who.email }))).toEqual([])
    expect((await acme.subjects.find(idOf(who)))?.id).toBe(schedule.back)
  }
}

/** Nothing is left in the moment in which somebody is told so. */
function expectGone({ race, isBack }: Schedule): void {
  const left = race.watch.left().filter((row) => !isBack || !row.startsWith('u/'))
  expect(left).toEqual([])
}

function beside(run: Run): Run {
  return (schedule) => Promise.all([eraseBy(schedule, schedule.race.eraser), run(schedule)])
}

async function crowd(schedule: Schedule): Promise<void> {
  const others = [write, decide, readRecords, eraseToo, register]
  const some = others.filter(() => schedule.random.below(2) === 0)
  await Promise.all([eraseBy(schedule, schedule.race.eraser), ...some.map((run) => run(schedule))])
}

async function eraseBy(schedule: Schedule, { acme }: Racer): Promise<void> {
  const { who, random, met } = schedule
  const { erasure } = acme
  const erase =
    random.below(2) === 0
      ? () => erasure.erase(who.id, ASK)
      : async () => erasure.run(await erasure.plan(who.id, ASK))
  const outcome = await outcomeOf(erase().then((certificate) => keep(schedule, certificate)))
  met.add(outcome === 'done' ? 'certified' : outcome)
}

function keep(schedule: Schedule, certificate: string): void {
  schedule.isOver = true
  expectGone(schedule)
  schedule.certificates.push(certificate)
}

async function eraseToo(schedule: Schedule): Promise<void> {
  await Promise.all(someRacers(schedule).map((racer) => eraseBy(schedule, racer)))
}

/** Its stores fail from one call on, and come back when another one has done it. */
function dieAmong(others: Run, calls: typeof ALL | typeof MIDDLE): Run {
  return async (schedule) => {
    const { race, random } = schedule
    const { eraser, other } = race
    const [from, to] = race.keys === undefined ? calls.together : calls.apart
    eraser.health.left = from + random.below(to - from)
    eraser.health.losesAnswer = random.below(2) === 0
    const meanwhile = random.below(2) === 0 ? work : others
    await Promise.all([eraseBy(schedule, eraser), meanwhile(schedule)])
    await end(schedule)
    eraser.health.left = undefined
    expect(await outcomeOf(other.acme.erasure.erase(schedule.who.id, ASK))).toBe('erased')
  }
}

/** Deletes all rows of the person but one: no store of ours does, and nobody may be told that it is gone. */
async function forget(schedule: Schedule): Promise<void> {
  const { race, random, certificates } = schedule
  const { eraser, other, main, clock } = race
  eraser.health.forgets = random.below(1_000)
  const meanwhile = random.below(2) === 0 ? eraseToo : readElsewhere
  await Promise.all([eraseBy(schedule, eraser), meanwhile(schedule)])
  const { forgotten: kept = '' } = eraser.health
  Object.assign(eraser.health, { forgets: undefined, forgotten: undefined })
  if (kept === '') return
  clock.advance(LATER)
  expect(await other.acme.erasure.work()).toMatchObject({ completed: 0, incomplete: 1 })
  expect([certificates, certified(schedule)]).toEqual([[], []])
  main.rows.delete(kept)
  main.order.remove(kept)
  await end(schedule)
}

/** Another process goes on with what is left. */
async function end(schedule: Schedule): Promise<void> {
  const { race, random, certificates } = schedule
  const { other } = race
  const { erasure } = other.acme
  for (let attempt = 0; certificates.length === 0; attempt += 1) {
    expect(attempt).toBeLessThan(10)
    const [begun] = await collect(erasure.pending())
    // Its certificate may be there, and only the answer lost.
    const [ended] = certified(schedule)
    if (ended !== undefined) keep(schedule, await erasure.resume(ended))
    else if (begun === undefined) await eraseBy(schedule, other)
    else if (random.below(2) === 0) await work(schedule)
    else keep(schedule, await erasure.resume(begun.erasureId))
  }
}

/** Ids of erasures that were certified in this schedule. */
function certified({ race, before }: Schedule): readonly string[] {
  return certifiedIn(race.main).filter((id) => !before.has(id))
}

async function work(schedule: Schedule): Promise<void> {
  const { race, met } = schedule
  const { acme } = race.other
  race.clock.advance(LATER)
  const { completed, failed } = await acme.erasure.work()
  expect(failed).toBe(0)
  if (completed === 0) return
  expectGone(schedule)
  met.add('by work')
  for (const id of certified(schedule)) keep(schedule, await acme.erasure.resume(id))
}

async function write(schedule: Schedule): Promise<void> {
  await callBeside(schedule, {
    calls: WRITES,
    ends: ['done', 'erased', 'not_found', 'not_permitted'],
  })
}

async function decide(schedule: Schedule): Promise<void> {
  await callBeside(schedule, { calls: DECISIONS, ends: ['done', 'erased'] })
}

async function readRecords(schedule: Schedule, racers = someRacers(schedule)): Promise<void> {
  await callBeside(schedule, { calls: READS, ends: ['done', 'erased', 'not_permitted'], racers })
}

async function readElsewhere(schedule: Schedule): Promise<void> {
  await readRecords(schedule, [schedule.race.other])
}

async function read(schedule: Schedule): Promise<void> {
  await Promise.all([readRecords(schedule), look(schedule)])
}

interface Beside {
  readonly calls: Calls
  readonly racers?: readonly Racer[]
  readonly ends: readonly string[]
}

async function callBeside(schedule: Schedule, beside: Beside): Promise<void> {
  const { calls, ends, racers = someRacers(schedule) } = beside
  const { race, who, met } = schedule
  const { leavers } = race
  const callAll = async ({ acme }: Racer): Promise<void> => {
    for (let n = 0; n < 5; n += 1) {
      const isLate = schedule.isOver
      const outcome = await outcomeOf(oneOf(schedule, calls)({ acme, who, leavers }))
      expect(isLate ? ['erased'] : ends).toContain(outcome)
      if (outcome === 'erased') schedule.isOver = true
      if (outcome === 'done' && calls !== READS) schedule.written += 1
      met.add(outcome)
    }
  }
  await Promise.all(racers.map(callAll))
}

async function look(schedule: Schedule): Promise<void> {
  const { race, who } = schedule
  const [{ acme }] = someRacers(schedule)
  for (let n = 0; n < 3; n += 1) {
    const isLate = schedule.isOver
    const isSeen = await oneOf(schedule, LOOKS)({ acme, who, leavers: race.leavers })
    if (isLate) expect(isSeen).toBe(false)
    if (!isSeen) schedule.isOver = true
  }
}

/** The app's own id is free for nobody but who comes back knowingly, and only once it is over. */
async function register(schedule: Schedule): Promise<void> {
  const { race, who, random, met } = schedule
  const { subjects } = race.other.acme
  const again = idOf(who)
  for (let n = 0; n < 12; n += 1) {
    const isLate = schedule.certificates.length > 0
    const way = random.below(4)
    if (way === 0) {
      schedule.isBack = true
      const back = subjects.reauthorise({ ...again, reason: 'new_contract' }).then(({ id }) => {
        schedule.back = id
      })
      met.add(await outcomeOf(back))
    } else if (way === 1) {
      const found = await subjects.find(again)
      if (isLate) expect(found?.id).not.toBe(who.id)
      else if (!schedule.isBack) expect(found?.id ?? who.id).toBe(who.id)
    } else {
      const outcome = await outcomeOf(subjects.register(again))
      expect(outcome).toMatch(/^(already_exists|suppressed)$/)
      if (isLate && !schedule.isBack) expect(outcome).toBe('suppressed')
      met.add(outcome)
    }
  }
}

async function disclose(schedule: Schedule): Promise<void> {
  const { race, who, random, met } = schedule
  const { ledger } = race.other.acme
  for (let n = 0; n < 2; n += 1) {
    const [isLate, isTheirs] = [schedule.isOver, random.below(2) === 0]
    const chunks: Uint8Array[] = []
    const subjects = isTheirs ? [who.id] : [race.leavers.stays.id]
    const shown = random.below(2) === 0 ? {} : { disclose: ['controller'] as const }
    const take = async (): Promise<void> => {
      for await (const chunk of ledger.export({ subjects, ...shown })) chunks.push(chunk)
    }
    const outcome = await outcomeOf(take())
    expect(isTheirs ? ['done', 'erased'] : ['done']).toContain(outcome)
    if (isLate && isTheirs) expect(outcome).toBe('erased')
    const bytes = Buffer.concat(chunks)
    expect(bytes.includes(MARKER)).toBe(false)
    if (outcome === 'done')
      expect(await verifyEvidence(bytes, ledger.publicKeys)).toMatchObject({ ok: true })
    met.add(outcome)
  }
}

async function copy(schedule: Schedule): Promise<void> {
  const { race, random, met } = schedule
  const { store, keyStore } = race.other
  const stores = keyStore === undefined ? [store] : [store, keyStore]
  const order = random.below(2) === 0 ? stores : stores.toReversed()
  const copies = new Map<unknown, MemoryData>()
  for (const of of order) {
    const share = memoryData()
    for (let attempt = 0; attempt < 20 && !copies.has(of); attempt += 1) {
      const chunks: Uint8Array[] = []
      const take = async (): Promise<void> => {
        for await (const chunk of exportStore(of, ACME)) chunks.push(chunk)
      }
      const outcome = await outcomeOf(take())
      const bytes = Buffer.concat(chunks)
      expect(bytes.includes(MARKER)).toBe(false)
      const imported = await outcomeOf(importStore(memoryStore({ share }), from(bytes), ACME))
      expect([outcome, imported]).toEqual(
        outcome === 'done' ? ['done', 'done'] : ['write_conflict', 'store_corrupt'],
      )
      if (outcome === 'done') copies.set(of, share)
    }
  }
  if (copies.size < stores.length) return
  met.add('copied')
  await expectWhole(schedule, copies.get(store) ?? memoryData(), copies.get(keyStore))
}

/** Whatever the moment of it was, in a copy the person is there as a whole or not at all, and can be erased. */
async function expectWhole(
  { race, who }: Schedule,
  main: MemoryData,
  keys: MemoryData | undefined,
): Promise<void> {
  const watch = eraseWatch(main, keys)
  watch.follow(who)
  const apart = keys === undefined ? {} : { keyStore: memoryStore({ share: keys }) }
  const acme = await openAcme(memoryStore({ share: main }), { clock: race.clock, ...apart })
  if (keys === undefined)
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  expect(await outcomeOf(readContact({ acme, who }))).toMatch(/^(done|erased)$/)
  expect(await outcomeOf(acme.erasure.erase(who.id, ASK))).toMatch(/^(done|erased)$/)
  race.clock.advance(LATER)
  await acme.erasure.work()
  expect(watch.left()).toEqual([])
  await acme.close()
}

async function* from(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function idOf({ externalId }: Leaver): { readonly externalId: string } {
  return { externalId }
}

function oneOf<T>({ random }: Pick<Schedule, 'random'>, of: readonly T[]): T {
  return of[random.below(of.length)] as T
}

/** Another process, the one that erases, or both. */
function someRacers({ race, random }: Schedule): readonly [Racer, ...Racer[]] {
  const { eraser, other } = race
  return ([[other], [eraser], [other, eraser]] as const)[random.below(3)] ?? [other]
}
