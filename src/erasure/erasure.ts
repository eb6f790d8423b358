import * as z from 'zod/mini'
import { canonicalJson } from '../base/canonical.ts'
import { invalidInput, isPrivityError, PrivityError } from '../base/errors.ts'
import { isId, randomId, type SubjectId } from '../base/id.ts'
import { parseInput } from '../base/parse.ts'
import { parseSubjectId } from '../subjects/write-options.ts'
import { findCertificate } from './certify.ts'
import { readFence } from './fence.ts'
import { keyFence } from './fence-keys.ts'
import { addJob, findJob, type Job, planOf } from './job.ts'
import type { ErasurePlan } from './plan.ts'
import { type ErasureDeps, planJob, proceed, type RunOptions } from './steps.ts'

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
  /** Plans and runs. */
  erase(subjectId: SubjectId, ask: EraseAsk): Promise<string>
}

/** Why a person is erased. */
export interface EraseAsk {
  /** A word, not a sentence: it is in the certificate. E.g. `subject_request`. */
  readonly reason: string
}

const eraseAsk = z.strictObject({
  reason: z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._:()-]{0,63}$/)),
})
const runOptions = z.strictObject({
  signal: z.optional(z.custom<AbortSignal>((value) => value instanceof AbortSignal)),
  onProgress: z.optional(
    z.custom<NonNullable<RunOptions['onProgress']>>((value) => typeof value === 'function'),
  ),
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
  }
}

async function plan(deps: ErasureDeps, subjectId: unknown, ask: unknown): Promise<ErasurePlan> {
  const { reason } = parseInput(eraseAsk, ask)
  const id = parseSubjectId(subjectId)
  const { people } = deps.vault
  const asked: Job = {
    erasureId: randomId(),
    subjectId: id,
    reason,
    hooks: [],
    plannedAt: people.now(),
    step: 'asked',
    done: [],
  }
  try {
    const planned = await planJob(deps, asked)
    await addJob(people.deps, planned)
    return planOf(planned)
  } catch (error) {
    // What could not be planned can be resumed, once the hook that failed is back.
    if (isPrivityError(error, 'erasure_incomplete')) await addJob(people.deps, asked)
    throw error
  }
}

/** Whose erasure was interrupted is erased by asking again: the fence says by which job. */
async function erase(deps: ErasureDeps, subjectId: unknown, ask: unknown): Promise<string> {
  try {
    return await run(deps, await plan(deps, subjectId, ask), undefined)
  } catch (error) {
    const open = isPrivityError(error, 'erased') ? await findBegun(deps, subjectId) : undefined
    if (open === undefined) throw error
    return proceed(deps, open, {})
  }
}

async function findBegun(
  { vault }: ErasureDeps,
  subjectId: unknown,
): Promise<Awaited<ReturnType<typeof findJob>>> {
  const { deps } = vault.people
  const id = parseSubjectId(subjectId)
  const [document] = await deps.store.read([deps.keyspace.person(id)])
  const fenced = document === undefined ? undefined : readFence(deps, id, document)
  // One that got no further has a fence before the keys alone.
  const fence = fenced?.fence ?? (await keyFence(deps, id))
  return fence === undefined ? undefined : findJob(deps, fence.erasureId)
}

async function run(deps: ErasureDeps, erasurePlan: unknown, options: unknown): Promise<string> {
  const shown = parseInput(planInput, erasurePlan) as ErasurePlan
  return goOn(deps, { erasureId: shown.erasureId, shown, options: parseRunOptions(options) })
}

async function resume(deps: ErasureDeps, erasureId: unknown, options: unknown): Promise<string> {
  if (typeof erasureId !== 'string') throw invalidInput(['erasureId'], 'not_a_string')
  return goOn(deps, { erasureId, shown: undefined, options: parseRunOptions(options) })
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
    return proceed(deps, open, options)
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

function parseRunOptions(options: unknown): RunOptions {
  const { signal, onProgress } = parseInput(runOptions, options === undefined ? {} : options)
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  }
}
