import { type InputPath, invalidInput } from '../base/errors.ts'
import { pick } from '../base/members.ts'
import type { Anchor } from '../storage/anchor.ts'
import { guardAnchor } from '../storage/guarded-anchor.ts'

/**
 * Reads an anchor that another is to rest on, and guards what it answers.
 *
 * @throws {@link invalid_input}
 */
export function parseAnchor(anchor: unknown, path: InputPath): Anchor {
  const { read, advance } = pick(anchor, ['read', 'advance'], path)
  if (typeof read !== 'function') throw invalidInput([...path, 'read'], 'not_a_function')
  if (typeof advance !== 'function') throw invalidInput([...path, 'advance'], 'not_a_function')
  return guardAnchor({
    read: () => Reflect.apply(read, anchor, []),
    advance: (...args) => Reflect.apply(advance, anchor, args),
  })
}
