import { addDuration, type Duration, isDuration } from '../base/time.ts'
import { hookBackoff } from './backoff.ts'
import { isWord } from './parse-hooks.ts'

/**
 * What became of one item of a hook; absent before it was tried. `started` is stored before the hook is
 * called: whoever finds it does not know whether the call had an effect.
 */
export type ItemState =
  | { readonly state: 'started'; readonly attempts: number }
  | { readonly state: 'done'; readonly attempts: number }
  /** Milliseconds since the epoch. */
  | { readonly state: 'waiting'; readonly attempts: number; readonly at: number }
  | { readonly state: 'dead'; readonly attempts: number; readonly ticket?: string }

/** What bounds the tries of an item. */
export interface Limits {
  readonly attempts: number
  /** Until when being asked to come back uses up no attempt; milliseconds since the epoch. */
  readonly patientUntil: number
}

/** What came of one try; nothing but the kind of an answer is looked at. */
export type TryOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'later'; readonly after: Duration }
  | { readonly kind: 'manual'; readonly ticket: string | undefined }
  /** `hung` did not answer at all. */
  | { readonly kind: 'failed'; readonly hung: boolean }

/** Longer is a mistake: the month of Art. 12(3) GDPR is over by then. */
const LONGEST_DELAY: Duration = { days: 30 }

/** Whether an item is to be tried now. Pure. */
export function isDue(state: ItemState | undefined, now: number): boolean {
  if (state === undefined || state.state === 'started') return true
  return state.state === 'waiting' && state.at <= now
}

/** The state that is stored before the hook is called. Pure. */
export function begin(state: ItemState | undefined): ItemState {
  return { state: 'started', attempts: (state?.attempts ?? 0) + 1 }
}

/** The state after a try, given the one stored before it. Pure but for the jitter. */
export function settle(
  { attempts }: ItemState,
  outcome: TryOutcome,
  { now, limits }: { readonly now: number; readonly limits: Limits },
): ItemState {
  if (outcome.kind === 'done') return { state: 'done', attempts }
  if (outcome.kind === 'manual') {
    const { ticket } = outcome
    return { state: 'dead', attempts, ...(ticket === undefined ? {} : { ticket }) }
  }
  if (outcome.kind === 'failed') return fail({ attempts, at: now + hookBackoff(attempts) }, limits)
  const at = addDuration(now, outcome.after)
  const latest = addDuration(now, LONGEST_DELAY)
  const waiting = { attempts, at: Math.min(at, latest) }
  if (now >= limits.patientUntil) return fail(waiting, limits)
  return { ...waiting, state: 'waiting', attempts: attempts - 1 }
}

/** The state of an item that was said to be done, and was found again. Pure but for the jitter. */
export function relapse(
  state: ItemState | undefined,
  { now, limits }: { readonly now: number; readonly limits: Limits },
): ItemState {
  const attempts = Math.max(1, state?.attempts ?? 1)
  return fail({ attempts, at: now + hookBackoff(attempts) }, limits)
}

/** Reads what a hook answered; anything that no hook may answer is a failure. */
export function readOutcome(answer: unknown): TryOutcome {
  if (answer === 'done' || answer === 'already_done') return { kind: 'done' }
  try {
    const { retryAfter, manual } = Object(answer) as { retryAfter?: unknown; manual?: unknown }
    if (isDuration(retryAfter)) return readDelay(retryAfter)
    if (manual !== undefined) return { kind: 'manual', ticket: isWord(manual) ? manual : undefined }
  } catch {
    // An accessor of the hook threw: what it threw goes no further.
  }
  return { kind: 'failed', hung: false }
}

/** Read once, and within what a calendar holds. */
function readDelay(retryAfter: Duration): TryOutcome {
  const after = { ...retryAfter }
  const isShort = Object.values(after).every((amount) => amount <= 1_000)
  return { kind: 'later', after: isShort && isDuration(after) ? after : LONGEST_DELAY }
}

function fail(
  { attempts, at }: { readonly attempts: number; readonly at: number },
  limits: Limits,
): ItemState {
  if (attempts >= limits.attempts) return { state: 'dead', attempts }
  return { state: 'waiting', attempts, at }
}
