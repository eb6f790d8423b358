import { PrivityError } from '../base/errors.ts'
import type { Held, KeyRow } from '../subjects/key-row.ts'
import type { PeopleDeps } from '../subjects/people.ts'
import { type Fence, openFence, sealFence } from './fence.ts'

/** Which erasure, of whom. */
export interface Erasing {
  readonly erasureId: string
  readonly subjectId: string
}

/**
 * Puts a fence before the keys in the key store, before the document gets one: from here on they open for this
 * erasure only. Resolves to the keys; undefined without a key store.
 *
 * @throws {@link erased} when another erasure was faster
 */
export async function fenceKeys(deps: PeopleDeps, erasing: Erasing): Promise<Held | undefined> {
  const { keyRows, clock } = deps
  if (keyRows === undefined) return undefined
  const { erasureId, subjectId } = erasing
  const row = await keyRows.swap(subjectId, (found) => {
    if (ownFence(deps, erasing, found) !== undefined) return undefined
    const fence = sealFence(deps, subjectId, { erasureId, at: clock.now() })
    return { fence, entries: found.entries }
  })
  return behind(row)
}

/**
 * The keys behind the fence of this erasure; undefined without a key store.
 *
 * @throws {@link erased} when it is the fence of another
 */
export async function fencedKeys(deps: PeopleDeps, erasing: Erasing): Promise<Held | undefined> {
  if (deps.keyRows === undefined) return undefined
  const row = await deps.keyRows.read(erasing.subjectId)
  ownFence(deps, erasing, row)
  return behind(row)
}

/** Destroys what stands behind the fence; may be done again, also over a row that somebody brought back. */
export async function destroyKeys(deps: PeopleDeps, erasing: Erasing, at: number): Promise<void> {
  const { erasureId, subjectId } = erasing
  await deps.keyRows?.swap(subjectId, (found) => {
    const isDone = ownFence(deps, erasing, found) !== undefined && found.entries.length === 0
    if (isDone) return undefined
    return { fence: found.fence ?? sealFence(deps, subjectId, { erasureId, at }), entries: [] }
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
  return row?.fence === undefined ? undefined : openFence(deps, subjectId, row.fence)
}

function ownFence(
  deps: PeopleDeps,
  { erasureId, subjectId }: Erasing,
  { fence }: KeyRow,
): Fence | undefined {
  if (fence === undefined) return undefined
  const opened = openFence(deps, subjectId, fence)
  if (opened.erasureId !== erasureId) throw new PrivityError('erased', { kind: 'subject' })
  return opened
}

function behind(row: KeyRow): Held {
  return { row: { ...row, fence: undefined }, offered: [], isSettled: true }
}
