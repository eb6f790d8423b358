import { isPrivityError } from '../../base/errors.ts'
import { openFence } from '../../erasure/fence.ts'
import type { Fault } from '../../ledger/verify-log.ts'
import { scanRows } from '../../storage/scan-rows.ts'
import type { Row } from '../../storage/store.ts'
import { decodeKeyRow, type Held, type KeyRow } from '../../subjects/key-row.ts'
import type { Person } from '../../subjects/person.ts'
import type { Deep } from './deep.ts'

const PAGE = 1_000
const PERSON = /^p\/([0-9a-f]{32})$/

/** The keys of a person, whether a fence stands before them or not; undefined without a key store. */
export async function heldOf(deep: Deep, id: string): Promise<Held | undefined> {
  const row = await deep.people.deps.keyRows?.read(id)
  if (row === undefined) return undefined
  if (row.fence !== undefined) openFence(deep.people.deps, id, row.fence)
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

/** Behind the fence of a document nothing is left in the key store but the same fence. */
export async function faultsOfErased(deep: Deep, id: string): Promise<readonly Fault[]> {
  const { keyRows } = deep.people.deps
  const key = deep.keyspace.person(id)
  const [row] = (await keyRows?.readMany([id])) ?? [undefined]
  if (keyRows === undefined) return []
  if (row === undefined) return [{ key, kind: 'key_row_changed' }]
  if (row.entries.length > 0) return [{ key, kind: 'key_row_unexpected' }]
  return row.fence === undefined ? [{ key, kind: 'key_row_missing' }] : []
}

/** Rows of nobody: what a registration that broke off left is a key that nobody counts on, and no fault. */
export async function verifyKeyRows(deep: Deep): Promise<void> {
  const { keyRows } = deep.people.deps
  if (keyRows === undefined) return
  let page: Row[] = []
  for await (const row of scanRows(keyRows.store, deep.keyspace.prefix, { page: PAGE })) {
    page.push(row)
    if (page.length < PAGE) continue
    await lookAtPage(deep, page)
    page = []
  }
  await lookAtPage(deep, page)
}

async function lookAtPage(deep: Deep, page: readonly Row[]): Promise<void> {
  deep.options.signal?.throwIfAborted()
  if (page.length === 0) return
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
  try {
    if (row.fence !== undefined) openFence(deep.people.deps, id, row.fence)
  } catch (error) {
    if (!isPrivityError(error)) throw error
    return false
  }
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
