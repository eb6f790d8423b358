import { sameBytes } from '../base/bytes.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import type { Vault } from '../vault/vault.ts'
import type { Certificates } from './certificate.ts'
import { certify } from './certify.ts'
import { destroyPerson, fencePerson, openFenced } from './destroy.ts'
import type { ErasureHook } from './hook.ts'
import { hookContexts } from './hook-context.ts'
import { countRows, listRows } from './inventory.ts'
import type { Inventory } from './plan.ts'
import { advanceJob, type Job, type OpenJob, planOf, saveJob, type Step } from './job.ts'
import { executeHooks, needsPlaintext, planHooks } from './run-hooks.ts'
import { incomplete, verifyErased } from './verify-erased.ts'

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
}

/** One step of an erasure: brings a job from the step that was finished last to the next. */
type StepRun = (deps: ErasureDeps, open: OpenJob, options: RunOptions) => Promise<OpenJob>

/** What follows on each step. Every one may be run again after a crash at any point. */
const NEXT: { readonly [S in Exclude<Step, 'verified'>]: StepRun } = {
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

/** One more than anybody needs who is not written all the time. */
const LOOKS = 50
/** Progress counts from the plan. */
const PLANNED = ORDER.indexOf('planned')

/** Runs the steps that are left; resolves to the certificate. */
export async function proceed(
  deps: ErasureDeps,
  start: OpenJob,
  options: RunOptions,
): Promise<string> {
  let open = start
  for (let step = open.job.step; step !== 'verified'; step = open.job.step) {
    options.signal?.throwIfAborted()
    open = await NEXT[step](deps, open, options)
    report(options, ORDER.indexOf(open.job.step))
  }
  const certificate = await certify(deps, open.job)
  report(options, ORDER.length)
  return certificate
}

/** Lists what there is and asks every hook; nothing is destroyed before all have answered. */
export async function planJob(deps: ErasureDeps, job: Job): Promise<Job> {
  const { vault, hooks } = deps
  const { people } = vault
  const { erasureId, subjectId } = job
  const { person, inventory } = await takeInventory(people, subjectId)
  const { externalId } = person.head
  const contexts = hookContexts(vault, {
    erasureId,
    subjectId,
    externalId,
    person,
    signal: undefined,
  })
  const planned = await planHooks(hooks, contexts)
  contexts.revoke()
  return { ...job, inventory, hooks: planned, step: 'planned' }
}

/** Rows are read after the document that says how to open them: what was written meanwhile is looked at again. */
async function takeInventory(
  people: People,
  subjectId: string,
): Promise<{ readonly person: Person; readonly inventory: Inventory }> {
  for (let look = 1; ; look += 1) {
    const { person } = await people.read(subjectId)
    try {
      return { person, inventory: countRows(person, await listRows(people, person)) }
    } catch (error) {
      const { person: now } = await people.read(subjectId)
      if (look === LOOKS || sameBytes(now.document, person.document)) throw error
    }
  }
}

/** What the app's callback throws is its own affair, and must not stop an erasure half way. */
function report({ onProgress }: RunOptions, done: number): void {
  try {
    onProgress?.(done - PLANNED, ORDER.length - PLANNED)
  } catch {
    return
  }
}

async function fence(deps: ErasureDeps, open: OpenJob): Promise<OpenJob> {
  const { people } = deps.vault
  await fencePerson(people, open.job, { reason: open.job.reason, planHash: planOf(open.job).hash })
  const person = await openFenced(people, open.job)
  const { externalId } = person?.head ?? {}
  return advanceJob(open, {
    step: 'fenced',
    startedAt: people.now(),
    ...(externalId === undefined ? {} : { externalId }),
  })
}

async function readHooks(deps: ErasureDeps, open: OpenJob, options: RunOptions): Promise<OpenJob> {
  const person = await openFenced(deps.vault.people, open.job)
  const hooks = deps.hooks.filter(needsPlaintext)
  return runHooks(deps, open, { signal: options.signal, person, hooks, step: 'read' })
}

async function destroy(deps: ErasureDeps, open: OpenJob): Promise<OpenJob> {
  const { people } = deps.vault
  const known = await destroyPerson(people, open)
  return advanceJob(known, { step: 'destroyed', destroyedAt: people.now() })
}

async function otherHooks(deps: ErasureDeps, open: OpenJob, options: RunOptions): Promise<OpenJob> {
  const hooks = deps.hooks.filter((hook) => !needsPlaintext(hook))
  return runHooks(deps, open, {
    signal: options.signal,
    person: undefined,
    hooks,
    step: 'notified',
  })
}

interface HookRun {
  readonly signal: AbortSignal | undefined
  readonly person: Person | undefined
  readonly hooks: readonly ErasureHook[]
  readonly step: Step
}

async function runHooks(
  deps: ErasureDeps,
  start: OpenJob,
  { signal, person, hooks, step }: HookRun,
): Promise<OpenJob> {
  const { people } = deps.vault
  const contexts = hookContexts(deps.vault, { ...contextOf(start.job), person, signal })
  let open = start
  const { failing } = await executeHooks(hooks, {
    planned: plannedFor(deps, start.job, { hooks, step }),
    done: new Set(start.job.done),
    contexts,
    onDone: async (item) => {
      open = await saveJob(people.deps, open, { done: [...open.job.done, item] })
    },
  })
  contexts.revoke()
  if (failing.length > 0) throw incomplete(open.job, failing)
  return advanceJob(open, { step })
}

/** A hook that was there when the plan was made and is gone now blocks, in the last of its chances. */
function plannedFor(
  { hooks: installed }: ErasureDeps,
  job: Job,
  { hooks, step }: Pick<HookRun, 'hooks' | 'step'>,
): Job['hooks'] {
  const ids = new Set(hooks.map(({ id }) => id))
  const known = new Set(installed.map(({ id }) => id))
  return job.hooks.filter(({ hook }) => ids.has(hook) || (step === 'notified' && !known.has(hook)))
}

function contextOf({ erasureId, subjectId, externalId }: Job): {
  readonly erasureId: string
  readonly subjectId: string
  readonly externalId: string | undefined
} {
  return { erasureId, subjectId, externalId }
}
