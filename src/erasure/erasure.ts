import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import { callback } from '../base/callback.ts'
import { canonicalJson } from '../base/canonical.ts'
import { invalidInput, isPrivityError, PrivityError } from '../base/errors.ts'
import { isId, randomId, type SubjectId } from '../base/id.ts'
import { parseOptions } from '../base/parse-options.ts'
import { parseInput } from '../base/parse.ts'
import { parseSubjectId } from '../subjects/write-options.ts'
import { findCertificate } from './certify.ts'
import {
  cancelErasure,
  endGrace,
  type RequestAsk,
  type RequestedErasure,
  requestErasure,
} from './grace.ts'
import { findJob, type Job, type OpenJob, planOf, saveJob } from './job.ts'
import { liftFence } from './lift-fence.ts'
import { type PendingErasure, pendingErasures } from './pending.ts'
import type { ErasurePlan } from './plan.ts'
import { reasonWord } from './reason.ts'
import { replayErasures } from './replay/replay.ts'
import { type RetryAsk, retryHook } from './retry.ts'
import { type ErasureScope, erasureScope, ruleOf } from './scope.ts'
import type { ErasureDeps, RunOptions } from './erasure-deps.ts'
import { findAsked, isKept, planAsked } from './plan-asked.ts'
import { proceed } from './steps.ts'
import { stopped, stoppedAgain, stoppedAtFirst } from './stopped.ts'
import { storeAsked } from './store-asked.ts'
import {
  type CertificatesOptions,
  type StoredCertificate,
  storedCertificates,
} from './stored-certificates.ts'
import { takeUp } from './take-up.ts'
import { type WorkCounts, type WorkOptions, workOnErasures } from './work.ts'

/** Erases persons: keys, rows, lookups, and what hooks reach; ends in a signed certificate. */
export interface Erasure {
  /**
   * What an erasure would do; changes nothing but to remember the plan.
   *
   * @throws {@link not_found} · @throws {@link erased} · @throws {@link erasure_incomplete} when a hook cannot plan
   */
  plan(subjectId: SubjectId, ask: EraseAsk): Promise<ErasurePlan>
  /**
   * Runs a plan; resolves to the certificate, a compact JWS.
   *
   * @throws {@link erasure_incomplete} naming what fails; {@link Erasure.resume} goes on
   */
  run(plan: ErasurePlan, options?: RunOptions): Promise<string>
  /** Goes on with an erasure that was interrupted or incomplete, in any process. */
  resume(erasureId: string, options?: Pick<RunOptions, 'signal'>): Promise<string>
  /** Plans and runs; one that was requested goes on at once. */
  erase(subjectId: SubjectId, ask: EraseAsk): Promise<string>
  /**
   * Plans an erasure that can be cancelled for a time. Nobody reads or writes the person from now on; what there is
   * is destroyed by `work` when the time is over.
   *
   * @throws {@link not_found} · @throws {@link erased}
   * @throws {@link erasure_incomplete} when a hook cannot plan: `work` asks it again, as does another call
   */
  request(subjectId: SubjectId, ask: RequestAsk): Promise<RequestedErasure>
  /**
   * Takes back an erasure that was requested, or that a hook could not plan: the person is as before.
   *
   * @throws {@link invalid_transition} once the time is over, or it is at work · @throws {@link not_found}
   */
  cancel(erasureId: string): Promise<void>
  /**
   * Certificates that were issued, also by sweeps, by `work`, and by a process that died before it could pass one
   * on. Reads every certificate of the store.
   *
   * @example
   * ```ts
   * for await (const { completedAt, certificate } of privity.erasure.certificates({ subjectId }))
   *   console.log(completedAt, certificate)
   * ```
   */
  certificates(options?: CertificatesOptions): AsyncIterable<StoredCertificate>
  /** Erasures that were begun and are not at their end. A row of one that does not open is told last, as an error. */
  pending(options?: { readonly signal?: AbortSignal }): AsyncIterable<PendingErasure>
  /**
   * Goes on with every erasure that is due now; one that cannot go on stops none of the others.
   *
   * @example
   * ```ts
   * const { completed, incomplete, failed } = await privity.erasure.work()
   * ```
   */
  work(options?: WorkOptions): Promise<WorkCounts>
  /**
   * Makes what a hook has left of an erasure due at once, also what was given up.
   *
   * @throws {@link not_found} when there is no such erasure, or the hook is not part of it
   */
  retry(erasureId: string, ask: RetryAsk): Promise<void>
  /**
   * Does again what the journal says was erased and a restored store lacks; resolves to a signed certificate, and
   * to nothing where nothing is lacking. Only then does the store open, for whoever opens it again.
   *
   * @throws {@link erasure_incomplete} when a hook fails: it opens, and `work` goes on with that erasure
   * @throws {@link journal_diverged} · @throws {@link not_supported} without a journal
   */
  replay(options?: RunOptions): Promise<string | undefined>
}

