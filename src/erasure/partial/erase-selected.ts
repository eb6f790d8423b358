import { toBase64url } from '../../base/bytes.ts'
import { isPrivityError } from '../../base/errors.ts'
import { keysOfClass } from '../../keys/key-ring.ts'
import { isClosedUntil } from '../../subjects/closing.ts'
import type { MembersSeen } from '../../subjects/holds.ts'
import { ownEntries } from '../../subjects/own-entries.ts'
import { pageRows } from '../../vault/record-heads.ts'
import type { Vault } from '../../vault/vault.ts'
import { type OpenJob, saveJob } from '../job.ts'
import { attachmentOf, holdsKey } from './attachments.ts'
import { type BatchAsk, eraseBatch } from './batch.ts'
import { entryOf, type KeptOf, type Look, lookOver, type PlacedHead, selectionOf } from './look.ts'
import { isTouched } from './left-behind.ts'
import { isRenewed, isUnderOld, oldNames, renewClass, type Renewal } from './renewal.ts'
import { requireFreeMembers } from './kept-group.ts'
import type { PartJournal } from './part-journal.ts'
import { resolveRule } from './resolve-rule.ts'
import type { PartialState, Probe } from './state.ts'
import { isTelling, partOf, type Telling } from './telling.ts'
import { isTaking, type RecordWork, touchedBy } from './work.ts'

/** What erasing some fields needs. */
export interface SelectedDeps {
  readonly vault: Vault
  readonly keptOf: KeptOf
  /** Absent without a journal. */
  readonly journal?: PartJournal | undefined
}

/** A job whose erasure is a partial one. */
export type PartialJob = OpenJob & { readonly job: { readonly partial: PartialState } }

/** Records in one commit. */
const BATCH = 64
/** Each time that something was written meanwhile, it is looked at again. */
const ROUNDS = 100
const MAX_PROBES = 8
const MAX_PROBE_BYTES = 4_096

/**
 * Erases what a job selects, in batches; resolves to the job once nothing of it is left and its keys are destroyed.
 * Undefined when others wrote the person all the time. May be run again after a crash at any point.
 *
 * @throws {@link erasure_incomplete} naming `privity:kept` once something of a member keeps a group
 */
export async function eraseSelected(
  deps: SelectedDeps,
  start: PartialJob,
  signal: AbortSignal | undefined,
): Promise<PartialJob | undefined> {
  let open = start
  const rule = await resolveRule(deps.journal, open.job.partial.rule)
  for (let round = 1; round <= ROUNDS; round += 1) {
    signal?.throwIfAborted()
    const { subjectId } = open.job
    const { orphans } = open.job.partial
    const look = await lookOver({ ...deps, subjectId, rule, orphans })
    open = await foresee(deps.vault, await noteOrphans(deps.vault, open, look), look)
    const todo = todoOf(look, open.job.partial)
    if (todo.length === 0 && isDone(look, open.job.partial)) {
      await settleKeys(deps.vault, open)
      return withEnd(open, look)
    }
    const members = await requireFreeMembers(deps.vault.people, open.job, look.person.head)
    open = await eraseAll(deps, { open, look, members, todo, rule }, signal)
  }
  return undefined
}

/** Nothing is left of what was erased before: what comes from here on is new. */
function withEnd(open: PartialJob, { person }: Look): PartialJob {
  const { partial } = open.job
  const { rule } = partial
  if (rule.kind !== 'replayed' || rule.until !== undefined) return open
  const ended = { ...rule, until: person.head.sequence }
  return { ...open, job: { ...open.job, partial: { ...partial, rule: ended } } }
}

/** Stores which parts stay in spite of their owners: once these are gone, nothing says so any more. */
async function noteOrphans(
  vault: Vault,
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
    : savePartial(vault, open, { ...partial, orphans: [...orphans, ...left] })
}

