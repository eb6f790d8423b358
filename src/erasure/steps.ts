import { PrivityError } from '../base/errors.ts'
import { randomId } from '../base/id.ts'
import type { People } from '../subjects/people.ts'
import { isHeldByMember, isHeldWhole } from '../subjects/holds.ts'
import type { Person } from '../subjects/person.ts'
import type { Suppression } from '../subjects/suppression.ts'
import type { Vault } from '../vault/vault.ts'
import type { Certificates } from './certificate.ts'
import { certify } from './certify.ts'
import { destroyPerson, headsBehind, openFenced } from './destroy.ts'
import { fencePerson } from './fence-person.ts'
import type { ErasureHook } from './hook.ts'
import { hookContexts } from './hook-context.ts'
import { hookStep, needsPlaintext } from './hook-step.ts'
import { incomplete } from './incomplete.ts'
import { advanceJob, findJob, type Job, type OpenJob, planOf, saveJob, type Step } from './job.ts'
import { returnLease, takeLease } from './job-writer.ts'
import { requireKnownFloors } from './known-floors.ts'
import { eraseGroup, goOnWithGroup, type OtherErasures } from './erase-group.ts'
import { groupsOf, leaveGroups, type Leaving, unlinkGroups } from './leave-groups.ts'
import { liftFence } from './lift-fence.ts'
import { announceHooks, withoutWaiting } from './partial/announce.ts'
import type { PartialJob } from './partial/erase-selected.ts'
import { KEPT } from './partial/kept-group.ts'
import type { KeptOf } from './partial/look.ts'
import {
  assertNothingKept,
  beginPartial,
  isPartial,
  planPartialJob,
  runPartial,
} from './partial/partial-run.ts'
import { planHooks } from './plan-hooks.ts'
import { clearReferences, planReferences } from './references/references.ts'
import type { ErasureJournal } from './replay/erasure-journal.ts'
import { storeBegun } from './store-begun.ts'
import { type Taken, takeInventory } from './take-inventory.ts'
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
    await deps.journal?.end(open.job)
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
  return (await planOpen(deps, job)).job
}

/** The plan of a job that is not stored yet, with what was listed for it. */
export async function planOpen(deps: ErasureDeps, job: Job): Promise<OpenJob> {
  const isPart = job.scope !== undefined || job.partial !== undefined
  // One look at the person tells what there is, and what of it is kept.
  const taken = isPart ? undefined : await takeInventory(deps.vault.people, job)
  const partial = await planPartialJob(deps, job, taken?.person)
  if (partial !== undefined) return { job: await planReferences(deps, partial), sealed: undefined }
  const { listed, ...found } = taken ?? (await takeInventory(deps.vault.people, job))
  const planned = await planWhole(deps, job, found)
  return { job: planned, sealed: undefined, ...(listed === undefined ? {} : { listed }) }
}

async function planWhole(
  deps: ErasureDeps,
  job: Job,
  { person, inventory }: Pick<Taken, 'person' | 'inventory'>,
): Promise<Job> {
  const { vault, hooks } = deps
  const { erasureId, subjectId } = job
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
  const told = { ...remembered, ...groupsOf(job, person?.head) }
  return planReferences(deps, { ...job, ...told, inventory, hooks: planned, step: 'planned' })
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
  // Nothing was kept when it was planned just now, and behind the fence that is looked at again.
  if (open.sealed !== undefined) await assertNothingKept(deps, open)
  const { reason } = open.job
  const stored = await fencePerson(people, open, { reason, planHash: planOf(open.job).hash })
  const person = stored.person ?? (await openFenced(people, open.job))
  await assertStillFree(deps, open.job, person)
  const { externalId } = person?.head ?? {}
  const fenced: Partial<Job> = {
    step: 'fenced',
    startedAt: people.now(),
    ...(externalId === undefined ? {} : { externalId }),
    ...groupsOf(stored.job, person?.head),
  }
  return open.job.graceUntil === undefined
    ? advanceJob(stored, fenced)
    : storeFenced(people, stored, fenced)
}

