import { addDuration, type Duration } from '../../src/base/time.ts'
import type { DenialReason } from '../../src/base/errors.ts'
import type { LegalBasis } from '../../src/policy/legal-basis.ts'

/**
 * What consent means, written down once more: every decision is kept, and every question is answered
 * by looking through all of them. It shares no rule with src/consent.
 */
export interface ModelPurpose {
  readonly basis: LegalBasis
  readonly validFor?: Duration
}

/** One thing that a person said about one purpose. */
interface Said {
  readonly word: 'yes' | 'no' | 'withdrawn'
  readonly purpose: string
  readonly at: number
  readonly until: number | undefined
  /** Position of the notice among its versions, from 1. */
  readonly ordinal: number
}

export interface ModelPerson {
  readonly said: Said[]
}

/** What all people share: the time, and the versions of the notice. */
export interface ModelWorld {
  readonly purposes: { readonly [name: string]: ModelPurpose }
  readonly versions: ('material' | 'editorial')[]
  clock: number
  /** Time of the last operation: a clock that was set back does not undo it. */
  latest: number
}

export type ModelState = 'unknown' | 'given' | 'renewed' | 'refused' | 'withdrawn' | 'expired'

/** The answer of the model about one purpose. */
export interface ModelAnswer {
  readonly state: ModelState
  readonly reasons: readonly DenialReason[]
  readonly since: number | undefined
  readonly validUntil: number | undefined
}

function modelNow({ clock, latest }: ModelWorld): number {
  return Math.max(clock, latest)
}

/** The person says yes; undefined, or the state from which that is impossible. */
export function modelGive(
  world: ModelWorld,
  person: ModelPerson,
  { purposes, ordinal }: { readonly purposes: readonly string[]; readonly ordinal: number },
): void {
  const at = modelNow(world)
  for (const purpose of purposes) {
    const validFor = world.purposes[purpose]?.validFor
    const until = validFor === undefined ? undefined : addDuration(at, validFor)
    person.said.push({ word: 'yes', purpose, at, until, ordinal })
  }
  world.latest = at
}

/** The person says no when asked; the state from which that is impossible, if it is. */
export function modelRefuse(
  world: ModelWorld,
  person: ModelPerson,
  { purposes, ordinal }: { readonly purposes: readonly string[]; readonly ordinal: number },
): ModelState | undefined {
  const at = modelNow(world)
  for (const purpose of purposes) {
    const { state } = modelAnswer(world, person, purpose)
    // Whoever said yes is not asked again: they withdraw.
    if (state === 'given' || state === 'renewed') return state
  }
  for (const purpose of purposes)
    person.said.push({ word: 'no', purpose, at, until: undefined, ordinal })
  world.latest = at
  return undefined
}

export function modelWithdraw(
  world: ModelWorld,
  person: ModelPerson,
  purposes: readonly string[],
): void {
  const at = modelNow(world)
  for (const purpose of purposes)
    person.said.push({ word: 'withdrawn', purpose, at, until: undefined, ordinal: 0 })
  world.latest = at
}

export function modelAnswer(world: ModelWorld, person: ModelPerson, purpose: string): ModelAnswer {
  const basis = world.purposes[purpose]?.basis
  const said = person.said.filter((it) => it.purpose === purpose)
  if (basis === 'consent') return consentAnswer(world, said)
  const objection = basis === 'legitimate_interests' ? said.at(-1) : undefined
  return {
    state: objection === undefined ? 'unknown' : 'withdrawn',
    reasons: objection === undefined ? [] : ['objected'],
    since: objection === undefined ? undefined : sinceOf(said),
    validUntil: undefined,
  }
}

function consentAnswer(world: ModelWorld, said: readonly Said[]): ModelAnswer {
  const last = said.at(-1)
  const now = modelNow(world)
  const state = stateOf(said, now)
  const newest = world.versions.lastIndexOf('material') + 1
  const isStale = (last?.ordinal ?? 0) < newest
  const isYes = state === 'given' || state === 'renewed'
  const reasons: DenialReason[] = []
  if (state === 'unknown') reasons.push('not_asked')
  else if (!isYes) reasons.push(state)
  else if (isStale) reasons.push('stale_notice')
  return { state, reasons, since: sinceOf(said), validUntil: last?.until }
}

/** What was taken back once is taken back since then, however often that is said again. */
function sinceOf(said: readonly Said[]): number | undefined {
  const last = said.at(-1)
  const before = said.at(-2)
  const isAgain = last?.word === 'withdrawn' && before?.word === 'withdrawn'
  return isAgain ? sinceOf(said.slice(0, -1)) : last?.at
}

function stateOf(said: readonly Said[], now: number): ModelState {
  const last = said.at(-1)
  if (last === undefined) return 'unknown'
  if (last.word === 'no') return 'refused'
  if (last.word === 'withdrawn') return 'withdrawn'
  if (last.until !== undefined && now >= last.until) return 'expired'
  // A yes renews one that was still alive when it came.
  const before = stateOf(said.slice(0, -1), last.at)
  return before === 'given' || before === 'renewed' ? 'renewed' : 'given'
}
