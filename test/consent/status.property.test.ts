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

const clock = eagerClock()

function openReal() {
  return createPrivity({
    policy,
    store: memoryStore(),
    keys: localKeys(SECRET),
    clock,
    audit: 'deferred',
  })
}

let privity: Awaited<ReturnType<typeof openReal>>

beforeAll(async () => {
  privity = await openReal()
})
afterAll(() => privity.close())

/** The world that runs share; the notices and the person are of each run. */
interface Model {
  readonly world: ModelWorld
  readonly person: ModelPerson
}

interface Real {
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
    await privity.consent.give(real.id, {
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
    const outcome = privity.consent.refuse(real.id, {
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
  return command(`withdraw ${fc.stringify(names)}`, async ({ world, person }, { id }) => {
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
  return privity.notices.publish({ id: real.noticeId, version, texts: { en: version }, change })
}

function pass(hours: number): Command {
  return command(`pass ${hours} hours`, async ({ world }) => {
    world.clock += hours * HOUR
    clock.set(world.clock)
  })
}

/** To the last moment of the consent that runs out first, or to the one after it. */
function passToExpiry(offset: 0 | -1): Command {
  return command(`pass to expiry ${offset}`, async ({ world, person }) => {
    const ends = CONSENTS.flatMap((name) => modelAnswer(world, person, name).validUntil ?? [])
    const next = ends.filter((end) => end > world.clock).toSorted((a, b) => a - b)[0]
    if (next === undefined) return
    world.clock = next + offset
    clock.set(world.clock)
  })
}

function setBack(days: number): Command {
  return command(`set the clock back ${days} days`, async ({ world }) => {
    world.clock -= days * 24 * HOUR
    clock.set(world.clock)
  })
}

function misuse(name: Exclude<Name, (typeof CONSENTS)[number]>): Command {
  return command(`give ${name}`, async (_, real) => {
    const [notice] = pickNotice(real, 0)
    const input = { purposes: [name], notice, method: { channel: 'phone' } } as const
    await expect(privity.consent.give(real.id, input)).rejects.toMatchObject({
      code: 'invalid_input',
      details: { issues: [{ path: ['purposes', 0], code: 'basis_is_not_consent' }] },
    })
  })
}

function read(purpose: Name): Command {
  return command(`read for ${purpose}`, async ({ world, person }, { id }) => {
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

/** Every purpose, through both questions that an app can ask. */
async function compare({ world, person }: Model, { id }: Real): Promise<void> {
  for (const purpose of NAMES) {
    const { state, reasons, since, validUntil } = modelAnswer(world, person, purpose)
    const permits = reasons.length === 0
    expect(await privity.consent.status(id, purpose)).toEqual({
      purpose,
      state,
      permits,
      ...(since === undefined ? {} : { since: toInstant(since) }),
      ...(validUntil === undefined ? {} : { validUntil: toInstant(validUntil) }),
    })
    const ask = { purpose, subjectId: id }
    expect(await privity.may({ ...ask, actor: STAFF })).toEqual({ allowed: permits, reasons })
    expect(await privity.may({ ...ask, actor: STRANGER })).toEqual({
      allowed: false,
      reasons: ['role', ...reasons],
    })
  }
}

const some = fc.subarray([...CONSENTS], { minLength: 1 })
const decision = fc.record({ purposes: some, version: fc.nat({ max: 20 }) })
const newest = fc.record({ purposes: some, version: fc.constant(-1) })

const commands = fc.commands(
  [
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
  ],
  { maxCommands: MAX_COMMANDS, size: 'max' },
)

function giveNewest(names: readonly Name[]): Command {
  return command(`give on the newest ${fc.stringify(names)}`, async ({ world, person }, real) => {
    const [notice, ordinal] = pickNotice(real, real.notices.length - 1)
    modelGive(world, person, { purposes: names, ordinal })
    const method = { channel: 'in_person' } as const
    await privity.consent.give(real.id, { purposes: names, notice, method })
  })
}

let runs = 0
const world: Pick<ModelWorld, 'clock' | 'latest'> = { clock: clock.now(), latest: 0 }

async function setup(): Promise<{ readonly model: Model; readonly real: Real }> {
  runs += 1
  // Each run starts when the one before has ended, whatever that did to the clock.
  world.clock = addDuration(Math.max(world.clock, world.latest), { hours: 1 })
  clock.set(world.clock)
  const { id } = await privity.subjects.register()
  await privity.accessor({ purpose: 'serve', actor: STAFF }).contact.create(id, { name: 'Anna' })
  const real: Real = { id, noticeId: `notice-${runs}`, notices: [] }
  real.notices.push(await publishVersion(real, 'material'))
  const model: Model = {
    person: { said: [] },
    world: {
      purposes: purposes as { readonly [name: string]: ModelPurpose },
      versions: ['material'],
      clock: world.clock,
      latest: world.clock,
    },
  }
  return { model, real }
}

test('consent is what the model says, whatever people do and the clock shows', {
  timeout: SLOW,
}, async () => {
  let played = 0
  await fc.assert(
    fc.asyncProperty(commands, async (sequence) => {
      const { model, real } = await setup()
      try {
        await fc.asyncModelRun(() => ({ model, real }), sequence)
      } finally {
        played += [...sequence].length
        world.clock = model.world.clock
        world.latest = model.world.latest
      }
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: false },
  )
  expect(played).toBeGreaterThan(RUNS * 20)
})
