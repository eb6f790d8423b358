import { ORPHAN, WHOLE } from '../../subjects/head.ts'
import { entryOf, type OwnedSelection } from './look.ts'
import { isTaking, type RecordWork } from './work.ts'

/**
 * What the head of a record is to remember, of which something stays although it was to go by itself, as `root`, or
 * with its owner; undefined where that is nothing, or known. Pure.
 */
export function leftBehind(
  { owned }: Pick<OwnedSelection, 'owned'>,
  { name, sealed, stays, removes }: RecordWork,
  root?: string,
): string | undefined {
  if (removes || stays.length === 0) return undefined
  const isOrphan = owned?.endOf(name) !== undefined
  const left = entryOf(sealed.place) === root ? WHOLE : isOrphan ? ORPHAN : undefined
  return left === undefined || sealed.head.left?.includes(left) === true ? undefined : left
}

/** Whether a commit has anything to do with a record: something of it goes, or its head is to remember what stays. Pure. */
export function isTouched(
  selection: Pick<OwnedSelection, 'owned'>,
  work: RecordWork,
  root?: string,
): boolean {
  return isTaking(work) || leftBehind(selection, work, root) !== undefined
}
