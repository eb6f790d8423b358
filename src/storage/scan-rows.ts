import type { Key, Row, Store } from './store.ts'

/** Where to begin, and how many rows to ask for at a time. */
export interface ScanRowsOptions {
  /** Goes on behind this key. Default: the first row. */
  readonly after?: Key | undefined
  readonly page: number
}

/** Every row under a prefix, page by page, in the order of their keys. */
export async function* scanRows(
  store: Pick<Store, 'scan'>,
  prefix: Key,
  { after, page }: ScanRowsOptions,
): AsyncGenerator<Row> {
  for (let last = after; ; ) {
    const rows = await store.scan(prefix, {
      ...(last === undefined ? {} : { after: last }),
      limit: page,
    })
    yield* rows
    last = rows.at(-1)?.[0]
    if (rows.length < page) return
  }
}
