import { fromUtf8, utf8 } from '../base/bytes.ts'
import { chunksOf } from '../base/chunks-of.ts'
import { isPrivityError } from '../base/errors.ts'
import type { Batch, Key, Row, ScanOptions, Store } from '../storage/store.ts'
import { expectEqual, expectThat } from './expect.ts'

/** Attempts after which a writer that never wins gives up: the store makes no progress. */
const PATIENCE = 2_000

/** A batch of the parts given. */
export function batch(parts: Partial<Batch>): Batch {
  return { checks: [], put: [], del: [], ...parts }
}

/** A row with a text as its value. */
export function row(key: Key, text: string): Row {
  return [key, utf8(text)]
}

/** `count` rows whose keys sort in the order of their numbers. */
export function numbered(prefix: string, count: number): readonly Row[] {
  return Array.from({ length: count }, (_, index) => row(numberedKey(prefix, index), String(index)))
}

/** Key of the row with this number. */
export function numberedKey(prefix: string, index: number): Key {
  return prefix + String(index).padStart(6, '0')
}

/** Writes rows without conditions, in as many batches as the store needs. */
export async function write(store: Store, rows: readonly Row[]): Promise<void> {
  const size = Math.min(store.limits.maxOps, 1_000)
  for (const put of chunksOf(rows, size)) await store.commit(batch({ put }))
}

/** Every key under the prefix, read in pages. */
export async function keysUnder(store: Store, prefix: Key, limit: number): Promise<readonly Key[]> {
  const keys: Key[] = []
  let page: readonly Row[] = []
  do {
    page = await pageAfter(store, prefix, { after: keys.at(-1), limit })
    keys.push(...page.map(([key]) => key))
  } while (page.length === limit)
  return keys
}

/**
 * A page on the way through all of them. Fails if it does not lead on: whoever goes through the pages of such
 * a store never ends.
 */
export async function pageAfter(
  store: Store,
  prefix: Key,
  { after, limit }: ScanOptions,
): Promise<readonly Row[]> {
  const page = await store.scan(prefix, { after, limit })
  expectThat(page.length <= limit, `a page of ${limit} has no more rows, and not ${page.length}`)
  if (after === undefined) return page
  const keys = page.map(([key]) => key)
  expectThat(
    !keys.includes(after),
    `scan gives keys after \`after\`, not ${after} itself once more`,
  )
  const back = keys.find((key) => key < after)
  expectThat(back === undefined, `scan gives keys after \`after\` (${after}), not back to ${back}`)
  return page
}

/** Passes if the store holds exactly these rows. */
export async function expectRows(store: Store, rows: readonly Row[], what: string): Promise<void> {
  expectEqual(await store.scan('', { limit: 1_000 }), rows, what)
}

/** The number in a row; 0 when the row is absent. */
export function numberIn(value: Uint8Array | undefined): number {
  return value === undefined ? 0 : Number(fromUtf8(value))
}

/** Adds one to a counter as every writer should: read, check what was read, retry if it lost. */
export async function increment(store: Store, key: Key): Promise<number> {
  for (let attempt = 0; attempt < PATIENCE; attempt += 1) {
    const [old] = await store.read([key])
    const next = numberIn(old) + 1
    const checks = [[key, old ?? null]] as const
    if (await applied(store, batch({ checks, put: [row(key, String(next))] }))) return next
  }
  throw new TypeError('a writer that read and checked never won')
}

async function applied(store: Store, change: Batch): Promise<boolean> {
  try {
    await store.commit(change)
    return true
  } catch (error) {
    if (isPrivityError(error, 'write_conflict')) return false
    if (isPrivityError(error, 'store_unavailable')) return false
    throw error
  }
}
