import { type InputPath, invalidInput, PrivityError } from '../base/errors.ts'
import { pick } from '../base/members.ts'
import { parseCheckpoint } from '../crypto/verify-checkpoint.ts'
import type { Anchor } from '../storage/anchor.ts'
import { guardAnchor } from '../storage/guarded-anchor.ts'

/**
 * Reads an anchor of the app once, and guards what it answers.
 *
 * @throws {@link invalid_input}
 */
export function parseAnchor(anchor: unknown, path: InputPath): Anchor {
  const { read, advance } = pick(anchor, ['read', 'advance'], path)
  if (typeof read !== 'function') throw invalidInput([...path, 'read'], 'not_a_function')
  if (typeof advance !== 'function') throw invalidInput([...path, 'advance'], 'not_a_function')
  const guarded = guardAnchor({
    read: () => Reflect.apply(read, anchor, []),
    advance: (...args) => Reflect.apply(advance, anchor, args),
  })
  return { ...guarded, read: async () => readable(await guarded.read()) }
}

/** What is no checkpoint contradicts no log: somebody else answered in the anchor's place. */
function readable(note: string | undefined): string | undefined {
  if (note === undefined || parseCheckpoint(note) !== undefined) return note
  throw new PrivityError('store_corrupt', { reason: 'anchor', store: 'anchor' })
}
