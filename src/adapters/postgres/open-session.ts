import { invalidInput } from '../../base/errors.ts'
import { isPGlite, isPgPool, isPostgresJs } from './client.ts'
import { pgSession } from './pg-session.ts'
import { pgliteSession } from './pglite-session.ts'
import { postgresJsSession } from './postgres-js-session.ts'
import type { Session } from './session.ts'

/**
 * Finds out which client this is.
 *
 * @throws {@link invalid_input}
 */
export function openSession(client: unknown): Session {
  if (isPostgresJs(client)) return postgresJsSession(client)
  if (isPgPool(client)) return pgSession(client)
  if (isPGlite(client)) return pgliteSession(client)
  throw invalidInput(['client'], 'not_a_client')
}
