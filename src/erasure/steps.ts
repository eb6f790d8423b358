import { toBase64url, utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { sha256 } from '../crypto/hash.ts'
import type { ControllerEntry } from '../ledger/entry.ts'
import type { Person } from '../subjects/person.ts'
import type { Vault } from '../vault/vault.ts'
import { destroyRows, fencePerson } from './destroy.ts'
import type { Certificates } from './certificate.ts'
import { readFence } from './fence.ts'
import type { ErasureHook, HookContext } from './hook.ts'
import { hookContexts } from './hook-context.ts'
import { listRows, scanAll } from './inventory.ts'
import { type Job, type OpenJob, saveJob, type Step } from './job.ts'
import { executeHooks, verifyHooks } from './run-hooks.ts'

/** How a run is watched and stopped; what was done stays done. */
export interface RunOptions {
  readonly signal?: AbortSignal
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
  planned: fence,
  fenced: readHooks,
  read: destroy,
  destroyed: otherHooks,
  notified: verify,
}
const STEPS = Object.keys(NEXT).length + 1
const ORDER: readonly Step[] = ['planned', 'fenced', 'read', 'destroyed', 'notified', 'verified']

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
    options.onProgress?.(ORDER.indexOf(open.job.step), STEPS)
  }
  const certificate = await certify(deps, open)
  options.onProgress?.(STEPS, STEPS)
  return certificate
}

async function fence(deps: ErasureDeps, open: OpenJob): Promise<OpenJob> {
  const { people } = deps.vault
  const { reason, hash } = open.job
  await fencePerson(people, open.job, { reason, planHash: hash })
  const person = await openFenced(deps, open.job)
  const { externalId } = person?.head ?? {}
  const startedAt = people.deps.clock.now()
  return saveJob(people.deps, open, {
    step: 'fenced',
    startedAt,
    ...(externalId === undefined ? {} : { externalId }),
  })
}

async function readHooks(deps: ErasureDeps, open: OpenJob, options: RunOptions): Promise<OpenJob> {
  const person = await openFenced(deps, open.job)
  return runHooks(deps, open, {
    options,
    person,
    hooks: deps.hooks.filter(needsPlaintext),
    step: 'read',
  })
}

async function destroy(deps: ErasureDeps, open: OpenJob): Promise<OpenJob> {
  const { people } = deps.vault
  const person = await openFenced(deps, open.job)
  if (person === undefined)
    return saveJob(people.deps, open, { step: 'destroyed', destroyedAt: people.deps.clock.now() })
  const rows = await listRows(people, person)
  const { outside, lookupRows, records, operations, bodies, pages, others } = rows
  const deleted = [
    ...outside,
    ...lookupRows,
    ...records,
    ...operations,
    ...bodies,
    ...pages,
    ...others,
  ].length
  // Remembered first: after the keys are gone nothing says any more where the lookup rows were.
  const destroyed = open.job.destroyed ?? {
    keys: person.ring.length,
    rows: deleted,
    lookupRows: [...lookupRows, ...outside],
  }
  const known = await saveJob(people.deps, open, { destroyed })
  await destroyRows(people, open.job, rows)
  return saveJob(people.deps, known, { step: 'destroyed', destroyedAt: people.deps.clock.now() })
}

async function otherHooks(deps: ErasureDeps, open: OpenJob, options: RunOptions): Promise<OpenJob> {
  const hooks = deps.hooks.filter((hook) => !needsPlaintext(hook))
  return runHooks(deps, open, { options, person: undefined, hooks, step: 'notified' })
}

async function verify(deps: ErasureDeps, open: OpenJob, options: RunOptions): Promise<OpenJob> {
  const { people } = deps.vault
  const { job } = open
  const left = await scanAll(people, people.deps.keyspace.personRows(job.subjectId))
  const lookups = await people.deps.store.read(job.destroyed?.lookupRows ?? [])
  const document = await openFenced(deps, job)
  const contextOf = contexts(deps, job, { options, person: undefined })
  const failing = await verifyHooks(deps.hooks, { planned: job.hooks, contextOf })
  const rows =
    left.length > 0 || lookups.some((row) => row !== undefined) || document !== undefined
      ? ['privity:rows']
      : []
  if (failing.length + rows.length > 0) throw incomplete(job, [...rows, ...failing])
  return saveJob(people.deps, open, { step: 'verified' })
}

