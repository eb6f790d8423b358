import { sameBytes, utf8 } from '../base/bytes.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import type { TreeHead } from '../crypto/checkpoint.ts'
import { parseCheckpoint } from '../crypto/verify-checkpoint.ts'

/** Two checkpoints, the second of which may take the place of the first. */
export interface Advance {
  readonly before: TreeHead | undefined
  readonly after: TreeHead
}

/** Most bytes of a checkpoint with its signatures; a hundred cosignatures fit. */
export const MAX_CHECKPOINT = 65_536

/**
 * Reads the checkpoints that an anchor is to move between.
 *
 * @throws {@link invalid_input} for anything else
 * @throws {@link ledger_inconsistent} when the second has fewer leaves of the same log, or another root
 */
export function parseAdvance(from: string | undefined, to: string): Advance {
  const before = from === undefined ? undefined : parse(from, 'from')
  const after = parse(to, 'to')
  if (before?.origin === after.origin) assertForward(before, after)
  return { before, after }
}

function parse(text: string, name: string): TreeHead {
  const head = parseCheckpoint(text)
  if (head === undefined || utf8(text).length > MAX_CHECKPOINT)
    throw invalidInput([name], 'not_a_checkpoint')
  return head
}

function assertForward(before: TreeHead, after: TreeHead): void {
  const { origin } = after
  if (after.size < before.size)
    throw new PrivityError('ledger_inconsistent', { origin, kind: 'anchor_ahead' })
  if (after.size === before.size && !sameBytes(after.root, before.root))
    throw new PrivityError('ledger_inconsistent', { origin, kind: 'fork' })
}