/** What came to be kept up to the moment of the fence; behind it, nothing is written any more. */
async function assertStillFree(
  deps: ErasureDeps,
  job: Job,
  person: Person | undefined,
): Promise<void> {
  if (person === undefined || job.isReplayed === true) return
  const { people } = deps.vault
  const heads = await headsBehind(people, job, person)
  // Another process was faster, and has destroyed it all.
  if (heads === undefined) return
  const kept = deps.keptOf?.(person, heads) ?? []
  if (kept.length === 0 && !(await isHeldByMember(people, person.head))) return
  await liftFence(people, job)
  throw incomplete(job, [KEPT])
}

/** In the time of a grace, a hold on a member may have come: nobody could place it on the group, which has a fence. */
async function assertNoMemberHeldSince({ vault }: ErasureDeps, job: Job): Promise<void> {
  const { people } = vault
  const person = job.partial === undefined ? await openFenced(people, job) : undefined
  if (person !== undefined && (await isHeldByMember(people, person.head)))
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
  if (isRequested) await assertNoMemberHeldSince(deps, start.job)
  // Who took the lease cannot be cancelled any more: only then the journal is told.
  const open = isRequested ? await takeLease(people, start, holder) : await storeBegun(deps, start)
  // Another process is further already.
  if (open.job.step !== 'fenced') return open
  const told = await beginJournal(deps, open)
  const isNeeded = deps.hooks.some(needsPlaintext)
  const person = isNeeded ? await openForHooks(people, told) : undefined
  return withoutWaiting(people, told, () =>
    hookStep(deps, told, { step: 'read', person, holder, signal }),
  )
}

/** Of a part the journal is told as it goes; only what hooks are told comes first. */
async function beginJournal({ vault, journal }: ErasureDeps, open: OpenJob): Promise<OpenJob> {
  if (isPartial(open)) return announceHooks({ people: vault.people, journal }, open)
  await journal?.begin(open.job)
  return open
}

/** Before a person of whom a part is erased there is no fence. */
async function openForHooks(people: People, open: OpenJob): Promise<Person | undefined> {
  if (!isPartial(open)) return openFenced(people, open.job)
  return (await people.read(open.job.subjectId)).person
}

async function destroy(deps: ErasureDeps, start: OpenJob, options: Running): Promise<OpenJob> {
  const { people } = deps.vault
  const open = await clearReferences(deps, start, options.signal)
  if (isPartial(open)) return destroyPart(deps, open, options)
  await leaveGroups(leavingOf(deps, open.job, options))
  const known = await destroyPerson(people, open)
  return advanceJob(known, { step: 'destroyed', destroyedAt: people.now() })
}

/** Whoever is closed joins no group any more, and only then leaves: what stays of them keeps nobody else from theirs. */
async function destroyPart(
  deps: ErasureDeps,
  open: PartialJob,
  options: Running,
): Promise<OpenJob> {
  const { people } = deps.vault
  const done = await runPartial(deps, open, options.signal)
  if (open.job.partial.closes !== true) return done
  const { head } = (await people.read(open.job.subjectId)).person
  // A hold on everything of somebody is one on what is shared with them.
  if (isHeldWhole(head)) return done
  const known = advanceJob(done, groupsOf(done.job, head))
  const leaving = leavingOf(deps, known.job, options)
  await leaveGroups(leaving)
  await unlinkGroups(leaving)
  return known
}

function leavingOf(deps: ErasureDeps, member: Job, { signal }: Running): Leaving {
  const { people } = deps.vault
  const others: OtherErasures = {
    people,
    plan: (asked) => planJob(deps, asked),
    proceed: (open) => proceed(deps, open, signal === undefined ? {} : { signal }),
  }
  return {
    people,
    member,
    goOn: (groupId) => goOnWithGroup(others, member, groupId),
    eraseGroup: (groupId) => eraseGroup(others, member, groupId),
  }
}

async function otherHooks(deps: ErasureDeps, open: OpenJob, options: Running): Promise<OpenJob> {
  const { signal, holder } = options
  return hookStep(deps, open, { step: 'notified', person: undefined, holder, signal })
}
