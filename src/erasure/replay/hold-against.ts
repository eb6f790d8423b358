import type { Journal } from '../../journal/journal.ts'
import type { Place } from '../../journal/journal-entry.ts'
import { advanceMark, type MarkDeps, readMark, readOwnMark } from '../../journal/journal-mark.ts'
import { newErasures } from './new-erasures.ts'
import { type StandingDeps, standingsOf } from './standing.ts'

/** What holding a store against its journal needs. */
export interface HoldDeps extends StandingDeps, MarkDeps {
  readonly store: StandingDeps['store']
  readonly keyspace: StandingDeps['keyspace']
  readonly controller: StandingDeps['controller']
  readonly ledger: MarkDeps['ledger']
  readonly journal: Journal
}

/** What a store has of its journal. */
export interface Held {
  readonly from: Place
  readonly to: Place
  /** Up to where the store knew of it. */
  readonly seen: Place
  /** Up to where all is done; what comes behind it is looked at again. */
  readonly settled: Place
  /** Erasures that the store lacks. */
  readonly behind: number
  /** Erasures that are under way. */
  readonly pending: number
  /** Erasures that were looked at. */
  readonly of: number
}

/**
 * Holds a store against what came into its journal since that was last done: at the cost of what is new.
 *
 * @throws {@link journal_diverged}
 */
export async function holdAgainst(deps: HoldDeps): Promise<Held> {
  const { journal } = deps
  const { mark } = await readOwnMark(deps)
  const [from, seen] = [{ seq: mark.seq, hash: mark.hash }, mark.seen]
  const to = await journal.end(seen)
  let [behind, pending, of, settled] = [0, 0, 0, to]
  for await (const erasures of newErasures({ journal, from, to })) {
    const standings = await standingsOf(deps, erasures)
    behind += standings.filter((standing) => standing === 'missing').length
    const waiting = erasures.filter((_, at) => standings[at] === 'pending')
    pending += waiting.length
    of += standings.length
    settled = waiting.reduce((place, it) => (it.from.seq < place.seq ? it.from : place), settled)
  }
  return { from, to, seen, settled, behind, pending, of }
}

/** Moves the mark on when the store lacks nothing, and not past what is only under way: that may come to nothing. */
export async function settleJournal(deps: HoldDeps, known?: Held): Promise<void> {
  const { from, to, seen, settled, behind } = known ?? (await holdAgainst(deps))
  const isFurther = settled.seq > from.seq || to.seq > seen.seq
  const isNew = isFurther || (await readMark(deps)) === undefined
  if (behind === 0 && isNew) await advanceMark(deps, { settled, seen: to }, undefined)
}
