import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { memoryStore } from '../../src/adapters/memory.ts'
import { isPrivityError } from '../../src/base/errors.ts'
import { addDuration, toInstant } from '../../src/base/time.ts'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  type NoticeRef,
} from '../../src/index.ts'
import { controller, eagerClock, SECRET } from '../support/acme.ts'
import {
  modelAnswer,
  modelGive,
  type ModelPerson,
  type ModelPurpose,
  modelRefuse,
  modelWithdraw,
  type ModelWorld,
} from '../support/consent-model.ts'

const RUNS = 1_000
const MAX_COMMANDS = 100
const SEED = 20_261_121
const SLOW = 180_000
const HOUR = 3_600_000

const description = 'Words for people'
const purposes = definePurposes({
  mail: { basis: 'consent', description, validFor: { days: 3 } },
  post: { basis: 'consent', description, validFor: { months: 1 } },
  study: { basis: 'consent', description },
  count: { basis: 'legitimate_interests', description },
  serve: { basis: 'contract', description },
  account: { basis: 'legal_obligation', description },
  rescue: { basis: 'vital_interests', description },
  govern: { basis: 'public_task', description },
})
type Name = keyof typeof purposes
const NAMES = Object.keys(purposes) as readonly Name[]
const CONSENTS = ['mail', 'post', 'study'] as const satisfies readonly Name[]

const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string(), {
    purposes: ['mail', 'post', 'study', 'count', 'serve', 'account', 'rescue', 'govern'],
  }),
}))
const policy = definePolicy({
  controller,
  purposes,
  records: { contact },
  roles: { staff: { purposes: NAMES } },
})
const STAFF = { id: 'staff:ida', roles: ['staff'] }
const STRANGER = { id: 'staff:zed', roles: ['guest'] }

/** Apps with a store and a clock of their own, so that runs can be played side by side. */
const LANES = 4

function openApp(clock: ReturnType<typeof eagerClock>) {
  const keys = localKeys(SECRET)
  return createPrivity({ policy, store: memoryStore(), keys, clock, audit: 'deferred' })
}

interface Lane {
  readonly privity: Awaited<ReturnType<typeof openApp>>
  readonly clock: ReturnType<typeof eagerClock>
  /** Time of the last operation of the runs before. */
  latest: number
  runs: number
}

let lanes: readonly Lane[] = []

beforeAll(async () => {
  lanes = await Promise.all(
    Array.from({ length: LANES }, async () => {
      const clock = eagerClock()
      return { privity: await openApp(clock), clock, latest: clock.now(), runs: 0 }
    }),
  )
})
afterAll(async () => {
  for (const { privity } of lanes) await privity.close()
})

function laneOf(index: number): Lane {
  const lane = lanes[index]
  if (lane === undefined) throw new TypeError('there is no such lane')
  return lane
}

interface Model {
  readonly world: ModelWorld
  readonly person: ModelPerson
}

interface Real extends Lane {
  readonly id: string
  readonly noticeId: string
  readonly notices: NoticeRef[]
}

type Command = fc.AsyncCommand<Model, Real>

function command(name: string, run: Command['run']): Command {
  return {
    check: () => true,
    run: async (model, real) => {
      await run(model, real)
      await compare(model, real)
    },
    toString: () => name,
  }
}

interface Decision {
  readonly purposes: readonly Name[]
  readonly version: number
}

/** A published version, and its place. */
function pickNotice({ notices }: Real, version: number): readonly [NoticeRef, number] {
  const ordinal = (version % notices.length) + 1
  const notice = notices[ordinal - 1]
  if (notice === undefined) throw new TypeError('no notice is published')
  return [notice, ordinal]
}

function give(decision: Decision): Command {
  return command(`give ${fc.stringify(decision)}`, async ({ world, person }, real) => {
    const [notice, ordinal] = pickNotice(real, decision.version)
    modelGive(world, person, { purposes: decision.purposes, ordinal })
    await real.privity.consent.give(real.id, {
      purposes: decision.purposes,
      notice,
      method: { channel: 'phone' },
    })
  })
}

