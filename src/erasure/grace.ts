import * as z from 'zod/mini'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { randomId } from '../base/id.ts'
import { parseInput } from '../base/parse.ts'
import { addDuration, type Duration, type Instant, isDuration, toInstant } from '../base/time.ts'
import { afterConflicts } from '../base/tries.ts'
import type { People } from '../subjects/people.ts'
import { parseSubjectId } from '../subjects/write-options.ts'
import { endOf } from './end-of.ts'
import { findJob, type Job, type OpenJob, saveJob } from './job.ts'
import { liftFence } from './lift-fence.ts'
import { reasonWord } from './reason.ts'
import type { ErasureDeps } from './erasure-deps.ts'
import { fence } from './fence-step.ts'
import { findAsked, planAsked, planKept } from './plan-asked.ts'
import { stopped, stoppedAtFirst } from './stopped.ts'
import { storeAsked } from './store-asked.ts'

/** Why a person is erased, and how long that can be taken back. */
export interface RequestAsk {
  /** A word, not a sentence: it is in the certificate. E.g. `subject_request`. */
  readonly reason: string
  /** At most 30 days. */
  readonly grace: Duration
}

/** An erasure that can be cancelled. */
export interface RequestedErasure {
  /** For `cancel`, `resume` and `pending`. */
  readonly erasureId: string
  /** From then on it is carried out. */
  readonly dueAt: Instant
}

/** Beyond it, the month of Article 12(3) GDPR is over. */
const LONGEST_GRACE: Duration = { days: 30 }
const ATTEMPTS = 8
/** Steps in which nothing is destroyed. */
const WHOLE: ReadonlySet<Job['step']> = new Set(['asked', 'planned', 'fenced'])

const requestAsk = z.strictObject({
  reason: reasonWord,
  grace: z.custom<Duration>(isDuration),
})

/** Plans an erasure and puts the fence, and destroys nothing yet. */
export async function requestErasure(
  deps: ErasureDeps,
  subjectId: unknown,
  ask: unknown,
): Promise<RequestedErasure> {
  const { reason, grace } = parseInput(requestAsk, ask)
  const id = parseSubjectId(subjectId)
  const { people } = deps.vault
  const plannedAt = people.now()
  const graceUntil = addDuration(plannedAt, grace)
  if (graceUntil > addDuration(plannedAt, LONGEST_GRACE)) throw invalidInput(['grace'], 'too_big')
  const asked: Job = {
    erasureId: randomId(),
    subjectId: id,
    reason,
    hooks: [],
    plannedAt,
    step: 'asked',
    wanted: true,
    graceUntil,
  }
  const known = await findAsked(deps, asked)
  const { erasureId } =
    known?.job.step === 'asked'
      ? await requestAgain(deps, { ...known, job: { ...known.job, graceUntil } })
      : await requestFirst(deps, asked)
  return { erasureId, dueAt: toInstant(graceUntil) }
}

async function requestFirst(deps: ErasureDeps, asked: Job): Promise<Job> {
  const open = await storeAsked(deps, await planAsked(deps, asked))
  try {
    return (await fence(deps, open)).job
  } catch (error) {
    throw await stoppedAtFirst(deps.vault.people.deps, open, error)
  }
}

/** One that a hook could not plan before. */
async function requestAgain(deps: ErasureDeps, known: OpenJob): Promise<Job> {
  try {
    return (await fence(deps, await planKept(deps, known))).job
  } catch (error) {
    throw stopped(known.job, error)
  }
}

/** Lifts the fence of an erasure that has destroyed nothing yet, and forgets it. */
export async function cancelErasure({ vault }: ErasureDeps, erasureId: string): Promise<void> {
  const { people } = vault
  await afterConflicts(ATTEMPTS, async () => {
    const open = await requireCancellable(people, erasureId)
    // From here on nobody goes on with it, and whoever finds it goes on with cancelling it.
    const cancelled = await saveJob(people.deps, open, { step: 'cancelled' })
    await liftFence(people, cancelled.job)
  })
}

/** Ends the time in which an erasure can be cancelled. */
export async function endGrace({ deps, now }: People, open: OpenJob): Promise<OpenJob> {
  const { graceUntil } = open.job
  if (graceUntil === undefined || graceUntil <= now()) return open
  return saveJob(deps, open, { graceUntil: now() })
}

/** Whether an erasure has a fence and can still be cancelled, so that nothing may be destroyed. Pure. */
export function isInGrace({ step, graceUntil = 0 }: Job, now: number): boolean {
  return step === 'fenced' && now < graceUntil
}

async function requireCancellable(people: People, erasureId: string): Promise<OpenJob> {
  const open = await findJob(people.deps, erasureId)
  const end = await endOf(people.deps, erasureId)
  if (end === 'completed') throw tooLate(end)
  if (open === undefined || end === 'cancelled')
    throw new PrivityError('not_found', { kind: 'erasure' })
  const { step, graceUntil = 0, lease, destroyed, unplanned, isReplayed } = open.job
  if (step === 'cancelled') return open
  // Its hook may be gone for good; what the journal says was erased before goes in any case.
  if (step === 'asked' && unplanned !== undefined && isReplayed !== true) return open
  const isWhole = WHOLE.has(step) && lease === undefined && destroyed === undefined
  if (isWhole && people.now() < graceUntil) return open
  throw tooLate(step)
}

function tooLate(from: string): PrivityError {
  return new PrivityError('invalid_transition', { machine: 'erasure', from, event: 'cancel' })
}
