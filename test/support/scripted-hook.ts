import type { ErasureHook, HookContext, HookItem, HookOutcome } from 'privity'

/** What a hook does when it is asked; what is left out goes well. */
export interface HookScript
  extends Partial<
    Pick<
      ErasureHook,
      | 'id'
      | 'version'
      | 'needsPlaintext'
      | 'dependsOn'
      | 'partial'
      | 'concurrency'
      | 'attempts'
      | 'deadline'
      | 'owner'
    >
  > {
  readonly plan?: (context: HookContext) => unknown
  readonly execute?: (item: HookItem, context: HookContext) => unknown
  readonly verify?: (item: HookItem, context: HookContext) => unknown
}

/** A hook, and what it was asked, as `execute row-1`. */
export interface ScriptedHook extends ErasureHook {
  readonly calls: readonly string[]
}

/** One row of another system. */
export function itemOf(id: string): HookItem {
  return { id, description: 'row in the mailing list', count: 1 }
}

/** A hook into another system, as well-behaved as its script. */
export function scriptedHook({ plan, execute, verify, ...options }: HookScript = {}): ScriptedHook {
  const calls: string[] = []
  return {
    id: 'mailing',
    ...options,
    calls,
    plan: async (context) => {
      calls.push('plan')
      return (await (plan?.(context) ?? [itemOf('row-1')])) as readonly HookItem[]
    },
    execute: async (item, context) => {
      calls.push(`execute ${item.id}`)
      return (await (execute?.(item, context) ?? 'done')) as HookOutcome
    },
    verify: async (item, context) => {
      calls.push(`verify ${item.id}`)
      return (await (verify?.(item, context) ?? 'absent')) as 'absent'
    },
  }
}
