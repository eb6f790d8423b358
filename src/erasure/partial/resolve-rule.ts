import { PrivityError } from '../../base/errors.ts'
import type { Rule } from '../selection.ts'
import type { PartJournal } from './part-journal.ts'
import type { ReplayedRule } from './replayed-rule.ts'
import type { Replayable } from './replayed-selection.ts'

/** A rule with all that it goes by: what was erased before is in the journal, and not in a job. */
export async function resolveRule(
  journal: PartJournal | undefined,
  rule: Rule | ReplayedRule,
): Promise<Rule | Replayable> {
  if (rule.kind !== 'replayed') return rule
  if (journal === undefined) throw new PrivityError('not_supported', { what: 'journal' })
  return { kind: 'replayed', rule, told: await journal.told(rule.parts) }
}
