import { canonicalBytes } from '../base/canonical.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Keyspace } from '../storage/keyspace.ts'

/** Where the register of access logs is, and what seals it. */
export interface NotedRows {
  readonly keyspace: Keyspace
  readonly controller: Pick<ControllerKey, 'seal' | 'open'>
}

/** How many segments of a writer's log the main log knows of. */
export function readNoted(
  { keyspace, controller }: NotedRows,
  writer: number,
  sealed: Uint8Array | undefined,
): number {
  if (sealed === undefined) return 0
  const json = parseCanonical(controller.open(keyspace.writerRegister(writer), sealed))
  return (json as { readonly size: number } | undefined)?.size ?? 0
}

/** The row that says so. */
export function sealNoted(
  { keyspace, controller }: NotedRows,
  writer: number,
  size: number,
): Uint8Array {
  return controller.seal(keyspace.writerRegister(writer), canonicalBytes({ v: 1, size }))
}
