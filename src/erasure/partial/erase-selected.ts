import type { People } from '../../subjects/people.ts'
import { eraseFitting } from './erase-fitting.ts'
import { foreseeKeys } from './foresee-keys.ts'
import { requireFreeMembers } from './kept-group.ts'
import { isTouched } from './left-behind.ts'
import { entryOf, type Look, lookOver, type PlacedHead } from './look.ts'
import type { PartialDeps } from './partial-deps.ts'
import { type PartialJob, savePartial, withPartial } from './partial-job.ts'
import { isRenewed, isUnderOld, oldNames, type Renewal } from './renewal.ts'
import { resolveRule } from './resolve-rule.ts'
import { type Selected, selectionAsk } from './selection-ask.ts'
import { isDone, withEnd } from './selection-end.ts'
import type { PartialState } from './state.ts'

/** Records in one commit. */
const BATCH = 64
/** Each time that something was written meanwhile, it is looked at again. */
const ROUNDS = 100

/**
 * Erases what a job selects, in batches; resolves to the job once nothing of it is left and its keys are destroyed.
 * Undefined when others wrote the person all the time. May be run again after a crash at any point.
 *
 * @throws {@link erasure_incomplete} naming `privity:kept` once something of a member keeps a group
 */
export async function eraseSelected(
  deps: PartialDeps,
  start: PartialJob,
  signal: AbortSignal | undefined,
): Promise<PartialJob | undefined> {
  const { people } = deps.vault
  const rule = await resolveRule(deps.journal, start.job.partial.rule)
  let open = start
  for (let round = 1; round <= ROUNDS; round += 1) {
    signal?.throwIfAborted()
    const { subjectId, partial } = open.job
    const look = await lookOver({ ...deps, subjectId, rule, orphans: partial.orphans })
    open = await storeOrphans(people, open, look)
    open = await storeKeys(deps, open, look)
    const records = recordsToDo(look, open.job.partial)
    if (records.length === 0 && isDone(open.job, look)) {
      await releaseKeys(people, open)
      return withPartial(open, withEnd(open.job.partial, look))
    }
    const members = await requireFreeMembers(people, open.job, look.person.head)
    open = await eraseRecords(deps, open, { look, members, rule, records, signal })
  }
  return undefined
}

/** Once their owners are gone, nothing says any more which parts stay in spite of them. */
async function storeOrphans(
  people: People,
  open: PartialJob,
  { works, selection }: Look,
): Promise<PartialJob> {
  const { partial } = open.job
  const { orphans = [] } = partial
  const known = new Set(orphans)
  const left = works
    .filter(({ name, stays }) => stays.length > 0 && selection.owned?.endOf(name) !== undefined)
    .map(({ sealed }) => entryOf(sealed.place))
    .filter((entry) => !known.has(entry))
  return left.length === 0
    ? open
    : savePartial(people, open, { ...partial, orphans: [...orphans, ...left] })
}

/** Once the records are erased, nothing says any more under which keys they were. */
async function storeKeys(
  { vault }: PartialDeps,
  open: PartialJob,
  look: Look,
): Promise<PartialJob> {
  const partial = await foreseeKeys(vault.people, open.job.partial, look)
  return partial === undefined ? open : savePartial(vault.people, open, partial)
}

/** A record by its numbers. */
type Placed = Omit<PlacedHead, 'head'>

/** Records that lose something, and those that are still under a key that goes. */
function recordsToDo(
  { works, records, person, selection }: Look,
  { renewals = [] }: PartialState,
): readonly Placed[] {
  const taken = works.filter((work) => isTouched(selection, work)).map(({ sealed }) => sealed.place)
  const due = renewals.filter((renewal) => !isRenewed(person.ring, renewal))
  const under = records.filter(({ head }) => due.some((renewal) => isUnderOld(head, renewal)))
  return [...new Map([...taken, ...under].map((record) => [entryOf(record), record])).values()]
}

interface Round extends Selected {
  readonly records: readonly Placed[]
}

/** Ends early where somebody wrote the person meanwhile: the next round looks again. */
async function eraseRecords(
  deps: PartialDeps,
  start: PartialJob,
  round: Round,
): Promise<PartialJob> {
  const { records, signal } = round
  let open = start
  // At least one batch: closing the person, or a key that nothing is under any more, needs no record.
  for (let from = 0; from === 0 || from < records.length; from += BATCH) {
    signal?.throwIfAborted()
    const ask = selectionAsk(deps, open.job, round)
    const outcome = await eraseFitting({ ...ask, records: records.slice(from, from + BATCH) })
    if (outcome === 'stale') return open
    const { renewals } = outcome
    const isLast = from + BATCH >= records.length
    // The next batch has to know of the newer keys that this one made.
    if (!isLast && haveBegun(ask.renewals, renewals))
      open = await savePartial(deps.vault.people, open, { ...open.job.partial, renewals })
  }
  return open
}

function haveBegun(before: readonly Renewal[], after: readonly Renewal[]): boolean {
  return after.length > 0 && before.some(({ since }) => since === undefined)
}

/** A key store lets go of keys after the document has stopped counting on them; again when that was interrupted. */
async function releaseKeys({ deps }: People, { job }: PartialJob): Promise<void> {
  const names = (job.partial.renewals ?? []).flatMap(oldNames)
  for (const name of names) deps.keys.release(job.subjectId, name)
  if (names.length > 0) await deps.keyRows?.remove(job.subjectId, names)
}
