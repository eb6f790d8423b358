import { chunksOf } from '../../base/chunks-of.ts'
import type { Journal } from '../../journal/journal.ts'
import type { JournalEntry, Place } from '../../journal/journal-entry.ts'

/** An erasure that a journal has behind some place. */
export interface NewErasure {
  /** Whoever looks from here on is told all of it again. */
  readonly from: Place
  readonly erasureId: string
  readonly subjectId: string
  readonly isCompleted: boolean
  readonly suppress?: string
  readonly groups?: readonly string[]
  /** Numbers of the entries that say what went; absent where the whole person did. */
  readonly parts?: readonly number[]
}

/** An erasure of a part of a person. */
export type PartErasure = NewErasure & { readonly parts: readonly number[] }

/** Whether an erasure is one of a part. Pure. */
export function isPart(erasure: NewErasure): erasure is PartErasure {
  return erasure.parts !== undefined
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
  const begun = new Map<string, NewErasure>()
  for await (const page of journal.pages(from, to)) {
    for (const entry of page) {
      const { erasureId } = entry
      if (entry.kind === 'intent') begun.set(erasureId, toErasure(entry, begun.get(erasureId)))
      else begun.delete(erasureId)
    }
    const completed = page.filter(({ kind }) => kind === 'completed')
    // What was told twice is one erasure.
    const once = new Map(completed.map((entry) => [entry.erasureId, entry]))
    yield [...once.values()].map((entry) => toErasure(entry, undefined))
  }
  yield* chunksOf([...begun.values()], PAGE)
}

/** Of one that was only begun, all that was told of it counts. */
function toErasure(
  { erasureId, subjectId, kind, suppress, groups, scope, parts, seq, prevHash }: JournalEntry,
  before: NewErasure | undefined,
): NewErasure {
  const told = scope === 'all' ? {} : { parts: parts ?? [...(before?.parts ?? []), seq] }
  return {
    ...told,
    from: before?.from ?? { seq: seq - 1, hash: prevHash },
    erasureId,
    subjectId,
    isCompleted: kind === 'completed',
    ...(suppress === undefined ? {} : { suppress }),
    ...(groups === undefined ? {} : { groups }),
  }
}
