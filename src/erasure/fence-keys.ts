import type { Successor } from './job.ts'
import { PrivityError } from '../base/errors.ts'
import { ifOpens } from '../base/if-opens.ts'
import type { Held, KeyRow } from '../subjects/key-row.ts'
import type { PeopleDeps } from '../subjects/people.ts'
import { type Fence, openFence, sealFence } from './fence.ts'

/** Which erasure, of whom. */
export interface Erasing {
  readonly erasureId: string
  readonly subjectId: string
  /** Again, in a copy of the store from before: there may be nobody to erase. */
  readonly isReplayed?: boolean
  /** Where it is remembered that the app's own id was of somebody who is erased. */
  readonly suppress?: string
  /** What takes its place once it is cancelled. */
  readonly instead?: Successor
}

/**
 * Puts a fence before the keys in the key store, before the document gets one: from here on they open for this
 * erasure only. Resolves to the keys; undefined without a key store. Where no keys are, none is put: they may be
 * lost, and until the document says so, somebody whose keys are lost is not erased.
 *
 * @throws {@link erased} when another erasure was faster
 */
export async function fenceKeys(deps: PeopleDeps, erasing: Erasing): Promise<Held | undefined> {
  const { keyRows, clock } = deps
  if (keyRows === undefined) return undefined
  const { erasureId, subjectId, isReplayed } = erasing
  const row = await keyRows.swap(subjectId, (found) => {
    const before = fenceOf(deps, subjectId, found)
    // Again, it may go under the fence that a copy has, when another one stands before the keys since.
    if (before !== undefined && before.erasureId !== erasureId && isReplayed !== true)
      throw new PrivityError('erased', { kind: 'subject' })
    if (before !== undefined || found.entries.length === 0) return undefined
    const fence = sealFence(deps, subjectId, { erasureId, at: clock.now() })
    return { fence, entries: found.entries }
  })
  return behind(row)
}

/**
 * The keys of somebody whose document has the fence of an erasure: that says whose they are, whatever a key store
 * of another day says. Undefined without a key store.
 */
export async function fencedKeys(
  { keyRows }: PeopleDeps,
  { subjectId }: Erasing,
): Promise<Held | undefined> {
  return keyRows === undefined ? undefined : behind(await keyRows.read(subjectId))
}

/** Takes the fence of this erasure away again, as long as keys stand behind it. */
export async function liftKeyFence(deps: PeopleDeps, erasing: Erasing): Promise<void> {
  await deps.keyRows?.swap(erasing.subjectId, (found) => {
    const isOurs = fenceOf(deps, erasing.subjectId, found)?.erasureId === erasing.erasureId
    return isOurs && found.entries.length > 0
      ? { fence: undefined, entries: found.entries }
      : undefined
  })
}

/**
 * Destroys the keys of somebody whose document has the fence of this erasure, whatever stands there: also a row that
 * somebody brought back, or that is none. May be done again.
 */
export async function destroyKeys(deps: PeopleDeps, erasing: Erasing, at: number): Promise<void> {
  const { erasureId, subjectId } = erasing
  await deps.keyRows?.swap(subjectId, (found) => {
    const isOurs = fenceOf(deps, subjectId, found)?.erasureId === erasureId
    if (isOurs && found.entries.length === 0) return undefined
    return { fence: sealFence(deps, subjectId, { erasureId, at }), entries: [] }
  })
}

/** Whether anything but a fence is in the key store, or not even that. */
export async function areKeysLeft(deps: PeopleDeps, subjectId: string): Promise<boolean> {
  const row = await deps.keyRows?.read(subjectId)
  return row !== undefined && (row.fence === undefined || row.entries.length > 0)
}

/** The erasure whose fence stands before the keys of a person. */
export async function keyFence(deps: PeopleDeps, subjectId: string): Promise<Fence | undefined> {
  const row = await deps.keyRows?.read(subjectId)
  return row === undefined ? undefined : fenceOf(deps, subjectId, row)
}

/** One that the controller never made is none: nobody is erased by it, and nobody is kept from it. */
function fenceOf(deps: PeopleDeps, subjectId: string, { fence }: KeyRow): Fence | undefined {
  return fence && ifOpens(() => openFence(deps, subjectId, fence))
}

function behind(row: KeyRow): Held {
  return { row: { ...row, fence: undefined }, offered: [], isSettled: true }
}
