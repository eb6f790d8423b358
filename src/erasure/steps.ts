import { PrivityError } from '../base/errors.ts'
import { randomId } from '../base/id.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import type { Suppression } from '../subjects/suppression.ts'
import { readStillHeads } from '../vault/record-heads.ts'
import type { Vault } from '../vault/vault.ts'
import type { Certificates } from './certificate.ts'
import { certify } from './certify.ts'
import { destroyPerson, fencePerson, openFenced } from './destroy.ts'
import type { ErasureHook } from './hook.ts'
import { hookContexts } from './hook-context.ts'
import { hookStep, needsPlaintext } from './hook-step.ts'
import { incomplete } from './incomplete.ts'
import { advanceJob, findJob, type Job, type OpenJob, planOf, saveJob, type Step } from './job.ts'
import { returnLease, takeLease } from './job-writer.ts'
import { requireKnownFloors } from './known-floors.ts'
import { liftFence } from './lift-fence.ts'
import type { KeptOf } from './partial/look.ts'
import {
  assertNothingKept,
  beginPartial,
  isPartial,
  KEPT,
  planPartialJob,
  runPartial,
} from './partial/partial-run.ts'
import { planHooks } from './plan-hooks.ts'
import type { ErasureJournal } from './replay/erasure-journal.ts'
import { takeInventory } from './take-inventory.ts'
import { verifyErased } from './verify-erased.ts'

/** How a run is watched and stopped; what was done stays done. */
export interface RunOptions {
  /** Stops between two steps; `resume` goes on. */
  readonly signal?: AbortSignal
  /** Called after each step with how many are done. What it throws is ignored. */
  readonly onProgress?: (done: number, of: number) => void
}

/** What erasure needs. */
export interface ErasureDeps {
  readonly vault: Vault
  readonly hooks: readonly ErasureHook[]
  readonly certificates: Certificates
  /** Absent without a journal. */
  readonly journal?: ErasureJournal | undefined
  /** Absent where the app's own ids of erased people are not remembered. */
  readonly suppression?: Suppression | undefined
  /** What of a person may not be erased yet. Default: nothing. */
  readonly keptOf?: KeptOf | undefined
}

/** One run, which keeps the lease of the hooks from one step to the next. */
interface Running extends RunOptions {
  readonly holder: string
}

/** One step of an erasure: brings a job from the step that was finished last to the next. */
type StepRun = (deps: ErasureDeps, open: OpenJob, options: Running) => Promise<OpenJob>

/** What follows on each step. Every one may be run again after a crash at any point. */
const NEXT: { readonly [S in Exclude<Step, 'verified' | 'cancelled'>]: StepRun } = {
  asked: async (deps, open) => saveJob(deps.vault.people.deps, open, await planJob(deps, open.job)),
  planned: fence,
  fenced: readHooks,
  read: destroy,
  destroyed: otherHooks,
  notified: (deps, open, options) => verifyErased(deps, open, options.signal),
}
const ORDER: readonly Step[] = [
  'asked',
  'planned',
  'fenced',
  'read',
  'destroyed',
  'notified',
  'verified',
]

/** Progress counts from the plan. */
const PLANNED = ORDER.indexOf('planned')

/** Runs the steps that are left; resolves to the certificate. */
export async function proceed(
  deps: ErasureDeps,
  start: OpenJob,
  options: RunOptions,
): Promise<string> {
  const running: Running = { ...options, holder: randomId() }
  try {
    const open = await runSteps(deps, start, running)
    const certificate = await certify(deps, open.job)
    // Of a part of a person the journal was told nothing: it would bring about the erasure of all.
    if (!isPartial(open)) await deps.journal?.end(open.job)
    report(options, ORDER.length)
    return certificate
  } catch (error) {
    // Whoever goes on need not wait until the lease has run out.
    await returnLease(deps.vault.people, start.job, running.holder)
    throw error
  }
}

async function runSteps(deps: ErasureDeps, start: OpenJob, running: Running): Promise<OpenJob> {
  let open = start
  for (let step = open.job.step; step !== 'verified'; step = open.job.step) {
    running.signal?.throwIfAborted()
    if (step === 'cancelled' || isInGrace(open.job, deps.vault.people.now())) throw notNow(step)
    open = await NEXT[step](deps, open, running)
    report(running, ORDER.indexOf(open.job.step))
  }
  return open
}

/** Whether an erasure has a fence and can still be cancelled, so that nothing may be destroyed. Pure. */
export function isInGrace({ step, graceUntil = 0 }: Job, now: number): boolean {
  return step === 'fenced' && now < graceUntil
}

