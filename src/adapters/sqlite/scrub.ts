import type { ScrubReport } from '../../storage/store.ts'
import { type SqliteClient, scalar } from './client.ts'
import { COLUMNS, TABLE } from './statements.ts'
import type { Transact } from './transaction.ts'

/** How thoroughly to scrub. */
export interface ScrubOptions {
  /**
   * `'rewrite'` copies all rows there and back: it takes in the order of ten milliseconds per
   * megabyte, holds the write lock meanwhile and doubles the file; `'checkpoint'` takes a moment
   * and leaves page slack. Default: `'rewrite'`.
   */
  readonly scrub?: 'rewrite' | 'checkpoint'
}

/** What a scrub works on. */
interface Scrubbed {
  readonly client: SqliteClient
  readonly options: ScrubOptions
  readonly patience: number
  readonly transact: Transact
}

/** The thread stands still while SQLite waits for readers, so it does not wait for long. */
const WAIT_MS = 250

const COPY = 'main.privity_rows_scrub'

/**
 * Rewrites the table and empties the log file. secure_delete alone is not enough: when a page is
 * split or merged, copies of rows stay in its unused part, and it does not reach them later.
 */
export function scrub(scrubbed: Scrubbed): ScrubReport {
  const { client, options, transact } = scrubbed
  const rewritten = options.scrub !== 'checkpoint'
  if (rewritten) transact(() => rewrite(client))
  const emptied = emptyLog(scrubbed)
  // Until the log is copied into the database file, that file has its old pages.
  const slack = rewritten && emptied
  return {
    cleared: [...(slack ? ['page_slack'] : []), ...(emptied ? ['write_ahead_log'] : [])],
    remains: [...(slack ? [] : ['page_slack']), ...(emptied ? [] : ['write_ahead_log'])],
  }
}

// There and back instead of VACUUM, which would renumber the rows of the app's own tables, and
// instead of a rename, which fails if any view of the app is broken.
function rewrite(client: SqliteClient): void {
  client.exec(`CREATE TABLE ${COPY} ${COLUMNS}`)
  client.exec(`INSERT INTO ${COPY} (key, value) SELECT key, value FROM ${TABLE} ORDER BY key`)
  client.exec(`DELETE FROM ${TABLE}`)
  client.exec(`INSERT INTO ${TABLE} (key, value) SELECT key, value FROM ${COPY} ORDER BY key`)
  client.exec(`DROP TABLE ${COPY}`)
}

function emptyLog({ client, patience }: Scrubbed): boolean {
  client.exec(`PRAGMA busy_timeout = ${WAIT_MS}`)
  try {
    return scalar(client, 'PRAGMA wal_checkpoint(TRUNCATE)') === '0'
  } finally {
    client.exec(`PRAGMA busy_timeout = ${patience}`)
  }
}
