import { canonicalBytes } from '../base/canonical.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { Key } from '../storage/store.ts'
import type { EntryController } from './shard.ts'

const VERSION = 1

/** How much of another log the main log knows of, as the row of its register says; nothing without a row. */
export function readNotedSize(
  controller: Pick<EntryController, 'open'>,
  key: Key,
  sealed: Uint8Array | undefined,
): number {
  if (sealed === undefined) return 0
  const json = parseCanonical(controller.open(key, sealed))
  return (json as { readonly size: number } | undefined)?.size ?? 0
}

/** The row that says so. */
export function sealNotedSize(
  controller: Pick<EntryController, 'seal'>,
  key: Key,
  size: number,
): Uint8Array {
  return controller.seal(key, canonicalBytes({ v: VERSION, size }))
}
