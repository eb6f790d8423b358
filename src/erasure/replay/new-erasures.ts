import type { Journal } from '../../journal/journal.ts'
import type { JournalEntry, Place } from '../../journal/journal-entry.ts'

/** An erasure that a journal has behind some place. */
export interface NewErasure {
  readonly erasureId: string
  readonly subjectId: string
  readonly isCompleted: boolean
  readonly suppress?: string
}

/** A stretch of a journal. */
export interface Stretch {
  readonly journal: Pick<Journal, 'pages'>
  readonly from: Place
  readonly to: Place
}

const PAGE = 256

/**
 * What a stretch says was erased, page by page; what it says was only begun comes last. Those are in memory, a few
 * words each.
 */
export async function* newErasures({
  journal,
  from,
  to,
}: Stretch): AsyncGenerator<readonly NewErasure[]> {
  const begun = new Map<string, JournalEntry>()
  for await (const page of journal.pages(from, to)) {
    for (const entry of page) {
      if (entry.kind === 'intent') begun.set(entry.erasureId, entry)
      else begun.delete(entry.erasureId)
    }
    const completed = page.filter(({ kind }) => kind === 'completed')
    // What was told twice is one erasure.
    const once = new Map(completed.map((entry) => [entry.erasureId, entry]))
    yield [...once.values()].map(toErasure)
  }
  const open = [...begun.values()].map(toErasure)
  for (let at = 0; at < open.length; at += PAGE) yield open.slice(at, at + PAGE)
}

function toErasure({ erasureId, subjectId, kind, suppress }: JournalEntry): NewErasure {
  return {
    erasureId,
    subjectId,
    isCompleted: kind === 'completed',
    ...(suppress === undefined ? {} : { suppress }),
  }
}
