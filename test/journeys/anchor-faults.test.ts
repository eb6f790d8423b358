import { describe, expect, test } from 'vitest'
import { type Anchor, isPrivityError } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { type Fault, type FaultKind, faultyStore } from 'privity/testkit'
import { parseCheckpoint, verifyReceipt } from 'privity/verify'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  eagerClock,
  giveOnWeb,
  openAcme,
} from '../support/acme.ts'
import { ANCHOR_FAULTS, type AnchorFault, faultyAnchor } from '../support/faulty-anchor.ts'

/** What the app was told. */
interface Told {
  id: string | undefined
  readonly receipts: string[]
  /** `doubt`: the app does not know. */
  given: Outcome
  withdrawn: Outcome
  rotated: Outcome
  archive: number
}

type Outcome = 'no' | 'doubt' | 'yes'
type Marked = 'given' | 'withdrawn' | 'rotated'

interface Step {
  readonly marks?: Marked
  run(acme: Acme, told: Told): Promise<unknown>
}

const SLOW = 120_000
const FOREIGN = new RangeError('anna@example.com')
const NOBODY = '0'.repeat(32)

const register: Step = {
  run: async (acme, told) => {
    told.id = (await acme.subjects.register()).id
  },
}
const withdraw: Step = {
  marks: 'withdrawn',
  run: async (acme, told) => {
    const input = { purposes: ['marketing'] } as const
    const { receipt, outcomes } = await acme.consent.withdraw(told.id ?? NOBODY, input)
    // Nothing here contradicts the anchor, whatever goes wrong.
    expect(outcomes.map(({ effect }) => effect)).toEqual(['withdrawn'])
    told.receipts.push(receipt)
  },
}
const rotate: Step = { marks: 'rotated', run: (acme) => acme.ledger.rotateKeys() }
const close: Step = { run: (acme) => acme.close() }

const STORY: readonly Step[] = [
  register,
  {
    run: (acme, { id }) => accessorsOf(acme).support.contact.create(id ?? NOBODY, ANNA),
  },
  {
    marks: 'given',
    run: async (acme, told) => {
      told.receipts.push((await giveOnWeb(acme, told.id ?? NOBODY, ['marketing'])).receipt)
    },
  },
  withdraw,
  rotate,
  { run: (acme, { id }) => accessorsOf(acme).support.contact.read(id ?? NOBODY) },
  {
    run: async (acme, told) => {
      told.archive = (await collect(acme.ledger.export())).length
    },
  },
  close,
]

const SHARDED: readonly Step[] = [register, withdraw, rotate, register, withdraw, close]

function nothingTold(): Told {
  return { id: undefined, receipts: [], given: 'no', withdrawn: 'no', rotated: 'no', archive: 0 }
}

/** Plays to the end, whatever fails on the way: errors are typed, and say what they say. */
async function play(opening: Promise<Acme>, story: readonly Step[]): Promise<Told> {
  const told = nothingTold()
  const acme = await attempt(opening)
  if (acme === undefined) return told
  for (const step of story) {
    if (step !== close && step !== register && told.id === undefined) continue
    const outcome = await outcomeOf(step.run(acme, told))
    if (step.marks !== undefined) told[step.marks] = outcome
  }
  expect(acme.ledger.contradiction).toBeUndefined()
  return told
}

async function attempt<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (!isPrivityError(error)) throw error
    expect(`${error.message} ${JSON.stringify(error.details)}`).not.toContain('anna')
    expect(error.code).not.toBe('ledger_inconsistent')
    return undefined
  }
}

async function outcomeOf(call: Promise<unknown>): Promise<Outcome> {
  try {
    await call
    return 'yes'
  } catch (error) {
    if (!isPrivityError(error)) throw error
    expect(error.code).not.toBe('ledger_inconsistent')
    return error.code === 'outcome_unknown' ? 'doubt' : 'no'
  }
}

type LogPart = {
  readonly origin: string
  readonly index: number
  readonly size: number
  readonly leaf: string
}

/** A process without faults finds everything that was acknowledged, and nothing that cannot be. */
async function expectSound(
  share: ReturnType<typeof memoryData>,
  anchor: Anchor,
  told: Told,
): Promise<void> {
  const acme = await openAcme(memoryStore({ share }), { anchor, clock: eagerClock() })
  expect(acme.ledger.contradiction).toBeUndefined()
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  expect((await acme.ledger.checkpoint()).startsWith((await anchor.read()) ?? '-')).toBe(true)
  const { publicKeys } = acme.ledger
  for (const receipt of told.receipts) {
    const { ok, record } = await verifyReceipt(receipt, publicKeys)
    expect(ok).toBe(true)
    const { origin, index, size, leaf } = (record?.['log'] ?? {}) as unknown as LogPart
    if (origin !== acme.ledger.origin) continue
    const stored = await acme.ledger.inclusion(BigInt(index))
    expect(Buffer.from(stored.leaf).toString('base64url')).toBe(leaf)
    const anchored = parseCheckpoint((await anchor.read()) ?? '')?.size ?? 0n
    if (record?.['rollbackProtection'] === 'anchored') expect(anchored >= BigInt(size)).toBe(true)
  }
  const keys = publicKeys.jwks.keys.length
  expect(told.rotated === 'doubt' ? [1, 2] : [told.rotated === 'yes' ? 2 : 1]).toContain(keys)
  if (told.id !== undefined) await expectDecided(acme, told.id, told)
  await acme.close()
}