function refuse(decision: Decision): Command {
  return command(`refuse ${fc.stringify(decision)}`, async ({ world, person }, real) => {
    const [notice, ordinal] = pickNotice(real, decision.version)
    const from = modelRefuse(world, person, { purposes: decision.purposes, ordinal })
    const outcome = real.privity.consent.refuse(real.id, {
      purposes: decision.purposes,
      notice,
      method: { channel: 'paper' },
    })
    if (from === undefined) return outcome
    await expect(outcome).rejects.toMatchObject({
      code: 'invalid_transition',
      details: { machine: 'consent', from, event: 'refuse' },
    })
  })
}

function withdraw(names: readonly Name[]): Command {
  return command(`withdraw ${fc.stringify(names)}`, async ({ world, person }, { id, privity }) => {
    modelWithdraw(world, person, names)
    const { outcomes } = await privity.consent.withdraw(id, { purposes: names })
    const effects = { consent: 'withdrawn', legitimate_interests: 'objected' }
    expect(outcomes).toEqual(
      names.map((purpose) => {
        const { basis } = purposes[purpose]
        return {
          purpose,
          basis,
          effect: basis in effects ? effects[basis as keyof typeof effects] : 'recorded',
        }
      }),
    )
  })
}

function publish(change: 'material' | 'editorial'): Command {
  return command(`publish ${change}`, async ({ world }, real) => {
    world.versions.push(change)
    real.notices.push(await publishVersion(real, change))
  })
}

function publishVersion(real: Real, change: 'material' | 'editorial'): Promise<NoticeRef> {
  const version = `v${real.notices.length + 1}`
  return real.privity.notices.publish({
    id: real.noticeId,
    version,
    texts: { en: version },
    change,
  })
}

function pass(hours: number): Command {
  return command(`pass ${hours} hours`, async ({ world }, { clock }) => {
    world.clock += hours * HOUR
    clock.set(world.clock)
  })
}

/** To the last moment of the consent that runs out first, or to the one after it. */
function passToExpiry(offset: 0 | -1): Command {
  return command(`pass to expiry ${offset}`, async ({ world, person }, { clock }) => {
    const ends = CONSENTS.flatMap((name) => modelAnswer(world, person, name).validUntil ?? [])
    const next = ends.filter((end) => end > world.clock).toSorted((a, b) => a - b)[0]
    if (next === undefined) return
    world.clock = next + offset
    clock.set(world.clock)
  })
}

function setBack(days: number): Command {
  return command(`set the clock back ${days} days`, async ({ world }, { clock }) => {
    world.clock -= days * 24 * HOUR
    clock.set(world.clock)
  })
}

function misuse(name: Exclude<Name, (typeof CONSENTS)[number]>): Command {
  return command(`give ${name}`, async (_, real) => {
    const [notice] = pickNotice(real, 0)
    const input = { purposes: [name], notice, method: { channel: 'phone' } } as const
    await expect(real.privity.consent.give(real.id, input)).rejects.toMatchObject({
      code: 'invalid_input',
      details: { issues: [{ path: ['purposes', 0], code: 'basis_is_not_consent' }] },
    })
  })
}

function read(purpose: Name): Command {
  return command(`read for ${purpose}`, async ({ world, person }, { id, privity }) => {
    const { reasons } = modelAnswer(world, person, purpose)
    const outcome = await privity
      .accessor({ purpose, actor: STAFF })
      .contact.read(id)
      .then(
        ({ name }) => name,
        (error: unknown) => error,
      )
    if (reasons.length === 0) return expect(outcome).toBe('Anna')
    expect(isPrivityError(outcome)).toBe(true)
    expect(outcome).toMatchObject({
      code: 'not_permitted',
      details: { purpose, reason: reasons[0], reasons },
    })
  })
}

