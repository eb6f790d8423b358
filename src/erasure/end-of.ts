import type { Keyspace } from '../storage/keyspace.ts'
import { type CertifiedDeps, certifiedHere } from './certified-here.ts'
import { derivedId } from './derived-id.ts'

/** How an erasure came to its end. */
export type ErasureEnd = 'completed' | 'cancelled'

/** What telling it takes. */
export interface EndDeps extends CertifiedDeps {
  readonly keyspace: Keyspace
}

/**
 * How an erasure ended; undefined while it may go on. Rows of jobs are not logged: whoever can write to the store can put
 * one back that has had its end.
 */
export async function endOf(deps: EndDeps, erasureId: string): Promise<ErasureEnd | undefined> {
  const { store, keyspace } = deps
  const key = keyspace.certificate(erasureId)
  const [certificate, cancelled] = await store.read([key, keyspace.cancelled(erasureId)])
  if ((await certifiedHere(deps, key, certificate)) !== undefined) return 'completed'
  return cancelled === undefined ? undefined : 'cancelled'
}

/** Under which id an erasure is done again: its own, or, once that came to one of these ends, the next. */
export async function idAgain(
  deps: EndDeps,
  erasureId: string,
  ends: readonly ErasureEnd[] = ['completed', 'cancelled'],
): Promise<string> {
  const end = await endOf(deps, erasureId)
  if (end === undefined || !ends.includes(end)) return erasureId
  return idAgain(deps, derivedId(`${erasureId}/again`), ends)
}
