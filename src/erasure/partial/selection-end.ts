import { earliest } from '../../base/earliest.ts'
import { type Closing, isClosedUntil } from '../../subjects/closing.ts'
import type { Head } from '../../subjects/head.ts'
import type { Job } from '../job.ts'
import type { Look } from './look.ts'
import { isRenewed } from './renewal.ts'
import type { PartialState } from './state.ts'

/** What of the job of a partial erasure says how it ends. */
type Ending = Pick<Job, 'reason'> & { readonly partial: PartialState }

/** Whether nothing is left to do beside the records: the person is closed, and the keys that were to go are gone. Pure. */
export function isDone(ending: Ending, look: Look): boolean {
  const { head, ring } = look.person
  const { renewals = [] } = ending.partial
  return (
    isClosed(closingOf(ending, look), head) && renewals.every((renewal) => isRenewed(ring, renewal))
  )
}

/** How a person is closed who was to be erased as a whole; undefined for anybody else. Pure. */
export function closingOf({ reason, partial }: Ending, { works }: Look): Closing | undefined {
  if (partial.closes !== true) return undefined
  const isAgain = partial.rule.kind === 'replayed'
  return { reason, until: isAgain ? partial.closesUntil : firstEnd(works) }
}

/** Whether nobody is left to be closed. Pure. */
export function isClosed(closing: Closing | undefined, head: Head): boolean {
  return closing === undefined || isClosedUntil(head, closing.until)
}

/** Nothing is left of what was erased before: what comes from here on is new. Pure. */
export function withEnd(partial: PartialState, { person }: Look): PartialState {
  const { rule } = partial
  if (rule.kind !== 'replayed' || rule.until !== undefined) return partial
  return { ...partial, rule: { ...rule, until: person.head.sequence } }
}

/** When the first of what stays may go; undefined while that cannot be told of any. */
function firstEnd(works: Look['works']): number | undefined {
  return earliest(works.flatMap(({ stays }) => stays.flatMap(({ verdict }) => verdict.until ?? [])))
}
