import { isPrivityError } from '../../base/errors.ts'
import type { ControllerKey } from '../../keys/controller-key.ts'
import type { Keyspace } from '../../storage/keyspace.ts'
import type { Store } from '../../storage/store.ts'
import { decodeKeyRow } from '../../subjects/key-row.ts'
import { type Fenced, readFence } from '../fence.ts'
import type { NewErasure } from './new-erasures.ts'

/**
 * `missing`: the journal has an erasure that the store has not, so that this is an older copy of it. `pending`: it
 * is under way here; nobody reads a person behind a fence.
 */
export type Standing = 'done' | 'pending' | 'missing'

/** What a store is looked at with. */
export interface StandingDeps {
  readonly store: Store
  readonly keyStore: Store | undefined
  readonly keyspace: Keyspace
  readonly controller: Pick<ControllerKey, 'seal' | 'open'>
}

interface Look {
  readonly fenced: Fenced | undefined
  readonly areKeysLeft: boolean
  /** Of the erasure whose fence it is, or of the one that was asked for. */
  readonly isPlanned: boolean
  readonly isCertified: boolean
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
  const now = await store.read([...ids.map(keyspace.job), ...ids.map(keyspace.certificate)])
  return erasures.map((erasure, at) =>
    standingOf(erasure, {
      fenced: fences[at],
      areKeysLeft: keyStore !== undefined && areKeysLeft(keyRows[at]),
      isPlanned: (own[at] ?? now[at]) !== undefined,
      isCertified: now[ids.length + at] !== undefined,
    }),
  )
}

function standingOf(
  { isCompleted }: NewErasure,
  { fenced, isPlanned, areKeysLeft: areKeys, isCertified }: Look,
): Standing {
  if (fenced === undefined) return isPlanned && !isCompleted ? 'pending' : 'missing'
  if (isPlanned) return 'pending'
  return isCertified && fenced.sections.length === 0 && !areKeys ? 'done' : 'missing'
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
