import type { MembersSeen } from '../../subjects/holds.ts'
import { pageRows } from '../../vault/record-heads.ts'
import type { FittingAsk } from './erase-fitting.ts'
import { entryOf, type Look, selectionOf } from './look.ts'
import type { PartJournal } from './part-journal.ts'
import type { PartialDeps } from './partial-deps.ts'
import type { PartialJob } from './partial-job.ts'
import type { resolveRule } from './resolve-rule.ts'
import { closingOf, isClosed } from './selection-end.ts'
import { isTelling, partOf, type Telling } from './telling.ts'

/** What was looked at of a person whose records are to be erased. */
export interface Selected {
  readonly look: Look
  /** Of a group. */
  readonly members: MembersSeen
  readonly rule: Awaited<ReturnType<typeof resolveRule>>
  readonly signal: AbortSignal | undefined
}

/** What a job asks for with each of its commits, but for the records. */
export function selectionAsk(
  { vault, keptOf, journal }: PartialDeps,
  job: PartialJob['job'],
  { look, members, rule, signal }: Selected,
): Omit<FittingAsk, 'records'> {
  const { erasureId, partial } = job
  const { person, seen } = look
  const { renewals = [], attached = [], orphans } = partial
  const pages = pageRows(vault.people, person)
  const closing = closingOf(job, look)
  const ask = { vault, erasureId, person, members, pages, renewals, attached, closing, signal }
  return {
    ...ask,
    select: (fresh, heads) => selectionOf({ vault, keptOf, rule, seen, orphans }, fresh, heads),
    tell: async (records) =>
      // What is done again comes from the journal.
      journal === undefined || rule.kind === 'replayed'
        ? undefined
        : tellPart(journal, job, { look, records }),
  }
}

interface Part extends Pick<FittingAsk, 'records'> {
  readonly look: Look
}

async function tellPart(
  journal: PartJournal,
  job: PartialJob['job'],
  { look, records }: Part,
): Promise<Telling> {
  const { person, works } = look
  const closing = closingOf(job, look)
  const chosen = new Set(records.map(entryOf))
  const part = partOf({
    works: works.filter(({ sealed }) => chosen.has(entryOf(sealed.place))),
    sequence: person.head.sequence,
    closing: isClosed(closing, person.head) ? undefined : closing,
  })
  return isTelling(part) ? { part, entry: await journal.tell(job, part) } : { part }
}
