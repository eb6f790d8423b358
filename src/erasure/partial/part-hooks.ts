import type { CompiledPolicy } from '../../policy/compiled.ts'
import type { ErasureHook, HookPart, HookScope } from '../hook.ts'

/** Whether a hook takes part in any part that concerns it. Pure. */
export function isPartialHook({ partial }: ErasureHook): boolean {
  return partial !== undefined && partial !== false
}

/**
 * Whether a hook takes part in the erasure of a part, or, when it `closes`, of all of somebody but what has to stay.
 * What a hook reads is gone after that: one that needs plaintext would find nothing once the rest may go. Pure.
 */
export function takesPart(hook: ErasureHook, closes: boolean | undefined): boolean {
  return isPartialHook(hook) || (closes === true && hook.needsPlaintext === true)
}

/**
 * Whether something goes of what the system of a hook has copies of. What the policy has not any more is not
 * known by its name, and concerns whoever has copies of such a record. Pure.
 */
export function isConcerned(
  { partial }: ErasureHook,
  { records }: HookScope,
  policy: Pick<CompiledPolicy, 'records'>,
): boolean {
  if (typeof partial !== 'object') return true
  return records.some((gone) => {
    const declared = policy.records.get(gone.record)
    if (declared === undefined) return true
    const isKnown = (name: string): boolean => declared.fields.some((field) => field.name === name)
    return partial.some(
      (part) => part.record === gone.record && overlaps(part, gone.fields, isKnown),
    )
  })
}

function overlaps(
  { fields }: HookPart,
  gone: readonly string[] | undefined,
  isKnown: (name: string) => boolean,
): boolean {
  if (fields === undefined || gone === undefined) return true
  return gone.some((name) => !isKnown(name) || fields.includes(name))
}
