import { isPrivityError } from '../../base/errors.ts'
import type { ControllerKey } from '../../keys/controller-key.ts'
import type { Keyspace } from '../../storage/keyspace.ts'
import type { Store } from '../../storage/store.ts'
import { decodeKeyRow } from '../../subjects/key-row.ts'
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
}

const REVOCABLE: ReadonlySet<Job['step']> = new Set(['asked', 'planned', 'cancelled'])

interface Look {
  readonly fenced: Fenced | undefined
  readonly areKeysLeft: boolean
  /** The row of the job whose fence it is. */
  readonly fencing: Uint8Array | undefined
  /** Of the erasure whose fence it is, or of the one that was asked for. */
  readonly isCertified: boolean
  /** The row of the job that was asked for. */
  readonly own: Uint8Array | undefined
  readonly isOwnCertified: boolean
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
  const fences = erasures.map(({ subjectId }, at) => fenceOf(deps, subjectId, documents[at]))
  const ids = erasures.map(({ erasureId }, at) => fences[at]?.fence.erasureId ?? erasureId)
  const certificates = [...ids, ...erasures.map(({ erasureId }) => erasureId)]
  const now = await store.read([
    ...ids.map(keyspace.job),
    ...certificates.map(keyspace.certificate),
  ])
  return erasures.map((erasure, at) => {
    const look: Look = {
      fenced: fences[at],
      areKeysLeft: keyStore !== undefined && areKeysLeft(keyRows[at]),
      fencing: (ids[at] === erasure.erasureId ? own[at] : undefined) ?? now[at],
      isCertified: now[ids.length + at] !== undefined,
      own: own[at],
      isOwnCertified: now[2 * ids.length + at] !== undefined,
    }
    return isPart(erasure) ? partStanding(deps, erasure, look) : standingOf(deps, look)
  })
}

/** Whoever is erased as a whole has no parts. */
function partStanding(
  deps: StandingDeps,
  { erasureId, isCompleted }: NewErasure,
  { fenced, isOwnCertified, own }: Look,
): Standing {
  const isNobody = fenced !== undefined && fenced.sections.length === 0
  if (isNobody || isOwnCertified) return 'done'
  const job = own === undefined ? undefined : tryJob(deps, erasureId, own)
  if (job === undefined) return 'missing'
  // What is done again is done as soon as nothing is left here, whatever other systems say.
  if (isReplayedPart(job.partial))
    return job.partial.rule.until === undefined ? 'missing' : 'pending'
  return !isCompleted && isBegun(job) ? 'pending' : 'missing'
}

/** One that does not open says nothing of how far it is, and nobody can take it back. */
function tryJob(deps: StandingDeps, erasureId: string, sealed: Uint8Array): Job | undefined {
  try {
    return openJob(deps, erasureId, sealed).job
  } catch (error) {
    if (isPrivityError(error)) return undefined
    throw error
  }
}

/** The journal is told behind a fence: without one, this is a copy of before. */
function standingOf(
  deps: StandingDeps,
  { fenced, fencing, areKeysLeft: areKeys, isCertified }: Look,
): Standing {
  if (fenced === undefined) return 'missing'
  if (fencing !== undefined) {
    const job = tryJob(deps, fenced.fence.erasureId, fencing)
    return job === undefined || isFinal(job) ? 'pending' : 'missing'
  }
  return isCertified && fenced.sections.length === 0 && !areKeys ? 'done' : 'missing'
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

/** A fence that the controller never made is none. */
function fenceOf(
  deps: StandingDeps,
  subjectId: string,
  document: Uint8Array | undefined,
): Fenced | undefined {
  try {
    return document === undefined ? undefined : readFence(deps, subjectId, document)
  } catch (error) {
    if (isPrivityError(error)) return undefined
    throw error
  }
}

function areKeysLeft(row: Uint8Array | undefined): boolean {
  const decoded = decodeKeyRow(row)
  return decoded === undefined || decoded.fence === undefined || decoded.entries.length > 0
}