/** Why a person is erased. */
export interface EraseAsk {
  /** A word, not a sentence: it is in the certificate. E.g. `subject_request`. */
  readonly reason: string
  /** What of the person is erased; the person stays registered. Default: the whole person. */
  readonly scope?: ErasureScope
  /**
   * Erases what does not open as well: whoever asks has made sure that no hold, no law and no restriction keeps it,
   * since nobody can look any more. Default: such a person, or a group with such a member, is not erased.
   */
  readonly unreadable?: 'erase'
}

/** Something comes to be kept between each of them and its fence: somebody writes all the time. */
const MOST_PLANS = 8

const eraseAsk = z.strictObject({
  reason: reasonWord,
  scope: z.exactOptional(erasureScope),
  unreadable: z.exactOptional(z.literal('erase')),
})
const runOptions = z.strictObject({
  signal: abortSignal,
  onProgress: callback<RunOptions['onProgress']>(),
})
const planInput = z.strictObject({
  erasureId: z.string(),
  hash: z.string(),
  items: z.array(
    z.strictObject({
      what: z.string(),
      count: z.number(),
      action: z.string(),
      ground: z.exactOptional(z.string()),
      until: z.exactOptional(z.string()),
    }),
  ),
})

/** Erasure over a vault. */
export function createErasure(deps: ErasureDeps): Erasure {
  return {
    plan: (subjectId, ask) => plan(deps, subjectId, ask),
    run: (erasurePlan, options) => run(deps, erasurePlan, options),
    resume: (erasureId, options) => resume(deps, erasureId, options),
    erase: (subjectId, ask) => erase(deps, subjectId, ask),
    request: (subjectId, ask) => requestErasure(deps, subjectId, ask),
    cancel: async (erasureId) => cancelErasure(deps, parseErasureId(erasureId)),
    certificates: (options) => storedCertificates(deps.vault.people, options),
    pending: (options) => pendingErasures(deps, options),
    work: (options) => workOnErasures(deps, options),
    retry: async (erasureId, ask) =>
      retryHook(deps.vault.people.deps, parseErasureId(erasureId), ask),
    replay: (options) => replayErasures(deps, options),
  }
}

function parseErasureId(erasureId: unknown): string {
  if (typeof erasureId !== 'string') throw invalidInput(['erasureId'], 'not_a_string')
  if (!isId(erasureId)) throw new PrivityError('not_found', { kind: 'erasure' })
  return erasureId
}

async function plan(deps: ErasureDeps, subjectId: unknown, ask: unknown): Promise<ErasurePlan> {
  const { job } = await storeAsked(deps, await planAsked(deps, toAsked(deps, subjectId, ask)))
  return planOf(job)
}

function toAsked(deps: ErasureDeps, subjectId: unknown, ask: unknown): Job {
  const { reason, ...asked } = parseInput(eraseAsk, ask)
  const { scope } = asked
  const id = parseSubjectId(subjectId)
  const { people, policy } = deps.vault
  // A name that nobody declared is told before anything else.
  if (scope !== undefined) ruleOf(policy, scope)
  return {
    erasureId: randomId(),
    subjectId: id,
    reason,
    ...asked,
    hooks: [],
    plannedAt: people.now(),
    step: 'asked',
  }
}

