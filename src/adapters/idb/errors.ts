import { isPrivityError, PrivityError } from '../../base/errors.ts'

/** How far a transaction had come when it failed. */
export type Phase = 'before-commit' | 'commit'

interface Result {
  readonly code: 'store_unavailable' | 'store_full' | 'store_corrupt'
  readonly reason: string
  /** Means the same when it ends a commit: the browser looks for room before it writes. */
  readonly decided?: true
}

/** Names of the exceptions of IndexedDB (W3C Indexed Database API 3.0, section 3), and of WebKit. */
const RESULTS: { readonly [name: string]: Result } = {
  QuotaExceededError: { code: 'store_full', reason: 'quota', decided: true },
  VersionError: { code: 'store_unavailable', reason: 'newer_version' },
  SecurityError: { code: 'store_unavailable', reason: 'permission' },
  TimeoutError: { code: 'store_unavailable', reason: 'busy' },
  UnknownError: { code: 'store_unavailable', reason: 'io' },
  // Values that the browser keeps in files of their own, and cannot find or decode.
  NotReadableError: { code: 'store_corrupt', reason: 'damaged' },
  DataError: { code: 'store_corrupt', reason: 'damaged' },
}

/** An aborted transaction has no error of its own when the browser closed the connection beneath it. */
const LOST: Result = { code: 'store_unavailable', reason: 'connection_lost' }

/** The error of the contract that says what is known; nothing of the browser's error is kept. */
export function toStoreError(error: unknown, phase: Phase): PrivityError {
  if (isPrivityError(error)) return error
  const name = error instanceof DOMException ? error.name : ''
  const { code, reason, decided } = (Object.hasOwn(RESULTS, name) ? RESULTS[name] : LOST) ?? LOST
  if (phase === 'commit' && decided !== true) return new PrivityError('outcome_unknown', {})
  return new PrivityError(code, { reason })
}