interface HookRun {
  readonly options: RunOptions
  readonly person: Person | undefined
  readonly hooks: readonly ErasureHook[]
  readonly step: Step
}

async function runHooks(
  deps: ErasureDeps,
  start: OpenJob,
  { options, person, hooks, step }: HookRun,
): Promise<OpenJob> {
  const ids = new Set(hooks.map(({ id }) => id))
  const installed = new Set(deps.hooks.map(({ id }) => id))
  // A hook that was installed when the plan was made and is gone now blocks, in the last of its chances.
  const planned = start.job.hooks.filter(
    ({ hook }) => ids.has(hook) || (step === 'notified' && !installed.has(hook)),
  )
  let open = start
  const { failing } = await executeHooks(hooks, {
    planned,
    done: new Set(start.job.done),
    contextOf: contexts(deps, start.job, { options, person }),
    onDone: async (item) => {
      open = await saveJob(deps.vault.people.deps, open, { done: [...open.job.done, item] })
    },
  })
  if (failing.length > 0) throw incomplete(open.job, failing)
  return saveJob(deps.vault.people.deps, open, { step })
}

async function certify(deps: ErasureDeps, { job }: OpenJob): Promise<string> {
  const { people } = deps.vault
  const { store, keyspace, controller, ledger, clock } = people.deps
  const scrub = await store.scrub?.()
  const completedAt = clock.now()
  const rowsVerified = (job.destroyed?.rows ?? 0) + (job.destroyed?.lookupRows.length ?? 0)
  const certificate = await deps.certificates.sign(job, {
    completedAt,
    rowsVerified,
    scrub,
    checkpoint: await ledger.checkpoint(),
  })
  const { erasureId } = job
  const [jobKey, certificateKey] = [keyspace.job(erasureId), keyspace.certificate(erasureId)]
  const certificateHash = toBase64url(sha256(utf8(certificate)))
  const entry: ControllerEntry = {
    kind: 'controller',
    at: completedAt,
    event: { type: 'erasure.completed', erasureId, certificateHash },
  }
  await ledger.submit<null>({
    reads: [jobKey, certificateKey],
    build: (rows) => {
      if (rows.get(certificateKey) !== undefined) return { kind: 'done', value: null }
      if (rows.get(jobKey) === undefined) throw new PrivityError('write_conflict', { attempts: 1 })
      const put = [[certificateKey, controller.seal(certificateKey, utf8(certificate))] as const]
      return { kind: 'change', change: { put, del: [jobKey], entry }, value: null }
    },
  })
  return certificate
}

/** The person behind the fence of this erasure; undefined when nothing is left there. */
async function openFenced(
  { vault }: ErasureDeps,
  { erasureId, subjectId }: Job,
): Promise<Person | undefined> {
  const { people } = vault
  const [document] = await people.deps.store.read([people.deps.keyspace.person(subjectId)])
  const fenced = document === undefined ? undefined : readFence(people.deps, subjectId, document)
  if (document === undefined || fenced?.fence.erasureId !== erasureId)
    throw new PrivityError('erased', { kind: 'subject' })
  return fenced.sections.length === 0
    ? undefined
    : people.openFenced(subjectId, { document, sections: fenced.sections })
}

function contexts(
  deps: ErasureDeps,
  { erasureId, subjectId, externalId }: Job,
  { options, person }: { readonly options: RunOptions; readonly person: Person | undefined },
): (hook: ErasureHook) => HookContext {
  return hookContexts(deps.vault, {
    erasureId,
    subjectId,
    externalId,
    person,
    signal: options.signal,
  })
}

function needsPlaintext({ needsPlaintext: needs }: ErasureHook): boolean {
  return needs === true
}

function incomplete({ erasureId }: Job, failing: readonly string[]): PrivityError {
  return new PrivityError('erasure_incomplete', { erasureId, failing })
}