function notNow(step: Step): PrivityError {
  const from = step === 'cancelled' ? step : 'grace'
  return new PrivityError('invalid_transition', { machine: 'erasure', from, event: 'resume' })
}

/** Lists what there is and asks every hook; nothing is destroyed before all have answered. */
export async function planJob(deps: ErasureDeps, job: Job): Promise<Job> {
  const { vault, hooks } = deps
  const { people } = vault
  const partial = await planPartialJob(deps, job)
  if (partial !== undefined) return partial
  const { erasureId, subjectId } = job
  const { person, inventory } = await takeInventory(people, job)
  const { externalId } = person?.head ?? {}
  const contexts = hookContexts(vault, {
    erasureId,
    subjectId,
    externalId,
    person,
    signal: undefined,
  })
  const planned = await planHooks(hooks, contexts).finally(contexts.revoke)
  const suppress =
    externalId === undefined ? undefined : await deps.suppression?.tokenOf(externalId)
  const remembered = suppress === undefined ? {} : { suppress }
  return { ...job, ...remembered, inventory, hooks: planned, step: 'planned' }
}

/** What the app's callback throws is its own affair, and must not stop an erasure half way. */
function report({ onProgress }: RunOptions, done: number): void {
  try {
    onProgress?.(done - PLANNED, ORDER.length - PLANNED)
  } catch {
    return
  }
}

/** Puts the fence; stored at once where nothing follows for a time. */
export async function fence(deps: ErasureDeps, open: OpenJob): Promise<OpenJob> {
  const { people } = deps.vault
  if (isPartial(open)) return beginPartial(deps.vault, open)
  if (open.job.isReplayed !== true) await requireKnownFloors(deps.vault)
  await assertNothingKept(deps, open)
  await fencePerson(people, open.job, { reason: open.job.reason, planHash: planOf(open.job).hash })
  const person = await openFenced(people, open.job)
  await assertStillFree(deps, open.job, person)
  const { externalId } = person?.head ?? {}
  const fenced: Partial<Job> = {
    step: 'fenced',
    startedAt: people.now(),
    ...(externalId === undefined ? {} : { externalId }),
  }
  return open.job.graceUntil === undefined
    ? advanceJob(open, fenced)
    : storeFenced(people, open, fenced)
}

/** What came to be kept up to the moment of the fence; behind it, nothing is written any more. */
async function assertStillFree(
  deps: ErasureDeps,
  job: Job,
  person: Person | undefined,
): Promise<void> {
  if (person === undefined || job.isReplayed === true) return
  const { people } = deps.vault
  const kept = deps.keptOf?.(person, await readStillHeads(people, person)) ?? []
  if (kept.length === 0) return
  await liftFence(people, job)
  throw incomplete(job, [KEPT])
}

/** Nothing follows for a time. Who was cancelled meanwhile must not stay behind a fence that nobody knows of. */
async function storeFenced(people: People, open: OpenJob, fenced: Partial<Job>): Promise<OpenJob> {
  try {
    return await saveJob(people.deps, open, fenced)
  } catch (error) {
    const now = await findJob(people.deps, open.job.erasureId)
    if (now === undefined || now.job.step === 'cancelled') await liftFence(people, open.job)
    throw error
  }
}

async function readHooks(deps: ErasureDeps, start: OpenJob, options: Running): Promise<OpenJob> {
  const { signal, holder } = options
  const { people } = deps.vault
  const isRequested = start.job.graceUntil !== undefined
  // Who took the lease cannot be cancelled any more: only then the journal is told.
  const open = isRequested ? await takeLease(people, start, holder) : start
  if (!isPartial(open)) await deps.journal?.begin(open.job)
  const isNeeded = deps.hooks.some(needsPlaintext)
  const person = isNeeded ? await openForHooks(people, open) : undefined
  return hookStep(deps, open, { step: 'read', person, holder, signal })
}

/** Before a person of whom a part is erased there is no fence. */
async function openForHooks(people: People, open: OpenJob): Promise<Person | undefined> {
  if (!isPartial(open)) return openFenced(people, open.job)
  return (await people.read(open.job.subjectId)).person
}

async function destroy(deps: ErasureDeps, open: OpenJob, options: Running): Promise<OpenJob> {
  const { people } = deps.vault
  if (isPartial(open)) return runPartial(deps, open, options.signal)
  const known = await destroyPerson(people, open)
  return advanceJob(known, { step: 'destroyed', destroyedAt: people.now() })
}

async function otherHooks(deps: ErasureDeps, open: OpenJob, options: Running): Promise<OpenJob> {
  const { signal, holder } = options
  return hookStep(deps, open, { step: 'notified', person: undefined, holder, signal })
}
