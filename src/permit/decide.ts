import type { DenialReason } from '../base/errors.ts'
import { type BasisFacts, basisDenials } from '../consent/status.ts'

/** May this be done? With every reason why not. */
export interface Decision {
  /** Look at this and not at the object, which is true either way. */
  readonly allowed: boolean
  /** Everything that stands in the way; empty where it is allowed. */
  readonly reasons: readonly DenialReason[]
}

/** Everything that a decision rests on. Whatever is not known to be so is passed as no. */
export interface DecisionFacts extends BasisFacts {
  /** One of the actor's roles has the purpose. */
  readonly hasRole: boolean
  readonly requiresTask: boolean
  readonly hasTask: boolean
  /** The actor may see this person at all; undefined when the app could not tell, `silent` when it did not answer. */
  readonly related: boolean | 'silent' | undefined
}

/** Yes where all say yes, and somebody does; else with every reason of any of them. Pure. */
export function decideForAll(decisions: readonly Decision[]): Decision {
  if (decisions.length === 0) return denial('no_basis')
  const reasons = [...new Set(decisions.flatMap((decision) => decision.reasons))]
  const allowed = decisions.every((decision) => decision.allowed === true)
  return Object.freeze({ allowed, reasons: Object.freeze(reasons) })
}

/** A no for one reason. */
export function denial(reason: DenialReason): Decision {
  return Object.freeze({ allowed: false, reasons: Object.freeze([reason]) })
}

/** Why an actor may not do this about anybody. Pure. */
export function denialsOfActor({
  hasRole,
  requiresTask,
  hasTask,
}: Pick<DecisionFacts, 'hasRole' | 'requiresTask' | 'hasTask'>): readonly DenialReason[] {
  const lacksTask = requiresTask !== false && hasTask !== true
  return [
    ...(hasRole === true ? [] : (['role'] as const)),
    ...(lacksTask ? (['task_required'] as const) : []),
  ]
}

/** The one place that says yes or no. Pure, and no unless every fact speaks for it. */
export function decide(facts: DecisionFacts): Decision {
  const reasons: DenialReason[] = [...denialsOfActor(facts)]
  if (facts.related !== true) reasons.push('no_relationship')
  reasons.push(...basisDenials(facts))
  return Object.freeze({ allowed: reasons.length === 0, reasons: Object.freeze(reasons) })
}
