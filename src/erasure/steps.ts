import { isPrivityError, PrivityError } from '../base/errors.ts'
import { randomId } from '../base/id.ts'
import { ignoreThrown } from '../base/ignore-thrown.ts'
import { isHeldWhole } from '../subjects/holds.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { certify, findCertificate } from './certify.ts'
import { destroyPerson, lookBehind, openFenced } from './destroy.ts'
import { eraseGroup, goOnWithGroup, type OtherErasures } from './erase-group.ts'
import { endOf } from './end-of.ts'
import type { ErasureDeps, RunOptions } from './erasure-deps.ts'
import { type FenceOptions, fence } from './fence-step.ts'
import { isInGrace } from './grace.ts'
import { hookStep, needsPlaintext } from './hook-step.ts'
import { incomplete } from './incomplete.ts'
import { advanceJob, type Job, type OpenJob, type Step } from './job.ts'
import { returnLease, takeLease } from './job-writer.ts'
import { groupsOf, leaveGroups, type Leaving, unlinkGroups } from './leave-groups.ts'
import { announceHooks, withoutWaiting } from './partial/announce.ts'
import { heldByMember, mayBeUnreadable, UNREADABLE } from './partial/kept-group.ts'
import { isPartial, type PartialJob } from './partial/partial-job.ts'
import { runPartial } from './partial/partial-run.ts'
import { planKept } from './plan-asked.ts'
import { replanKept } from './replan-kept.ts'
import { withInstalled } from './after-grace.ts'
import { planJob } from './plan-job.ts'
import { clearReferences } from './references/references.ts'
import { stopped } from './stopped.ts'
import { storeBegun } from './store-begun.ts'
import { verifyErased } from './verify-erased.ts'

/** How a run goes, and what is told of it. */
export interface ProceedOptions extends Pick<RunOptions, 'onProgress'> {
  readonly signal?: AbortSignal | undefined
  /** What is thrown where it stopped, with the job as it was then. Default: what stopped it. */
  readonly told?: (open: OpenJob, error: unknown) => unknown
}

/** One run, which keeps the lease of the hooks from one step to the next. */
interface Running extends Omit<ProceedOptions, 'told'>, FenceOptions {
  readonly holder: string
  /** What was finished before this run. */
  readonly began: Step
}

/** One step of an erasure: brings a job from the step that was finished last to the next. */
type StepRun = (deps: ErasureDeps, open: OpenJob, options: Running) => Promise<OpenJob>

/** What follows on each step. Every one may be run again after a crash at any point. */
const NEXT: { readonly [S in Exclude<Step, 'verified' | 'cancelled'>]: StepRun } = {
  asked: planKept,
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
  { told = closedOnTheWay, ...options }: ProceedOptions,
): Promise<string> {
  let open = start
  const onFenced = (fenced: OpenJob): void => {
    open = fenced
  }
  const running: Running = { ...options, onFenced, holder: randomId(), began: start.job.step }
  try {
    const known = await endedBefore(deps, start)
    if (known !== undefined) return known
    await tellAgain(deps, open)
    while (open.job.step !== 'verified') open = await takeStep(deps, open, running)
    await deps.journal?.confirm(open.job)
    const certificate = await certify(deps, open.job)
    await deps.journal?.end(open.job)
    report(options, ORDER.length)
    return certificate
  } catch (error) {
    // What has gone of a part is not said in the store before its certificate is.
    if (isPartial(open)) await deps.journal?.remember()
    // Whoever goes on need not wait until the lease has run out.
    await returnLease(deps.vault.people, start.job, running.holder)
    throw await told(open, error)
  }
}

/**
 * The certificate of an erasure that is at its end, whatever a row of its job says: somebody may have put that back, and
 * the person may have given data since.
 */
async function endedBefore(
  { vault }: ErasureDeps,
  { job, sealed }: OpenJob,
): Promise<string | undefined> {
  const { people } = vault
  // What is not stored yet is new.
  const end = sealed === undefined ? undefined : await endOf(people.deps, job.erasureId)
  if (end === 'cancelled') throw notNow('cancelled')
  return end === undefined ? undefined : findCertificate(people, job.erasureId)
}

/** Of whatever else stops it, whoever goes on with it by itself makes something of its own. */
function closedOnTheWay({ job }: OpenJob, error: unknown): unknown {
  return isPrivityError(error, 'store_closed') ? stopped(job, error) : error
}

async function takeStep(deps: ErasureDeps, open: OpenJob, running: Running): Promise<OpenJob> {
  const { step } = open.job
  running.signal?.throwIfAborted()
  if (step === 'verified') return open
  if (step === 'cancelled' || isInGrace(open.job, deps.vault.people.now())) throw notNow(step)
  const next = await NEXT[step](deps, open, running)
  report(running, ORDER.indexOf(next.job.step))
  return next
}

function notNow(step: Step): PrivityError {
  const from = step === 'cancelled' ? step : 'grace'
  return new PrivityError('invalid_transition', { machine: 'erasure', from, event: 'resume' })
}

function report({ onProgress }: Pick<RunOptions, 'onProgress'>, done: number): void {
  ignoreThrown(() => onProgress?.(Math.max(0, done - PLANNED), ORDER.length - PLANNED))
}

/** In the time of a grace, a hold on a member may have come: nobody could place it on the group, which has a fence. */
async function assertNoMemberHeldSince({ vault }: ErasureDeps, job: Job): Promise<void> {
  const { people } = vault
  if (job.partial !== undefined) return
  const behind = await lookBehind(people, job)
  // Whoever took the lease has looked.
  const isUnseen = job.lease === undefined && !mayBeUnreadable(job)
  if (behind === 'lost' && isUnseen) throw incomplete(job, [UNREADABLE])
  if (typeof behind === 'string') return
  const failing = await heldByMember(people, job, behind.head)
  if (failing !== undefined) throw incomplete(job, [failing])
}

async function readHooks(deps: ErasureDeps, start: OpenJob, options: Running): Promise<OpenJob> {
  const { signal, holder } = options
  const { people } = deps.vault
  // Days may have passed since somebody put the fence.
  const successor = options.began === 'fenced' ? await replanKept(deps, start) : undefined
  if (successor !== undefined) return successor
  const isRequested = start.job.graceUntil !== undefined
  if (isRequested) await assertNoMemberHeldSince(deps, start.job)
  // Who took the lease cannot be cancelled any more: only then the journal is told.
  const open = isRequested
    ? await takeLease(people, withInstalled(deps.hooks, start), holder)
    : await storeBegun(deps, start)
  // Another process is further already.
  if (open.job.step !== 'fenced') return tellAgain(deps, open)
  const told = await beginJournal(deps, open)
  const isNeeded = deps.hooks.some(needsPlaintext)
  const person = isNeeded ? await openForHooks(people, told) : undefined
  return withoutWaiting(people, told, () =>
    hookStep(deps, told, { step: 'read', person, holder, signal }),
  )
}

/** Another process told the journal: whoever destroys has to know that it is there, and in which place. */
async function tellAgain({ journal }: ErasureDeps, open: OpenJob): Promise<OpenJob> {
  if (open.job.step === 'read' && !isPartial(open)) await journal?.begin(open.job)
  return open
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
  const known = await destroyPerson(people, open, deps.journal?.seen)
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
    proceed: (open) => proceed(deps, open, { signal }),
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
