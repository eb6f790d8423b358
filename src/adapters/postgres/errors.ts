import { isPrivityError, PrivityError } from '../../base/errors.ts'

/**
 * How far a call had come when the client threw. A statement that is its own transaction is in the
 * `commit` phase from the moment it is sent.
 */
export type Phase = 'unsent' | 'before-commit' | 'commit'

interface State {
  readonly code: 'write_conflict' | 'store_unavailable' | 'store_full' | 'store_corrupt'
  readonly reason: string
  /**
   * Means the same at COMMIT: the server answers so only when it rolled back, or before it ran anything.
   * Not so the end of a connection, which may follow a commit that was carried out.
   */
  readonly decided?: true
}

const CONFLICT: State = { code: 'write_conflict', reason: 'check', decided: true }
const SCHEMA: State = { code: 'store_corrupt', reason: 'schema', decided: true }
const DAMAGED: State = { code: 'store_corrupt', reason: 'damaged', decided: true }
const LOST: State = { code: 'store_unavailable', reason: 'connection_lost' }

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const STATES: { readonly [sqlstate: string]: State } = {
  // The cast that ends a statement whose checks did not all hold (statements.ts).
  '22P02': CONFLICT,
  '40001': CONFLICT,
  '40P01': CONFLICT,
  '40003': LOST,
  '0A000': unavailable('not_supported'),
  '42601': unavailable('not_supported'),
  '42704': unavailable('not_supported'),
  '42883': unavailable('not_supported'),
  '22023': unavailable('not_supported'),
  '25006': unavailable('read_only'),
  '28000': unavailable('permission'),
  '28P01': unavailable('permission'),
  '42501': unavailable('permission'),
  '3D000': unavailable('cannot_open'),
  '26000': unavailable('refused_by_driver'),
  '53000': unavailable('resources'),
  '53100': { code: 'store_full', reason: 'disk_full', decided: true },
  '53200': unavailable('memory'),
  '53300': unavailable('connections'),
  '53400': unavailable('resources'),
  '54000': unavailable('resources'),
  '54001': unavailable('resources'),
  '55006': unavailable('busy'),
  '55P03': unavailable('busy'),
  '57014': unavailable('interrupted'),
  '23502': SCHEMA,
  '23505': SCHEMA,
  '23514': SCHEMA,
  '3F000': SCHEMA,
  '42703': SCHEMA,
  '42804': SCHEMA,
  '42809': SCHEMA,
  '42P01': SCHEMA,
  '42P10': SCHEMA,
  XX001: DAMAGED,
  XX002: DAMAGED,
  '58030': { code: 'store_unavailable', reason: 'io' },
  '08000': LOST,
  '08003': LOST,
  '08006': LOST,
  '25P03': LOST,
  '25P04': LOST,
  '57P01': LOST,
  '57P02': LOST,
  '57P03': { code: 'store_unavailable', reason: 'starting' },
  '57P05': LOST,
}

/** What clients say themselves while they connect, so before anything was sent. */
const UNSENT: readonly unknown[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  'CONNECT_TIMEOUT',
]

/** Another transaction was in the way: the server rolled back, and asks for the same again. */
const AGAIN: readonly unknown[] = ['40001', '40P01']

/** The error of the contract that says what is known; nothing of the client's error is kept. */
export function toStoreError(error: unknown, phase: Phase): PrivityError {
  if (isPrivityError(error)) return error
  const code = codeOf(error)
  if (code === 'CONNECTION_ENDED') {
    return new PrivityError('store_closed', { reason: 'connection_closed' })
  }
  const known = stateOf(code)
  if (phase === 'commit' && known?.decided !== true && !UNSENT.includes(code)) {
    return new PrivityError('outcome_unknown', {})
  }
  const { code: meaning, reason } = known ?? {
    code: 'store_unavailable',
    reason: phase === 'unsent' || UNSENT.includes(code) ? 'cannot_connect' : 'connection_lost',
  }
  if (meaning === 'write_conflict') return new PrivityError(meaning, { attempts: 1 })
  return new PrivityError(meaning, { reason })
}

/** Whether the server asks for the whole transaction again, having applied none of it. */
export function asksAgain(error: unknown): boolean {
  return AGAIN.includes(codeOf(error))
}

/** Whether nobody knows what became of the connection, and of what was sent on it. */
export function losesConnection(error: unknown): boolean {
  if (isPrivityError(error, 'write_conflict')) return false
  return stateOf(codeOf(error))?.decided !== true
}

/** SQLSTATE of a server's error, or what a client calls its own. */
export function codeOf(error: unknown): string | undefined {
  const code: unknown = typeof error === 'object' && error !== null ? Object(error).code : undefined
  return typeof code === 'string' ? code : undefined
}

function stateOf(code: string | undefined): State | undefined {
  return code !== undefined && Object.hasOwn(STATES, code) ? STATES[code] : undefined
}

function unavailable(reason: string): State {
  return { code: 'store_unavailable', reason, decided: true }
}
