import { isPrivityError, PrivityError } from '../../base/errors.ts'
import { isClosed, type SqliteClient } from './client.ts'

/** How far a call had come when the driver threw. */
export type Phase = 'before-commit' | 'commit'

/** A failed call. */
export interface Failure {
  readonly client: SqliteClient
  readonly phase: Phase
  readonly error: unknown
}

interface Result {
  readonly primary: number
  readonly code: 'store_unavailable' | 'store_full' | 'store_corrupt'
  readonly reason: string
  /**
   * Means the same at COMMIT: no commit record was written, or the file is damaged anyway. Not so
   * IOERR: when only the flush fails, the record may stand in the log file already, and recovery
   * after a crash would apply it although this process has rolled back.
   */
  readonly decided?: true
}

// https://sqlite.org/rescode.html; extended codes keep the primary one in their lowest byte.
export const RESULTS: { readonly [name: string]: Result } = {
  ERROR: { primary: 1, code: 'store_corrupt', reason: 'schema' },
  PERM: { primary: 3, code: 'store_unavailable', reason: 'permission' },
  BUSY: { primary: 5, code: 'store_unavailable', reason: 'busy', decided: true },
  LOCKED: { primary: 6, code: 'store_unavailable', reason: 'busy', decided: true },
  NOMEM: { primary: 7, code: 'store_unavailable', reason: 'memory' },
  READONLY: { primary: 8, code: 'store_unavailable', reason: 'read_only', decided: true },
  INTERRUPT: { primary: 9, code: 'store_unavailable', reason: 'interrupted' },
  IOERR: { primary: 10, code: 'store_unavailable', reason: 'io' },
  CORRUPT: { primary: 11, code: 'store_corrupt', reason: 'damaged', decided: true },
  FULL: { primary: 13, code: 'store_full', reason: 'disk_full', decided: true },
  CANTOPEN: { primary: 14, code: 'store_unavailable', reason: 'cannot_open' },
  PROTOCOL: { primary: 15, code: 'store_unavailable', reason: 'busy' },
  SCHEMA: { primary: 17, code: 'store_unavailable', reason: 'busy' },
  CONSTRAINT: { primary: 19, code: 'store_corrupt', reason: 'schema' },
  AUTH: { primary: 23, code: 'store_unavailable', reason: 'permission' },
  NOTADB: { primary: 26, code: 'store_corrupt', reason: 'not_a_database', decided: true },
}

const OTHER: Result = { primary: 0, code: 'store_unavailable', reason: 'other' }

/**
 * The error of the contract that says what is known; nothing of the driver's error is kept. After
 * a failed change or COMMIT the caller has rolled back first.
 */
export function toStoreError({ client, phase, error }: Failure): PrivityError {
  if (isPrivityError(error)) return error
  const result = resultOf(error)
  if (phase === 'commit' && result?.decided !== true) return new PrivityError('outcome_unknown', {})
  if (result !== undefined && result !== OTHER) {
    return new PrivityError(result.code, { reason: result.reason })
  }
  if (isClosed(client)) return new PrivityError('store_closed', { reason: 'connection_closed' })
  // Not from SQLite: better-sqlite3, say, refuses to write while somebody iterates over rows.
  return new PrivityError('store_unavailable', { reason: result?.reason ?? 'refused_by_driver' })
}

/** Whether this is SQLite's general error, which says that a statement makes no sense here. */
export function isMisplaced(error: unknown): boolean {
  return resultOf(error) === RESULTS['ERROR']
}

/** better-sqlite3 and bun:sqlite name the result in `code`; node:sqlite numbers it in `errcode`. */
function resultOf(error: unknown): Result | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown }
  if (typeof errcode === 'number') {
    return Object.values(RESULTS).find(({ primary }) => primary === (errcode & 0xff)) ?? OTHER
  }
  const name = typeof code === 'string' ? /^SQLITE_([A-Z]+)/.exec(code)?.[1] : undefined
  if (name === undefined) return undefined
  return Object.hasOwn(RESULTS, name) ? RESULTS[name] : OTHER
}
