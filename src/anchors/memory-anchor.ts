import type { Anchor } from '../storage/anchor.ts'
import { parseAdvance } from './parse-advance.ts'

/**
 * An anchor that forgets everything when the process ends: for tests, and against a database that is set back
 * while the process runs.
 *
 * @example
 * ```ts
 * import { memoryAnchor } from 'privity'
 *
 * const anchor = memoryAnchor()
 * console.log(await anchor.read()) // undefined
 * ```
 */
export function memoryAnchor(): Anchor {
  let remembered: string | undefined
  return {
    read: async () => remembered,
    advance: async (from, to) => {
      parseAdvance(from, to)
      if (from !== remembered) return false
      remembered = to
      return true
    },
  }
}