/** Stores which keys will go, before anything does: afterwards nothing says so any more. */
async function foresee(vault: Vault, open: PartialJob, look: Look): Promise<PartialJob> {
  const { partial } = open.job
  const { renewals = [], attached = [] } = partial
  const fresh = new Set(
    look.works
      .filter(isTaking)
      .flatMap((work) =>
        touchedBy(work).filter(
          (accessClass) =>
            !attached.includes(accessClass) &&
            keysOfClass(look.person.ring, accessClass).length > 0 &&
            !renewals.some(
              (renewal) =>
                renewal.accessClass === accessClass &&
                !isRenewed(look.person.ring, renewal) &&
                isUnderOld(work.sealed.head, renewal),
            ),
        ),
      ),
  )
  // Before there is a newer key, an attachment may still be sealed under the old one.
  const unsure = renewals
    .filter((it) => it.since === undefined && !isRenewed(look.person.ring, it))
    .map((it) => it.accessClass)
  const asked = new Set([...fresh, ...unsure])
  if (asked.size === 0) return open
  const holding = await holdingClasses(vault, look, asked)
  const begun = [...asked]
    .filter((accessClass) => !holding.has(accessClass))
    .map((accessClass) => renewClass(look.person.ring, accessClass, renewals))
  const next: PartialState = {
    ...partial,
    renewals: [...renewals.filter(({ accessClass }) => !asked.has(accessClass)), ...begun],
    attached: [...new Set([...attached, ...holding])],
    // One whose class keeps its key after all would open, and prove nothing.
    probes: (partial.probes ?? probesOf(look, begun)).filter(
      ({ accessClass }) => !holding.has(accessClass),
    ),
  }
  return savePartial(vault, open, next)
}

async function holdingClasses(
  { people }: Vault,
  { person, selection }: Look,
  asked: ReadonlySet<number>,
): Promise<ReadonlySet<number>> {
  const holding = new Set<number>()
  for await (const entry of ownEntries(people, person)) {
    const attachment = attachmentOf(entry)
    if (attachment === undefined || !asked.has(attachment.accessClass)) continue
    if (holdsKey(selection, attachment)) holding.add(attachment.accessClass)
  }
  return holding
}

/** Records that lose something, and those that are still under a key that goes. */
function todoOf(
  { works, records, person, selection }: Look,
  { renewals = [] }: PartialState,
): readonly Omit<PlacedHead, 'head'>[] {
  const taken = works.filter((work) => isTouched(selection, work)).map(({ sealed }) => sealed.place)
  const due = renewals.filter((renewal) => !isRenewed(person.ring, renewal))
  const under = records.filter(({ head }) => due.some((renewal) => isUnderOld(head, renewal)))
  return [...new Map([...taken, ...under].map((record) => [entryOf(record), record])).values()]
}

function isDone({ person, works }: Look, partial: PartialState): boolean {
  const { renewals = [], closes } = partial
  const isClosed = closes !== true || isClosedUntil(person.head, untilOf(partial, works))
  return isClosed && renewals.every((renewal) => isRenewed(person.ring, renewal))
}

/** When the first of what stays may go; undefined while that cannot be told of any. */
function untilOf(
  { rule, closesUntil }: PartialState,
  works: readonly RecordWork[],
): number | undefined {
  if (rule.kind === 'replayed') return closesUntil
  const ends = works.flatMap(({ stays }) => stays.flatMap(({ verdict }) => verdict.until ?? []))
  return ends.length === 0 ? undefined : Math.min(...ends)
}

interface Todo {
  readonly open: PartialJob
  readonly look: Look
  /** Of a group. */
  readonly members: MembersSeen
  readonly todo: readonly Omit<PlacedHead, 'head'>[]
  readonly rule: BatchRule
}

type BatchRule = Awaited<ReturnType<typeof resolveRule>>

/** Of which records is still to be said. */
interface Ask extends Omit<BatchAsk, 'records' | 'telling' | 'signal'> {
  tell(records: BatchAsk['records']): Promise<Telling | undefined>
}

async function eraseAll(
  deps: SelectedDeps,
  { open: start, look, members, todo, rule }: Todo,
  signal: AbortSignal | undefined,
): Promise<PartialJob> {
  let open = start
  // At least one: closing the person, or a key that nothing is under any more, needs no record.
  for (let from = 0; from === 0 || from < todo.length; from += BATCH) {
    signal?.throwIfAborted()
    const ask = askOf(deps, open.job, { look, members, rule })
    const records = todo.slice(from, from + BATCH)
    const outcome = await eraseSome(ask, records, signal)
    if (outcome === 'stale') return open
    const isLast = from + BATCH >= todo.length
    if (!isLast && hasBegun(ask.renewals, outcome.renewals))
      open = await savePartial(deps.vault, open, {
        ...open.job.partial,
        renewals: outcome.renewals,
      })
  }
  return open
}

