import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { SeenMark } from '../journal/journal-mark.ts'
import type { ControllerEntry } from '../ledger/entry.ts'
import { decodeContainer, SECTION, type Section } from '../storage/container.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { suppressing } from '../subjects/suppression.ts'
import { putFence, readFence, sealFence } from './fence.ts'
import { type Erasing, fenceKeys } from './fence-keys.ts'
import type { OpenJob } from './job.ts'
import { jobRow } from './job-row.ts'
import { isLost } from './lost.ts'

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
 * @throws {@link erased} when another erasure was faster
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
  let put: Pick<OpenJob, 'fence' | 'person'> = {}
  await deps.ledger.submit<null>({
    reads: [key, row?.key, mark?.key].filter((name) => name !== undefined),
    build: (rows) => {
      put = {}
      mark?.look(rows)
      const document = rows.get(key)
      const fenced = document === undefined ? undefined : readFence(deps, subjectId, document)
      if (fenced?.fence.erasureId === erasureId) return { kind: 'done', value: null }
      if (fenced !== undefined) throw new PrivityError('erased', { kind: 'subject' })
      const person = openedBy(() => open(subjectId, document, held), begun.job)
      const at = Math.max(deps.clock.now(), person?.head.at ?? 0)
      const fence = { erasureId, at }
      const sealed = sealFence(deps, subjectId, fence)
      const event = { type: 'erasure.started', erasureId, planHash, reason }
      const entry: ControllerEntry = { kind: 'controller', at, event }
      const sections = sectionsOf(document)
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
  return { ...begun, ...row?.open, ...put }
}

/** Who cannot be opened can still be erased. */
function openedBy(open: () => Person, { isReplayed }: Erasing): Person | undefined {
  try {
    return open()
  } catch (error) {
    // A copy of before a registration has not even the document: the fence says that there will be none.
    const isAbsent = isReplayed === true && isPrivityError(error, 'not_found')
    if (isLost(error) || isAbsent) return undefined
    throw error
  }
}

/** What is no document at all stays behind the fence as it is, until it is deleted. */
function sectionsOf(document: Uint8Array | undefined): readonly Section[] {
  if (document === undefined) return []
  const whole = { kind: SECTION.fields, accessClass: 0, bytes: document }
  return decodeContainer(document) ?? [whole]
}
