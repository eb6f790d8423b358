import type { ErasedItem, ErasedPart } from '../../journal/erased-part.ts'
import type { Closing } from '../../subjects/closing.ts'
import { isTaking, type RecordWork } from './work.ts'

/** What the journal was told of one batch; the batch does that, and nothing else. */
export interface Telling {
  readonly part: ErasedPart
  /** Number of the entry; absent where there was nothing to tell. */
  readonly entry?: number
}

/** What a batch is about to take. */
export interface Taking {
  readonly works: readonly RecordWork[]
  /** Of the person when it was looked at. */
  readonly sequence: number
  /** Somebody who is not closed yet. */
  readonly closing: Closing | undefined
}

/**
 * What goes, by ids. It is meant up to the newest revision that was looked at: whatever copy of a record is older than
 * the batch is of that revision or before, and whatever is written behind the batch is of a later one. Pure.
 */
export function partOf({ works, sequence, closing }: Taking): ErasedPart {
  const taken = works.filter(isTaking)
  return {
    upTo: Math.max(sequence, ...taken.map(newestOf)),
    items: itemsOf(taken),
    ...(closing === undefined ? {} : { closes: closesOf(closing) }),
  }
}

/** Whether it says anything. Pure. */
export function isTelling({ items, closes }: ErasedPart): boolean {
  return items.length > 0 || closes !== undefined
}

/** Whether the journal was told just that. Pure. */
export function isTold({ part }: Telling, { works, closing }: Omit<Taking, 'sequence'>): boolean {
  const taken = works.filter(isTaking)
  const isClosing = closing === undefined || part.closes !== undefined
  return (
    isClosing &&
    taken.every((work) => newestOf(work) <= part.upTo) &&
    wordsOf(itemsOf(taken)) === wordsOf(part.items)
  )
}

/** Records that lose the same come together, in one order whatever order they were looked at in. */
function itemsOf(works: readonly RecordWork[]): readonly ErasedItem[] {
  const groups = new Map<string, Group>()
  for (const { name, gone } of works) {
    const fieldIds = [...gone.values()].flat().sort()
    const isMany = name.recordId !== undefined
    const key = JSON.stringify([name.record, isMany, fieldIds])
    const item = { record: name.record, ...(fieldIds.length === 0 ? {} : { fieldIds }) }
    const group: Group = groups.get(key) ?? { item, ids: [] }
    if (name.recordId !== undefined) group.ids.push(name.recordId)
    groups.set(key, group)
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { item, ids }]) => (ids.length === 0 ? item : { ...item, ids: ids.sort() }))
}

interface Group {
  readonly item: ErasedItem
  readonly ids: string[]
}

function newestOf({ sealed }: RecordWork): number {
  return Math.max(
    sealed.head.revision,
    ...Object.values(sealed.head.sections).map(([revision]) => revision),
  )
}

function closesOf({ reason, until }: Closing): NonNullable<ErasedPart['closes']> {
  return { reason, ...(until === undefined ? {} : { until }) }
}

function wordsOf(items: readonly ErasedItem[]): string {
  return JSON.stringify(items.map(({ record, ids, fieldIds }) => [record, ids, fieldIds]))
}