function askOf(
  { vault, keptOf, journal }: SelectedDeps,
  job: PartialJob['job'],
  { look, members, rule }: Pick<Todo, 'look' | 'members' | 'rule'>,
): Ask {
  const { erasureId, reason, partial } = job
  const { person, works, seen } = look
  const { renewals = [], attached = [], closes } = partial
  const closing = closes === true ? { reason, until: untilOf(partial, works) } : undefined
  const isClosed = closing === undefined || isClosedUntil(person.head, closing.until)
  return {
    vault,
    erasureId,
    select: (fresh, heads) =>
      selectionOf({ vault, keptOf, rule, seen, orphans: partial.orphans }, fresh, heads),
    person,
    members,
    renewals,
    attached,
    closing,
    pages: pageRows(vault.people, person),
    tell: async (records) => {
      // What is done again comes from the journal.
      if (journal === undefined || rule.kind === 'replayed') return undefined
      const chosen = new Set(records.map(entryOf))
      const part = partOf({
        works: works.filter(({ sealed }) => chosen.has(entryOf(sealed.place))),
        sequence: person.head.sequence,
        closing: isClosed ? undefined : closing,
      })
      return isTelling(part) ? { part, entry: await journal.tell(job, part) } : { part }
    },
  }
}

function hasBegun(before: readonly Renewal[], after: readonly Renewal[]): boolean {
  return after.length > 0 && before.some(({ since }) => since === undefined)
}

/** Fewer at a time when together they are more than one commit takes. */
async function eraseSome(
  ask: Ask,
  records: BatchAsk['records'],
  signal: AbortSignal | undefined,
): Promise<Awaited<ReturnType<typeof eraseBatch>>> {
  try {
    return await eraseBatch({ ...ask, records, signal, telling: await ask.tell(records) })
  } catch (error) {
    const isTooMuch = isPrivityError(error, 'store_full') || isPrivityError(error, 'invalid_input')
    if (!isTooMuch || records.length <= 1) throw error
    const half = records.length >> 1
    const first = await eraseSome(ask, records.slice(0, half), signal)
    if (first === 'stale') return first
    return eraseSome({ ...ask, renewals: first.renewals }, records.slice(half), signal)
  }
}

/** What is kept apart goes after the document has stopped counting on it; again when that was interrupted. */
async function settleKeys({ people }: Vault, { job }: PartialJob): Promise<void> {
  const { keys, keyRows } = people.deps
  const names = (job.partial.renewals ?? []).flatMap(oldNames)
  for (const name of names) keys.release(job.subjectId, name)
  if (names.length > 0) await keyRows?.remove(job.subjectId, names)
}

/** One of each class at most: they are stored with the job. */
function probesOf({ works }: Look, renewals: readonly Renewal[]): readonly Probe[] {
  const taken = works.filter(isTaking)
  return renewals
    .flatMap(({ accessClass }) => {
      const work = taken.find((candidate) => touchedBy(candidate).includes(accessClass))
      return (work === undefined ? undefined : probeOf(work, accessClass)) ?? []
    })
    .slice(0, MAX_PROBES)
}

function probeOf({ sealed }: RecordWork, accessClass: number): Probe | undefined {
  const { type, recordId } = sealed.place
  const [revision, layout] = sealed.head.sections[String(accessClass)] ?? []
  const bytes = sealed.section(accessClass)
  if (revision === undefined || layout === undefined || bytes === undefined) return undefined
  if (bytes.length > MAX_PROBE_BYTES) return undefined
  return {
    accessClass,
    type,
    ...(recordId === undefined ? {} : { recordId }),
    revision,
    layout,
    sealed: toBase64url(bytes),
  }
}

async function savePartial(
  { people }: Vault,
  open: PartialJob,
  partial: PartialState,
): Promise<PartialJob> {
  const saved = await saveJob(people.deps, open, { partial })
  return { ...saved, job: { ...saved.job, partial } }
}