/** The purposes that a person decides on, and one other, through both questions that an app can ask. */
async function compare({ world, person }: Model, { id, privity }: Real): Promise<void> {
  const other = NAMES[4 + (person.said.length % 4)] ?? 'serve'
  for (const purpose of ['mail', 'post', 'study', 'count', other] as const) {
    const { state, reasons, since, validUntil } = modelAnswer(world, person, purpose)
    const permits = reasons.length === 0
    const isStranger = purpose === other
    const wanted = {
      may: isStranger
        ? { allowed: false, reasons: ['role', ...reasons] }
        : { allowed: permits, reasons },
      status: {
        purpose,
        state,
        permits,
        ...(since === undefined ? {} : { since: toInstant(since) }),
        ...(validUntil === undefined ? {} : { validUntil: toInstant(validUntil) }),
      },
    }
    const seen = {
      may: await privity.may({ purpose, subjectId: id, actor: isStranger ? STRANGER : STAFF }),
      status: await privity.consent.status(id, purpose),
    }
    // A full comparison of everything that is alike takes longer than the rest of the run.
    if (JSON.stringify(seen) !== JSON.stringify(wanted)) expect(seen).toEqual(wanted)
  }
}

const some = fc.subarray([...CONSENTS], { minLength: 1 })
const decision = fc.record({ purposes: some, version: fc.nat({ max: 20 }) })
const newest = fc.record({ purposes: some, version: fc.constant(-1) })

const ALL = [
  decision.map(give),
  newest.map(({ purposes: names }) => giveNewest(names)),
  decision.map(refuse),
  fc.subarray([...NAMES], { minLength: 1, maxLength: 3 }).map(withdraw),
  fc.constantFrom('material' as const, 'editorial' as const).map(publish),
  fc.integer({ min: 1, max: 100 }).map(pass),
  fc.constantFrom(0 as const, -1 as const).map(passToExpiry),
  fc.integer({ min: 1, max: 40 }).map(setBack),
  fc.constantFrom('count' as const, 'serve' as const, 'govern' as const).map(misuse),
  fc.constantFrom(...NAMES).map(read),
  fc.constantFrom(...CONSENTS).map(read),
]

// Long stories find what short ones do not, and the other way round.
const commands = fc.oneof(
  { weight: 3, arbitrary: fc.commands(ALL, { maxCommands: 25, size: 'max' }) },
  { weight: 1, arbitrary: fc.commands(ALL, { maxCommands: MAX_COMMANDS, size: 'max' }) },
)

function giveNewest(names: readonly Name[]): Command {
  return command(`give on the newest ${fc.stringify(names)}`, async ({ world, person }, real) => {
    const [notice, ordinal] = pickNotice(real, real.notices.length - 1)
    modelGive(world, person, { purposes: names, ordinal })
    const method = { channel: 'in_person' } as const
    await real.privity.consent.give(real.id, { purposes: names, notice, method })
  })
}

async function setup(lane: Lane): Promise<{ readonly model: Model; readonly real: Real }> {
  const { privity, clock } = lane
  lane.runs += 1
  // Each run starts when the one before has ended, whatever that did to the clock.
  clock.set(addDuration(Math.max(clock.now(), lane.latest), { hours: 1 }))
  lane.latest = clock.now()
  const { id } = await privity.subjects.register()
  await privity.accessor({ purpose: 'serve', actor: STAFF }).contact.create(id, { name: 'Anna' })
  const real: Real = { ...lane, id, noticeId: `notice-${lane.runs}`, notices: [] }
  real.notices.push(await publishVersion(real, 'material'))
  const world: ModelWorld = {
    purposes: purposes as { readonly [name: string]: ModelPurpose },
    versions: ['material'],
    clock: clock.now(),
    latest: clock.now(),
  }
  return { model: { person: { said: [] }, world }, real }
}

async function play(lane: Lane, sequence: Iterable<Command>): Promise<void> {
  const { model, real } = await setup(lane)
  try {
    await fc.asyncModelRun(() => ({ model, real }), sequence)
  } finally {
    lane.latest = model.world.latest
  }
}

test('consent is what the model says, whatever people do and the clock shows', {
  timeout: SLOW,
}, async () => {
  let played = 0
  const sequences = fc.tuple(...Array.from({ length: LANES }, () => commands))
  await fc.assert(
    fc.asyncProperty(sequences, async (all) => {
      played += all.flatMap((sequence) => [...sequence]).length
      const outcomes = await Promise.allSettled(
        all.map((sequence, index) => play(laneOf(index), sequence)),
      )
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    }),
    { numRuns: RUNS / LANES, seed: SEED, endOnFailure: true },
  )
  expect(played).toBeGreaterThan(RUNS * 15)
})
