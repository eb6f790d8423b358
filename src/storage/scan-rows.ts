import type { Key, Row, Store } from './store.ts'

/** Where to begin, and how many rows to ask for at a time. */
export interface ScanRowsOptions {
  /** Goes on behind this key. Default: the first row. */
  readonly after?: Key | undefined
  readonly page: number
  /** Stops before a page. */
  readonly signal?: AbortSignal | undefined
}

/** Every row under a prefix, page by page, in the order of their keys. */
export async function* scanRows(
  store: Pick<Store, 'scan'>,
  prefix: Key,
  options: ScanRowsOptions,
): AsyncGenerator<Row> {
  for await (const rows of scanPages(store, prefix, options)) yield* rows
}

/** The same, so many rows at a time: only the last page may have fewer, or none. */
export async function* scanPages(
  store: Pick<Store, 'scan'>,
  prefix: Key,
  { after, page, signal }: ScanRowsOptions,
): AsyncGenerator<readonly Row[]> {
  for (let last = after; ; ) {
    signal?.throwIfAborted()
    const rows = await store.scan(prefix, { after: last, limit: page })
    yield rows
    last = rows.at(-1)?.[0]
    if (rows.length < page) return
  }
}
