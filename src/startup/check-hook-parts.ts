import { invalidInput } from '../base/errors.ts'
import type { ErasureHook, HookPart } from '../erasure/hook.ts'
import { compilePolicy } from '../policy/compile.ts'
import type { CompiledRecord } from '../policy/compiled.ts'

/**
 * Holds what hooks say that they have copies of against the policy: under a name that it does not have, a hook would
 * never be told of anything.
 *
 * @throws {@link invalid_input} with `not_declared`
 */
export function checkHookParts(policy: object, hooks: readonly ErasureHook[]): void {
  const { records } = compilePolicy(policy)
  for (const { id, partial } of hooks) {
    if (typeof partial !== 'object') continue
    partial.forEach((part, index) => {
      const missing = missingIn(records.get(part.record), part)
      if (missing !== undefined)
        throw invalidInput(['hooks', id, 'partial', index, ...missing], 'not_declared')
    })
  }
}

function missingIn(
  declared: CompiledRecord | undefined,
  { fields = [] }: HookPart,
): readonly (string | number)[] | undefined {
  if (declared === undefined) return ['record']
  const at = fields.findIndex((name) => !declared.fields.some((field) => field.name === name))
  return at < 0 ? undefined : ['fields', at]
}
