import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { SeenMark } from '../journal/journal-mark.ts'
import type { ControllerEntry } from '../ledger/entry.ts'
import { decodeContainer, SECTION, type Section } from '../storage/container.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { suppressedKeys, suppressing } from '../subjects/suppression.ts'
import { endOf } from './end-of.ts'
import { fencedNow, putFence, readFence, sealFence } from './fence.ts'
import { type Erasing, fenceKeys, keyFence, liftKeyFence } from './fence-keys.ts'
import { incomplete } from './incomplete.ts'
import type { Job, OpenJob } from './job.ts'
import { jobRow } from './job-row.ts'
import { isLost } from './lost.ts'
import { mayBeUnreadable, UNREADABLE } from './partial/kept-group.ts'

/** What the log is told of a fence. */
export interface Fencing {
  readonly reason: string
  readonly planHash: string
  /** Where there is a journal: what others know of it, before it is told of this one. */
  readonly mark: SeenMark | undefined
}

/**
 * Puts a fence before the keys and before the document: from this commit on nobody reads or writes the person. A job
 * that is not stored yet is stored with it.
 *
 * @throws {@link erased} when another erasure was faster · @throws {@link write_conflict} when this one was cancelled
 */
export async function fencePerson(
  people: People,
  begun: OpenJob,
  { reason, planHash, mark }: Fencing,
): Promise<OpenJob> {
  const { deps, open } = people
  const { erasureId, subjectId } = begun.job
  const key = deps.keyspace.person(subjectId)
  const row = begun.sealed === undefined ? jobRow(deps, begun) : undefined
  const held = await fenceKeys(deps, begun.job)
  // In a copy of the store from before: this erasure has destroyed the keys.
  const areKeysGone =
    held?.row.entries.length === 0 && (await keyFence(deps, subjectId))?.erasureId === erasureId
  const mayBeLost = areKeysGone || mayBeUnreadable(begun.job)
  const endKey = deps.keyspace.cancelled(erasureId)
  const outlived = await outlivedFence(deps, begun.job)
  let isCancelled = false
  let put: Pick<OpenJob, 'fence' | 'person'> = {}
  await deps.ledger.submit<null>({
    reads: [key, endKey, row?.key, mark?.key, ...suppressedKeys(deps, begun.job)].filter(
      (name) => name !== undefined,
    ),
    build: (rows) => {
      put = {}
      isCancelled = rows.get(endKey) !== undefined
      if (isCancelled) return { kind: 'done', value: null }
      mark?.look(rows)
      const document = rows.get(key)
      const fenced = readFence(deps, subjectId, document)
      if (fenced?.fence.erasureId === erasureId) return { kind: 'done', value: null }
      if (fenced !== undefined && fenced.fence.erasureId !== outlived)
        throw new PrivityError('erased', { kind: 'subject' })
      const person =
        fenced === undefined
          ? openedBy(() => open(subjectId, document, held), { job: begun.job, mayBeLost })
          : undefined
      const at = Math.max(deps.clock.now(), person?.head.at ?? 0, fenced?.fence.at ?? 0)
      const fence = { erasureId, at }
      const sealed = sealFence(deps, subjectId, fence)
      const event = { type: 'erasure.started', erasureId, planHash, reason }
      const entry: ControllerEntry = { kind: 'controller', at, event }
      const sections = fenced?.sections ?? sectionsOf(document)
      // Keys that are elsewhere are read again, so that what is destroyed meanwhile shows.
      if (person !== undefined && held === undefined) put = { fence: { fence, sealed }, person }
      const changed = [
        [key, putFence({ sealed, sections })] as const,
        // With nobody behind the fence there is nothing to destroy, and this is the only commit.
        ...(sections.length === 0 ? suppressing(deps, begun.job, at) : []),
        ...(row === undefined ? [] : [row.put(rows)]),
      ]
      return { kind: 'change', change: { put: changed, del: [], entry }, value: null }
    },
  })
  if (isCancelled) {
    await liftKeyFence(deps, begun.job)
    throw new PrivityError('write_conflict', { attempts: 1 })
  }
  return { ...begun, ...row?.open, ...put }
}

/** The fence of an erasure that is at its end, with somebody behind it who was put back: what is done again replaces it. */
async function outlivedFence(
  deps: People['deps'],
  { subjectId, isReplayed }: Erasing,
): Promise<string | undefined> {
  if (isReplayed !== true) return undefined
  const { erasureId } = (await fencedNow(deps, subjectId))?.fence ?? {}
  if (erasureId === undefined) return undefined
  return (await endOf(deps, erasureId)) === undefined ? undefined : erasureId
}

/** Who cannot be opened can still be erased, where that was asked for. */
function openedBy(
  open: () => Person,
  { job, mayBeLost }: { readonly job: Job; readonly mayBeLost: boolean },
): Person | undefined {
  try {
    return open()
  } catch (error) {
    // A copy of before a registration has not even the document: the fence says that there will be none.
    const isAbsent = job.isReplayed === true && isPrivityError(error, 'not_found')
    if (isAbsent || (isLost(error) && mayBeLost)) return undefined
    throw isLost(error) ? incomplete(job, [UNREADABLE]) : error
  }
}

/** What is no document at all stays behind the fence as it is, until it is deleted. */
function sectionsOf(document: Uint8Array | undefined): readonly Section[] {
  if (document === undefined) return []
  const whole = { kind: SECTION.fields, accessClass: 0, bytes: document }
  return decodeContainer(document) ?? [whole]
}