async function expectDecided(acme: Acme, id: string, { given, withdrawn }: Told): Promise<void> {
  const { state, permits } = await acme.consent.status(id, 'marketing')
  if (withdrawn === 'yes') expect([state, permits]).toEqual(['withdrawn', false])
  const before = given === 'yes' ? ['given'] : given === 'doubt' ? ['given', 'unknown'] : []
  if (withdrawn === 'doubt' && given !== 'no') expect([...before, 'withdrawn']).toContain(state)
  if (withdrawn === 'no' && given === 'yes') expect(state).toBe('given')
}

const KINDS: readonly (readonly [string, FaultKind, unknown?])[] = [
  ['is refused', 'before'],
  ['is carried out, but its answer is lost', 'after-applied'],
  ['is carried out, but throws something foreign', 'after-applied', FOREIGN],
  ['is not carried out, and throws something foreign', 'before', FOREIGN],
  ['is delivered twice', 'double-delivery'],
]

interface Variant {
  readonly story: readonly Step[]
  readonly shards?: number
}

/** One play with one fault of the store; resolves to whether it came that far. */
async function surviveStore(fault: Fault, { story, ...options }: Variant): Promise<boolean> {
  const share = memoryData()
  const store = faultyStore(memoryStore({ share }), [fault])
  const { anchor } = faultyAnchor()
  const told = await play(openAcme(store, { anchor, clock: eagerClock(), ...options }), story)
  await store.release()
  await expectSound(share, anchor, told)
  return store.calls.all >= fault.nth
}

async function surviveAnchor(
  fault: { readonly nth: number; readonly kind: AnchorFault },
  { story, ...options }: Variant,
): Promise<boolean> {
  const share = memoryData()
  const { anchor, inner, calls } = faultyAnchor(fault)
  const store = memoryStore({ share })
  const told = await play(openAcme(store, { anchor, clock: eagerClock(), ...options }), story)
  await expectSound(share, inner, told)
  return calls() >= fault.nth
}

/** Fault after fault, until one comes too late to be met. */
async function surviveEvery(survive: (nth: number) => Promise<boolean>): Promise<number> {
  for (let nth = 1; ; nth += 1) {
    try {
      if (!(await survive(nth))) return nth - 1
    } catch (failure) {
      throw new TypeError(`call ${nth}: ${String(failure)}`, { cause: failure })
    }
  }
}

test('without a fault the story is told as it was meant', async () => {
  const share = memoryData()
  const { anchor } = faultyAnchor()
  const told = await play(openAcme(memoryStore({ share }), { anchor }), STORY)
  expect(told).toMatchObject({ given: 'yes', withdrawn: 'yes', rotated: 'yes' })
  expect(told.archive).toBeGreaterThan(3)
  await expectSound(share, anchor, told)
})

describe('with an anchor, nothing acknowledged is lost and nobody is shut out', () => {
  test.for(KINDS)('when a call of the store %s', { timeout: SLOW }, async ([, kind, error]) => {
    const fault = { kind, ...(error === undefined ? {} : { error }) }
    const met = await surviveEvery((nth) => surviveStore({ nth, ...fault }, { story: STORY }))
    expect(met).toBeGreaterThan(40)
  })

  test.for(KINDS)(
    'when a call of the store %s, over two logs',
    { timeout: SLOW },
    async ([, kind, error]) => {
      const fault = { kind, ...(error === undefined ? {} : { error }) }
      const variant = { story: SHARDED, shards: 2 }
      const met = await surviveEvery((nth) => surviveStore({ nth, ...fault }, variant))
      expect(met).toBeGreaterThan(30)
    },
  )

  test.for(ANCHOR_FAULTS)('when a call of the anchor %s', { timeout: SLOW }, async (kind) => {
    const met = await surviveEvery((nth) => surviveAnchor({ nth, kind }, { story: STORY }))
    expect(met).toBeGreaterThan(8)
    const variant = { story: SHARDED, shards: 2 }
    expect(await surviveEvery((nth) => surviveAnchor({ nth, kind }, variant))).toBeGreaterThan(4)
  })
})
