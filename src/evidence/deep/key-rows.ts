import { sameBytes } from '../../base/bytes.ts'
import { isPrivityError, PrivityError } from '../../base/errors.ts'
import { ifOpens } from '../../base/if-opens.ts'
import { inPages } from '../../base/in-pages.ts'
import { endOf } from '../../erasure/end-of.ts'
import { openFence } from '../../erasure/fence.ts'
import { openJob } from '../../erasure/job.ts'
import type { Fault } from '../../ledger/verify-log.ts'
import { scanRows } from '../../storage/scan-rows.ts'
import type { Row } from '../../storage/store.ts'
import { decodeKeyRow, type Held, type KeyRow } from '../../subjects/key-row.ts'
import type { Person } from '../../subjects/person.ts'
import type { Deep } from './deep.ts'

const PAGE = 1_000
const PERSON = /^p\/([0-9a-f]{32})$/

/** The keys of a person, whether a fence stands before them or not. */
export function heldOf(row: KeyRow): Held {
  return { row: { ...row, fence: undefined }, offered: [], isSettled: true }
}

/** Keys that the document of a person counts on, and that are not there or are others. */
export function faultsOfKeys(
  deep: Deep,
  { id, ring, missing }: Person,
  held: Held,
): readonly Fault[] {
  const key = deep.keyspace.person(id)
  const isWhole = missing.length === 0 && ring.every((entry) => opens(deep, id, entry))
  if (isWhole) return []
  return [{ key, kind: held.row.bytes === undefined ? 'key_row_missing' : 'key_row_changed' }]
}

/**
 * Whether a fence stands before the keys of somebody whose document has none, and no erasure is under way: the store
 * is an older copy than the key store. `forged`: the controller never made it.
 *
 * @throws {@link erased} when it was taken away meanwhile, so that the person has to be looked at again
 */
export async function lookAtFence(
  deep: Deep,
  id: string,
  { fence }: KeyRow,
): Promise<'none' | 'job' | 'orphan' | 'forged'> {
  if (fence === undefined) return 'none'
  const erasureId = erasureOf(deep, id, fence)
  if (erasureId === undefined) return 'forged'
  if (await isOpen(deep, id, erasureId)) return 'job'
  // Whoever cancels takes the fence away before the job.
  const now = (await deep.people.deps.keyRows?.read(id))?.fence
  if (now !== undefined && sameBytes(now, fence)) return 'orphan'
  throw new PrivityError('erased', { kind: 'subject' })
}

/** Behind the fence of a document nothing is left in the key store but the same fence, once the erasure is at its end. */
export async function faultsOfErased(
  deep: Deep,
  id: string,
  erasureId: string | undefined,
): Promise<readonly Fault[]> {
  const { keyRows } = deep.people.deps
  if (keyRows === undefined) return []
  // Before the row: an erasure forgets its job after it destroyed the keys.
  if (erasureId !== undefined && (await isOpen(deep, id, erasureId))) return []
  const key = deep.keyspace.person(id)
  const { entries, fence, isMalformed } = await keyRows.read(id)
  if (entries.length > 0) return [{ key, kind: 'key_row_unexpected' }]
  if (isMalformed) return [{ key, kind: 'key_row_changed' }]
  if (fence === undefined) return [{ key, kind: 'key_row_missing' }]
  const found = erasureOf(deep, id, fence)
  const isOurs = found !== undefined && found === (erasureId ?? found)
  return isOurs ? [] : [{ key, kind: 'key_row_changed' }]
}

/** Whether an erasure of this person is under way: anybody who can write to the store can put a row where its job was. */
async function isOpen(deep: Deep, id: string, erasureId: string): Promise<boolean> {
  const [sealed] = await deep.store.read([deep.keyspace.job(erasureId)])
  if (sealed === undefined) return false
  try {
    if (openJob(deep, erasureId, sealed).job.subjectId !== id) return false
  } catch (error) {
    if (isPrivityError(error)) return false
    throw error
  }
  return (await endOf(deep, erasureId)) === undefined
}

/** Undefined for a fence that the controller never made. */
function erasureOf(deep: Deep, id: string, fence: Uint8Array): string | undefined {
  return ifOpens(() => openFence(deep.people.deps, id, fence).erasureId)
}

/** Rows of nobody: what a registration that broke off left is a key that nobody counts on, and no fault. */
export async function verifyKeyRows(deep: Deep): Promise<void> {
  const { keyRows } = deep.people.deps
  if (keyRows === undefined) return
  const rows = scanRows(keyRows.store, deep.keyspace.prefix, { page: PAGE })
  for await (const page of inPages(rows, PAGE)) await lookAtPage(deep, page)
}

async function lookAtPage(deep: Deep, page: readonly Row[]): Promise<void> {
  deep.options.signal?.throwIfAborted()
  const documents = await deep.store.read(page.map(([key]) => key))
  page.forEach(([key, bytes], at) => {
    const id = PERSON.exec(deep.nameOf(key))?.[1]
    const isKnown = id === undefined ? key === deep.keyspace.store : documents[at] !== undefined
    if (isKnown || (id !== undefined && isOurs(deep, id, decodeKeyRow(bytes)))) return
    deep.report({ key, kind: 'key_row_unexpected' })
  })
}

function isOurs(deep: Deep, id: string, row: KeyRow | undefined): boolean {
  if (row === undefined) return false
  if (row.fence !== undefined && erasureOf(deep, id, row.fence) === undefined) return false
  return row.entries.every((entry) => opens(deep, id, entry))
}

/** Also when it cannot be told, because the class is withheld. */
function opens(deep: Deep, id: string, entry: KeyRow['entries'][number]): boolean {
  try {
    deep.people.deps.keys.open(id, entry)
    return true
  } catch (error) {
    if (!isPrivityError(error)) throw error
    return error.code === 'key_unavailable'
  }
}
