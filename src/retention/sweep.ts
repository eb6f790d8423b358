import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import { callback } from '../base/callback.ts'
import { isPrivityError } from '../base/errors.ts'
import { ignoreThrown } from '../base/ignore-thrown.ts'
import { parseOptions } from '../base/parse-options.ts'
import { isGone } from '../subjects/gone.ts'
import { requireNewest } from '../vault/require-newest.ts'
import { isForSweep, type SweptPerson, type SweepDeps, sweepPerson } from './sweep-person.ts'
import { type DueRow, type UnopenedDue, walkDue } from './walk-due.ts'

/** How a sweep is watched and stopped; what was done stays done, and another sweep goes on. */
export interface SweepOptions {
  /** People at most of whom something is erased or anonymised. Default: all of whom something is due. */
  readonly limit?: number
  /** Stops between two groups of people. */
  readonly signal?: AbortSignal
  /** Called after each group of people. What it throws is ignored. */
  readonly onProgress?: (report: SweepReport) => void
}

/** What a sweep did. */
export interface SweepReport {
  /** People of whom something was due. */
  readonly people: number
  /** Records of which values came to an end of their own; what goes because a purpose ended counts in `people`. */
  readonly records: number
  /** People who were erased as a whole. */
  readonly erased: number
  /** People of whom something came up that a hold, a law or a restriction keeps; a hold until its next review. */
  readonly kept: number
  /** People of whom something is due and could not be done; it stays due. */
  readonly failed: number
}

/** People at a time: they leave in few commits, and few of them are in memory. */
const GROUP = 32
/**
 * Groups grow to this. What they left behind is scrubbed for all of a group at once, which can take as long as the
 * store is large.
 */
const LARGEST_GROUP = 256
const NOTHING: SweepReport = { people: 0, records: 0, erased: 0, kept: 0, failed: 0 }

const sweepOptions = z.strictObject({
  limit: z.optional(z.int().check(z.positive())),
  signal: abortSignal,
  onProgress: callback<SweepOptions['onProgress']>(),
})

/** Erases or anonymises everything that is due now, the earliest first; one person's failure stops no other. */
export async function sweep(deps: SweepDeps, options: unknown): Promise<SweepReport> {
  const parsed = parseOptions(sweepOptions, options)
  const { limit = Number.POSITIVE_INFINITY, signal, onProgress } = parsed
  await requireNewest(deps.vault)
  let report = NOTHING
  let left = limit
  const staying = new Set<string>()
  let most = GROUP
  const size = (): number => Math.min(most, left)
  for await (const ids of duePeople(deps, { staying, size, signal })) {
    signal?.throwIfAborted()
    const outcomes = await Promise.all(ids.map((id) => sweepSafely(deps, id, signal)))
    report = outcomes.reduce(add, report)
    ignoreThrown(() => onProgress?.(Object.freeze({ ...report })))
    for (const [at, id] of ids.entries()) if (isStaying(outcomes[at])) staying.add(id)
    left -= outcomes.filter(isDone).length
    most = Math.min(most * 2, LARGEST_GROUP)
    if (left <= 0) break
  }
  return report
}

interface Grouping {
  /** Of whom something stays due: who was met once is not met again. */
  readonly staying: ReadonlySet<string>
  /** Of the next group. */
  readonly size: () => number
  readonly signal: AbortSignal | undefined
}

/** Each person once, however many of their records are due; who does not open, too: that is found out again. */
async function* duePeople(
  { vault }: SweepDeps,
  { staying, size, signal }: Grouping,
): AsyncGenerator<readonly string[]> {
  const { people } = vault
  let group = new Set<string>()
  const before = people.now()
  for await (const due of walkDue(people, { before, signal })) {
    const id = 'error' in due ? due.id : due.person.id
    if (staying.has(id) || isReview(due, before)) continue
    group.add(id)
    if (group.size < size()) continue
    yield [...group]
    group = new Set()
  }
  if (group.size > 0) yield [...group]
}

function isReview(due: DueRow | UnopenedDue, now: number): boolean {
  return !('error' in due) && due.record === undefined && !isForSweep(due.person.head, now)
}

type Outcome = SweptPerson | 'failed'

/** Who is kept or fails stays due: counted as well, they would keep a bounded sweep from ever reaching the others. */
function isDone(outcome: Outcome): boolean {
  if (outcome === 'failed') return false
  const { isDue, isKept, isErased, records } = outcome
  return isErased || records > 0 || (isDue && !isKept)
}

async function sweepSafely(
  deps: SweepDeps,
  id: string,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  try {
    return await sweepPerson(deps, id, signal)
  } catch (error) {
    signal?.throwIfAborted()
    // Somebody else erases the person: nothing is due any more.
    if (isGone(error)) return { records: 0, isErased: false, isKept: false, isDue: false }
    if (isPrivityError(error)) return 'failed'
    throw error
  }
}

function isStaying(outcome: Outcome | undefined): boolean {
  return outcome === 'failed' || outcome?.isKept === true
}

function add(report: SweepReport, outcome: Outcome): SweepReport {
  if (outcome === 'failed')
    return { ...report, people: report.people + 1, failed: report.failed + 1 }
  const { records, isErased, isKept, isDue } = outcome
  return {
    ...report,
    people: report.people + (isDue ? 1 : 0),
    records: report.records + records,
    erased: report.erased + (isErased ? 1 : 0),
    kept: report.kept + (isKept ? 1 : 0),
  }
}
