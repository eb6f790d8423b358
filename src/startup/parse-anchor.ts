import { PrivityError } from '../base/errors.ts'
import { pick } from '../base/members.ts'
import { parseCheckpoint } from '../crypto/verify-checkpoint.ts'
import type { Anchor } from '../storage/anchor.ts'
import { guardAnchor } from '../storage/guarded-anchor.ts'
import { callable } from './callable.ts'

/**
 * Reads an anchor of the app once, and guards what it answers; undefined when there is none.
 *
 * @throws {@link invalid_input}
 */
export function parseAnchor(anchor: unknown): Anchor | undefined {
  if (anchor === undefined) return undefined
  const given = pick(anchor, ['read', 'advance'], ['anchor'])
  const method = callable<Anchor>(anchor, 'anchor')
  const guarded = guardAnchor({
    read: method('read', given.read),
    advance: method('advance', given.advance),
  })
  return { ...guarded, read: async () => readable(await guarded.read()) }
}

/** What is no checkpoint contradicts no log: somebody else answered in the anchor's place. */
function readable(note: string | undefined): string | undefined {
  if (note === undefined || parseCheckpoint(note) !== undefined) return note
  throw new PrivityError('store_corrupt', { reason: 'anchor' })
}
