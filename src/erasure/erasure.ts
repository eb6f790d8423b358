import * as z from 'zod/mini'
import { fromUtf8 } from '../base/bytes.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { randomId, type SubjectId } from '../base/id.ts'
import { parseInput } from '../base/parse.ts'
import { parseSubjectId } from '../subjects/write-options.ts'
import { countRows, listRows } from './inventory.ts'
import { addJob, findJob } from './job.ts'
import { type ErasurePlan, toPlan } from './plan.ts'
import { hookContexts } from './hook-context.ts'
import { planHooks } from './run-hooks.ts'
import { type ErasureDeps, proceed, type RunOptions } from './steps.ts'

/** Erases persons: keys, rows, lookups, and what hooks reach; ends in a signed certificate. */
export interface Erasure {
  /**
   * What an erasure would do; changes nothing but to remember the plan for 30 days.
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
  items: z.array(z.unknown()),
})
const ERASURE_ID = /^[0-9a-f]{32}$/

/** Erasure over a vault. */
export function createErasure(deps: ErasureDeps): Erasure {
  return {
    plan: (subjectId, ask) => plan(deps, subjectId, ask),
    run: (erasurePlan, options) => run(deps, erasurePlan, options),
    resume: (erasureId, options) => resume(deps, erasureId, options),
    erase: async (subjectId, ask) => run(deps, await plan(deps, subjectId, ask), undefined),
  }
}

async function plan(deps: ErasureDeps, subjectId: unknown, ask: unknown): Promise<ErasurePlan> {
  const { reason } = parseInput(eraseAsk, ask)
  const id = parseSubjectId(subjectId)
  const { vault, hooks } = deps
  const { people } = vault
  const { person } = await people.read(id)
  const erasureId = randomId()
  const contextOf = hookContexts(vault, {
    erasureId,
    subjectId: id,
    externalId: person.head.externalId,
    person,
    signal: undefined,
  })
  const planned = await planHooks(hooks, contextOf)
  const inventory = countRows(person, await listRows(people, person))
  const erasurePlan = toPlan(erasureId, { inventory, hooks: planned, reason })
  await addJob(people.deps, {
    erasureId,
    subjectId: id,
    reason,
    hash: erasurePlan.hash,
    items: erasurePlan.items,
    hooks: planned,
    plannedAt: people.deps.clock.now(),
    step: 'planned',
    done: [],
  })
  return erasurePlan
}

async function run(deps: ErasureDeps, erasurePlan: unknown, options: unknown): Promise<string> {
  const { erasureId, hash } = parseInput(planInput, erasurePlan)
  return goOn(deps, { erasureId, hash, options: parseRunOptions(options) })
}

async function resume(deps: ErasureDeps, erasureId: unknown, options: unknown): Promise<string> {
  if (typeof erasureId !== 'string') throw invalidInput(['erasureId'], 'not_a_string')
  return goOn(deps, { erasureId, hash: undefined, options: parseRunOptions(options) })
}

interface GoOn {
  readonly erasureId: string
  readonly hash: string | undefined
  readonly options: RunOptions
}

async function goOn(deps: ErasureDeps, { erasureId, hash, options }: GoOn): Promise<string> {
  const { deps: peopleDeps } = deps.vault.people
  const open = ERASURE_ID.test(erasureId) ? await findJob(peopleDeps, erasureId) : undefined
  if (open !== undefined) {
    // What is run is what was shown: a plan that was changed since is refused.
    if (hash !== undefined && hash !== open.job.hash)
      throw invalidInput(['plan', 'hash'], 'other_plan')
    return proceed(deps, open, options)
  }
  const certificate = ERASURE_ID.test(erasureId)
    ? await findCertificate(deps, erasureId)
    : undefined
  if (certificate === undefined) throw new PrivityError('not_found', { kind: 'erasure' })
  return certificate
}

async function findCertificate(
  { vault }: ErasureDeps,
  erasureId: string,
): Promise<string | undefined> {
  const { store, keyspace, controller } = vault.people.deps
  const key = keyspace.certificate(erasureId)
  const [sealed] = await store.read([key])
  return sealed === undefined ? undefined : fromUtf8(controller.open(key, sealed))
}

function parseRunOptions(options: unknown): RunOptions {
  const { signal, onProgress } = parseInput(runOptions, options ?? {})
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  }
}
