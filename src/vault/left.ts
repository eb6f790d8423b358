import type { CompiledField, OwnedBy } from '../policy/compiled.ts'
import { ORPHAN, type RecordHead, WHOLE } from '../subjects/head.ts'
import type { Aging } from './record-retention.ts'

type Left = Pick<RecordHead, 'left'>

/** Whether a record was to go, by itself or with its owner, and something of it had to stay. Pure. */
export function isLeftBehind({ left }: Left): boolean {
  return left?.some((it) => it === WHOLE || it === ORPHAN) === true
}

/** Whether a field names somebody who is erased, and is to be cleared as soon as nothing keeps it. Pure. */
export function isLeaving(
  { left }: Left,
  { id, refs }: Pick<CompiledField, 'id' | 'refs'>,
): boolean {
  return refs !== undefined && refs.onErase !== 'retain' && left?.includes(id) === true
}

/** What is done to a record, by the ids of fields that have another value then, or none. */
export interface LeftChange extends Pick<Aging, 'kind'> {
  readonly changed: readonly string[]
}

/** What is still to go of a record after a change: not what the app writes, which is wanted again. Pure. */
export function leftAfter(
  head: Left | undefined,
  ownedBy: OwnedBy | undefined,
  { kind, changed }: LeftChange,
): Left {
  if (head?.left === undefined) return {}
  const isWritten = kind === 'written'
  const isOther = changed.includes(ownedBy?.fieldId ?? '')
  const gone = [
    ...changed,
    ...(isWritten ? [WHOLE] : []),
    // Of a part that goes as a whole, to name its owner no more is only the beginning.
    ...(isOther && (isWritten || ownedBy?.onErase === 'detach') ? [ORPHAN] : []),
  ]
  return { left: head.left.filter((it) => !gone.includes(it)) }
}
