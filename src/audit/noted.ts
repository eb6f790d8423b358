import type { ControllerKey } from '../keys/controller-key.ts'
import { readNotedSize, sealNotedSize } from '../ledger/noted-size.ts'
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
  return readNotedSize(controller, keyspace.writerRegister(writer), sealed)
}

/** The row that says so. */
export function sealNoted(
  { keyspace, controller }: NotedRows,
  writer: number,
  size: number,
): Uint8Array {
  return sealNotedSize(controller, keyspace.writerRegister(writer), size)
}