/** Nobody was shown the plan: what came to be kept since it was made is in the next one. */
async function erase(deps: ErasureDeps, subjectId: unknown, ask: unknown): Promise<string> {
  for (let plans = 1; ; plans += 1) {
    try {
      return await eraseNow(deps, subjectId, ask)
    } catch (error) {
      if (!isKept(error) || plans === MOST_PLANS) throw error
    }
  }
}

/** Whose erasure was interrupted is erased by asking again: the fence says by which job. */
async function eraseNow(deps: ErasureDeps, subjectId: unknown, ask: unknown): Promise<string> {
  const { people } = deps.vault
  // `work` goes on with it, when the process that was asked does not.
  const asked: Job = { ...toAsked(deps, subjectId, ask), wanted: true }
  try {
    const known = await findAsked(deps, asked)
    return await (known === undefined ? eraseFirst(deps, asked) : eraseKnown(deps, known, asked))
  } catch (error) {
    // Whoever asked for a part does not go on with what somebody else began.
    if (!isPrivityError(error, 'erased') || asked.scope !== undefined) throw error
    const open = await takeUp(people, asked)
    if (open === undefined) throw error
    if (open.job.step !== 'cancelled') return eraseKnown(deps, open, asked)
    await liftFence(people, open.job)
    return eraseNow(deps, subjectId, ask)
  }
}

async function eraseFirst(deps: ErasureDeps, asked: Job): Promise<string> {
  const rows = deps.vault.people.deps
  const open = await planAsked(deps, asked)
  // Stored with its fence, which is one commit less; before a fence that is elsewhere, it has to speak for it.
  const isApart = rows.keyRows !== undefined || open.job.partial !== undefined
  return proceed(deps, isApart ? await storeAsked(deps, open) : open, {
    told: (stood, error) => stoppedAtFirst(rows, stood, error),
  })
}

async function eraseKnown(deps: ErasureDeps, known: OpenJob, asked: Job): Promise<string> {
  const { people } = deps.vault
  const { unreadable } = asked
  try {
    const open = await endGrace(people, known)
    // Said now of what was asked for before.
    const isNew = unreadable !== undefined && open.job.unreadable === undefined
    return await proceed(deps, isNew ? await saveJob(people.deps, open, { unreadable }) : open, {})
  } catch (error) {
    throw stopped(known.job, error)
  }
}

async function run(deps: ErasureDeps, erasurePlan: unknown, options: unknown): Promise<string> {
  const shown = parseInput(planInput, erasurePlan) as ErasurePlan
  return goOn(deps, {
    erasureId: shown.erasureId,
    shown,
    options: parseOptions(runOptions, options),
  })
}

async function resume(deps: ErasureDeps, erasureId: unknown, options: unknown): Promise<string> {
  if (typeof erasureId !== 'string') throw invalidInput(['erasureId'], 'not_a_string')
  return goOn(deps, { erasureId, shown: undefined, options: parseOptions(runOptions, options) })
}

interface GoOn {
  readonly erasureId: string
  readonly shown: ErasurePlan | undefined
  readonly options: RunOptions
}

async function goOn(deps: ErasureDeps, { erasureId, shown, options }: GoOn): Promise<string> {
  const { people } = deps.vault
  if (!isId(erasureId)) throw new PrivityError('not_found', { kind: 'erasure' })
  const open = await findJob(people.deps, erasureId)
  if (open !== undefined) {
    if (shown !== undefined) requireSame(planOf(open.job), shown)
    return proceed(deps, open, { ...options, told: stoppedAgain })
  }
  const certificate = await findCertificate(people, erasureId)
  if (certificate === undefined) throw new PrivityError('not_found', { kind: 'erasure' })
  return certificate
}

/** What is run is what was shown: a plan that was changed since is refused. */
function requireSame(plan: ErasurePlan, shown: ErasurePlan): void {
  if (plan.hash !== shown.hash) throw invalidInput(['plan', 'hash'], 'other_plan')
  if (canonicalJson(plan.items) !== canonicalJson(shown.items))
    throw invalidInput(['plan', 'items'], 'other_plan')
}
