import { isPrivityError, PrivityError } from '../../base/errors.ts'
import { CHECK_FAILED } from './batch-statements.ts'
import { type Phase, RESULTS } from './errors.ts'

/** Words of the services about themselves, where SQLite was not asked at all. */
const WORDS: readonly (readonly [RegExp, 'store_full' | 'store_unavailable', string])[] = [
  [/exceeded maximum DB size/i, 'store_full', 'quota'],
  [/overloaded/i, 'store_unavailable', 'busy'],
]

/** Results of a statement, after which the batch was rolled back; others may come of the commit itself. */
const STATEMENT_FAILED: ReadonlySet<string> = new Set(['ERROR', 'CONSTRAINT'])

/** The error of the contract that says what is known; nothing of the client's error is kept. */
export function toBatchError(error: unknown, phase: Phase): PrivityError {
  if (isPrivityError(error)) return error
  const said = wordsOf(error)
  if (said.includes('CLIENT_CLOSED')) {
    return new PrivityError('store_closed', { reason: 'connection_closed' })
  }
  if (said.includes(CHECK_FAILED)) return new PrivityError('write_conflict', { attempts: 1 })
  const name = said.includes('no such table') ? 'ERROR' : /SQLITE_([A-Z]+)/.exec(said)?.[1]
  const result = name !== undefined && Object.hasOwn(RESULTS, name) ? RESULTS[name] : undefined
  const [, code, reason] = WORDS.find(([words]) => words.test(said)) ?? []
  const decided = result?.decided === true || STATEMENT_FAILED.has(name ?? '')
  if (phase === 'commit' && !decided) return new PrivityError('outcome_unknown', {})
  return new PrivityError(result?.code ?? code ?? 'store_unavailable', {
    reason: result?.reason ?? reason ?? 'connection_lost',
  })
}

/** D1 says everything in the message; libSQL has a code beside it. */
function wordsOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
  return `${typeof code === 'string' ? code : ''} ${typeof message === 'string' ? message : ''}`
}
