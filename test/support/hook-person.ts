import type { HookContext, HookItem, HookOutcome } from '../../src/erasure/hook.ts'
import type { ErasureHook } from 'privity'

/** A person as a hook sees one. */
export interface HookPerson {
  readonly externalId?: string
  readonly subjectId?: string
  readonly erasureId?: string
  readonly signal?: AbortSignal
  /** Fields that can be read; none once the keys are gone. */
  readonly fields?: { readonly [field: string]: unknown }
}

/** What a hook did and found, from its plan to its verification. */
export interface HookRun {
  readonly items: readonly HookItem[]
  readonly outcomes: readonly HookOutcome[]
  readonly verdicts: readonly unknown[]
}

export function contextOf(person: HookPerson): HookContext {
  const { externalId, fields } = person
  return {
    erasureId: person.erasureId ?? '0123456789abcdef0123456789abcdef',
    subjectId: person.subjectId ?? 'fedcba9876543210fedcba9876543210',
    ...(externalId === undefined ? {} : { externalId }),
    signal: person.signal ?? new AbortController().signal,
    read: async () => {
      if (fields === undefined) throw new TypeError('the keys are gone')
      return fields
    },
    list: async function* list() {
      if (fields !== undefined) yield { recordId: '0', fields }
    },
  }
}

/** As the engine runs it. */
export async function runHook(hook: ErasureHook, person: HookPerson): Promise<HookRun> {
  const context = contextOf(person)
  const items = await hook.plan(context)
  const outcomes: HookOutcome[] = []
  for (const item of items) outcomes.push(await hook.execute(item, context))
  const verdicts = await Promise.all(items.map((item) => hook.verify(item, context)))
  return { items, outcomes, verdicts }
}
