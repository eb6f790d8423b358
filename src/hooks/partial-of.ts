import { invalidInput } from '../base/errors.ts'
import type { HookPart } from '../erasure/hook.ts'

/** An option of every ready hook. */
export interface PartialOption {
  /**
   * What the system has copies of: all that it has of the person goes as soon as any of that does, also where a law or a
   * hold keeps the rest. Default: nothing goes there before the last of the person does.
   */
  readonly partial?: readonly HookPart[]
}

/**
 * For the hook; `createPrivity` holds it against the policy.
 *
 * @throws {@link invalid_input}
 */
export function partialOf(partial: unknown): PartialOption {
  if (partial === undefined) return {}
  // `true` would end all of the person there whenever any field of them is erased here.
  if (!Array.isArray(partial)) throw invalidInput(['partial'], 'not_a_list')
  return { partial }
}
