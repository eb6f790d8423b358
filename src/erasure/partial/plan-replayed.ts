import { isPrivityError } from '../../base/errors.ts'
import { isUnreadable } from '../../subjects/unreadable.ts'
import type { Exclusion } from '../exclusion.ts'
import type { Job } from '../job.ts'
import type { PartJournal } from './part-journal.ts'
import { type PartHooksDeps, planPartHooks } from './plan-part-hooks.ts'
import { takesPart } from './part-hooks.ts'
import { planPartial } from './plan-partial.ts'
import type { ReplayedRule } from './replayed-rule.ts'
import { resolveRule } from './resolve-rule.ts'
import type { PartialState } from './state.ts'

/** What planning it again needs. */
export interface ReplayedDeps extends PartHooksDeps {
  readonly journal?: PartJournal | undefined
}

/** What was erased before, as a job has it. */
export type ReplayedState = PartialState & { readonly rule: ReplayedRule }

/** Whether a job does again what was erased before. Pure. */
export function isReplayedPart(partial: PartialState | undefined): partial is ReplayedState {
  return partial?.rule.kind === 'replayed'
}

/**
 * The plan of doing a part again. Of somebody who is not in this copy, or whom nobody can open, nothing can be
 * erased: that is the end of it, and the certificate says so.
 */
export async function planReplayed(
  deps: ReplayedDeps,
  job: Job,
  partial: ReplayedState,
): Promise<Job> {
  const { vault, hooks } = deps
  const { subjectId } = job
  const rule = await resolveRule(deps.journal, partial.rule)
  try {
    // Nothing is asked of what keeps it now: it was erased already.
    const keptOf = (): [] => []
    const { items, exclusions } = await planPartial({ vault, hooks: [], keptOf, subjectId, rule })
    const closes = { what: 'person', count: 1, action: 'close' } as const
    const planned: PartialState = {
      ...partial,
      items: [...items, ...(partial.closes === true ? [closes] : [])],
      exclusions,
    }
    return partial.hookScope === undefined
      ? { ...job, partial: planned, hooks: [], step: 'planned' }
      : await planPartHooks({ vault, hooks }, job, planned)
  } catch (error) {
    const ground = whyNobody(error)
    if (ground === undefined) throw error
    const exclusions = [{ what: 'person', count: 1, ground }, ...hooksLeftOut(deps, partial)]
    return { ...job, partial: { ...partial, exclusions }, hooks: [], step: 'verified' }
  }
}

/** Why there is nobody to erase a part of; undefined for any other error. Pure. */
export function whyNobody(error: unknown): 'absent' | 'erased' | 'unreadable' | undefined {
  if (isPrivityError(error, 'not_found')) return 'absent'
  if (isPrivityError(error, 'erased')) return 'erased'
  return isUnreadable(error) ? 'unreadable' : undefined
}

function hooksLeftOut(
  { hooks }: ReplayedDeps,
  { hookScope, closes }: ReplayedState,
): readonly Exclusion[] {
  if (hookScope === undefined) return []
  return hooks
    .filter((hook) => takesPart(hook, closes))
    .map(({ id }) => ({ what: `hook:${id}`, count: 1, ground: 'not_replayed' }))
}
