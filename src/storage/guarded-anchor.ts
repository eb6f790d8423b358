import { PrivityError } from '../base/errors.ts'
import type { Anchor } from './anchor.ts'
import { ANCHOR_PATIENCE } from './patience.ts'
import { createWatchdog } from './watchdog.ts'

const MAX_LENGTH = 1_000_000

/** The edge between an anchor of the app and everything else: errors are typed, and nothing hangs. */
export function guardAnchor(anchor: Anchor): Anchor {
  const answer = createWatchdog({ patience: ANCHOR_PATIENCE, of: 'anchor' })
  return {
    read: async () => readable(await answer('store_unavailable', () => anchor.read())),
    // Only a plain yes is one.
    advance: async (from, to, prove) =>
      (await answer('outcome_unknown', () => anchor.advance(from, to, prove))) === true,
  }
}

function readable(note: unknown): string | undefined {
  if (note === undefined || (typeof note === 'string' && note.length <= MAX_LENGTH)) return note
  throw new PrivityError('store_corrupt', { reason: 'anchor', store: 'anchor' })
}
