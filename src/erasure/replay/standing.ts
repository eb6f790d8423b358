import { ifOpens } from '../../base/if-opens.ts'
import type { ControllerKey } from '../../keys/controller-key.ts'
import type { Keyspace } from '../../storage/keyspace.ts'
import type { Store } from '../../storage/store.ts'
import { decodeKeyRow } from '../../subjects/key-row.ts'
import { type CertifiedDeps, certifiedHere } from '../certified-here.ts'
import { type Fenced, readFence } from '../fence.ts'
import { type Job, openJob } from '../job.ts'
import { isReplayedPart } from '../partial/plan-replayed.ts'
import { isPart, type NewErasure } from './new-erasures.ts'

/**
 * `missing`: the journal has an erasure that the store has not, so that this is an older copy of it. `pending`: it
 * is under way here and nobody takes it back; nobody reads a person behind a fence, and of a part that is done again
 * nothing is left.
 */
export type Standing = 'done' | 'pending' | 'missing'

/** What a store is looked at with. */
export interface StandingDeps {
  readonly store: Store
  readonly keyStore: Store | undefined
  readonly keyspace: Keyspace
  readonly controller: Pick<ControllerKey, 'seal' | 'open'>
  readonly ledger: CertifiedDeps['ledger']
}

const REVOCABLE: ReadonlySet<Job['step']> = new Set(['asked', 'planned', 'cancelled'])

interface Look {
  readonly fenced: Fenced | undefined
  readonly areKeysLeft: boolean
  /** The row of the job whose fence it is. */
  readonly fencing: Uint8Array | undefined
  /** What the log says was destroyed: of the erasure whose fence it is, or of the one that was asked for. */
  readonly certified: () => Promise<string | undefined>
  /** The row of the job that was asked for. */
  readonly own: Uint8Array | undefined
  readonly ownCertified: () => Promise<string | undefined>
}

/** How erasures of the journal stand in the store: a few reads for all of them. */
export async function standingsOf(
  deps: StandingDeps,
  erasures: readonly NewErasure[],
): Promise<readonly Standing[]> {
  if (erasures.length === 0) return []
  const { store, keyStore, keyspace } = deps
  const people = erasures.map(({ subjectId }) => keyspace.person(subjectId))
  // An erasure that ends meanwhile has a job before it has a fence, and a certificate once the job is gone.
  const own = await store.read(erasures.map(({ erasureId }) => keyspace.job(erasureId)))
  const documents = await store.read(people)
  const keyRows = (await keyStore?.read(people)) ?? []
  // A fence that the controller never made is none.
  const fences = erasures.map(({ subjectId }, at) =>
    ifOpens(() => readFence(deps, subjectId, documents[at])),
  )
  const ids = erasures.map(({ erasureId }, at) => fences[at]?.fence.erasureId ?? erasureId)
  const certificates = [...ids, ...erasures.map(({ erasureId }) => erasureId)]
  const now = await store.read([
    ...ids.map(keyspace.job),
    ...certificates.map(keyspace.certificate),
  ])
  const scopeOf = async (nth: number): Promise<string | undefined> => {
    const key = keyspace.certificate(certificates[nth] ?? '')
    return (await certifiedHere(deps, key, now[ids.length + nth]))?.scope
  }
  const standings = erasures.map((erasure, at) => {
    const look: Look = {
      fenced: fences[at],
      areKeysLeft: keyStore !== undefined && areKeysLeft(keyRows[at]),
      fencing: (ids[at] === erasure.erasureId ? own[at] : undefined) ?? now[at],
      certified: () => scopeOf(at),
      own: own[at],
      ownCertified: () => scopeOf(ids.length + at),
    }
    return isPart(erasure) ? partStanding(deps, erasure, look) : standingOf(deps, look)
  })
  return Promise.all(standings)
}

/** Whoever is erased as a whole has no parts. */
async function partStanding(
  deps: StandingDeps,
  { erasureId, isCompleted }: NewErasure,
  look: Look,
): Promise<Standing> {
  const { fenced, ownCertified, own } = look
  if ((await ownCertified()) !== undefined) return 'done'
  if (fenced?.sections.length === 0) {
    const whole = await standingOf(deps, { ...look, areKeysLeft: false })
    if (whole !== 'missing') return whole
  }
  const job = own === undefined ? undefined : tryJob(deps, erasureId, own)
  if (job === undefined) return 'missing'
  // What is done again is done as soon as nothing is left here, whatever other systems say.
  if (isReplayedPart(job.partial))
    return job.partial.rule.until === undefined ? 'missing' : 'pending'
  return !isCompleted && isBegun(job) ? 'pending' : 'missing'
}

/** One that does not open says nothing of how far it is, and nobody can take it back. */
function tryJob(deps: StandingDeps, erasureId: string, sealed: Uint8Array): Job | undefined {
  return ifOpens(() => openJob(deps, erasureId, sealed).job)
}

/** The journal is told behind a fence: without one, this is a copy of before. */
async function standingOf(
  deps: StandingDeps,
  { fenced, fencing, areKeysLeft: areKeys, certified }: Look,
): Promise<Standing> {
  if (fenced === undefined) return 'missing'
  if (fencing !== undefined) {
    const job = tryJob(deps, fenced.fence.erasureId, fencing)
    return job === undefined || isFinal(job) ? 'pending' : 'missing'
  }
  const isNobody = fenced.sections.length === 0 && !areKeys
  return isNobody && (await certified()) === 'all' ? 'done' : 'missing'
}

/** A plan alone is nothing that anybody goes on with. */
function isBegun({ step, wanted }: Job): boolean {
  return wanted === true || !REVOCABLE.has(step)
}

/** Whether nobody takes an erasure back any more: before the journal is told of it, that is what is stored. */
function isFinal({ step, graceUntil, lease, isReplayed }: Job): boolean {
  const mayBeCancelled = graceUntil !== undefined && lease === undefined
  return isReplayed === true || (!REVOCABLE.has(step) && !mayBeCancelled)
}

function areKeysLeft(row: Uint8Array | undefined): boolean {
  const decoded = decodeKeyRow(row)
  return decoded === undefined || decoded.fence === undefined || decoded.entries.length > 0
}
