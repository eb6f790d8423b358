import type { CompiledPolicy } from '../../policy/compiled.ts'
import type { ErasureHook, HookPart, HookScope } from '../hook.ts'

/** Whether a hook takes part where not everything goes. Pure. */
export function isPartialHook({ partial }: ErasureHook): boolean {
  return partial !== undefined && partial !== false
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
  if (typeof partial !== 'object') return partial === true
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
