import { isPrivityError } from '../../base/errors.ts'
import type { ErasedPart } from '../../journal/erased-part.ts'
import type { Vault } from '../../vault/vault.ts'
import { addJob, findJob, type Job, type OpenJob, saveJob } from '../job.ts'
import { lookOver } from '../partial/look.ts'
import { isReplayedPart, type ReplayedState, whyNobody } from '../partial/plan-replayed.ts'
import type { LaterSection } from '../partial/replayed-rule.ts'
import { leastUpTo, namedItems } from '../partial/replayed-selection.ts'
import type { RecordWork } from '../partial/work.ts'
import type { ErasureDeps } from '../erasure-deps.ts'
import { proceed } from '../steps.ts'
import type { ErasureJournal } from './erasure-journal.ts'
import type { NewErasure, PartErasure } from './new-erasures.ts'

/** What replaying needs. */
export interface ReplayDeps extends ErasureDeps {
  readonly journal: ErasureJournal
}

/** Of a job that is begun again: nobody is at it, and nothing is done. */
const ANEW = { step: 'asked', hooks: [], states: {}, replanned: [], wanted: true } as const
const FREE = { holder: '', until: 0 } as const

/** Stores that a part is to be done again, and what of it is of later; does nothing more. May be run again. */
export async function planPart(deps: ReplayDeps, erasure: PartErasure): Promise<void> {
  const { vault, journal } = deps
  const { deps: rows, now } = vault.people
  const { erasureId, subjectId, parts } = erasure
  const found = await findJob(rows, erasureId)
  if (isReplayedPart(found?.job.partial)) return
  const told = await journal.told(parts)
  const partial = await stateOf(vault, { subjectId, parts, told, found })
  const again = { ...ANEW, isReplayed: true, partial } as const
  const job: Job = { erasureId, subjectId, reason: 'replay', plannedAt: now(), ...again }
  try {
    if (found === undefined) await addJob(rows, job)
    else await saveJob(rows, found, { ...again, reason: 'replay', lease: FREE })
  } catch (error) {
    // Another process was faster.
    const isOthers = isPrivityError(error, 'write_conflict')
    if (!isOthers || !isReplayedPart((await findJob(rows, erasureId))?.job.partial)) throw error
  }
}

/** Does a part again that was planned. */
export async function replayPart(
  deps: ReplayDeps,
  { erasureId }: NewErasure,
  signal: AbortSignal | undefined,
): Promise<void> {
  const open = await findJob(deps.vault.people.deps, erasureId)
  if (open === undefined) return
  const hooks = deps.hooks.filter(({ replay }) => replay !== 'skip')
  await proceed({ ...deps, hooks }, open, { signal })
}

interface Told {
  readonly subjectId: string
  readonly parts: readonly number[]
  readonly told: readonly ErasedPart[]
  /** As it was under way when the copy was made. */
  readonly found: OpenJob | undefined
}

async function stateOf(
  vault: Vault,
  { subjectId, parts, told, found }: Told,
): Promise<ReplayedState> {
  const { later, sequence } = await lookForLater(vault, subjectId, told)
  const [closing] = told.flatMap(({ closes }) => closes ?? []).toReversed()
  const [hookScope] = told.flatMap(({ hooks }) => hooks ?? []).toReversed()
  const { renewals, attached, probes, sequence: before } = found?.job.partial ?? {}
  return {
    rule: { kind: 'replayed', parts, later },
    items: [],
    exclusions: [],
    sequence: before ?? sequence,
    named: namedItems(told),
    ...(closing === undefined ? {} : { closes: true }),
    ...(closing?.until === undefined ? {} : { closesUntil: closing.until }),
    ...(hookScope === undefined ? {} : { hookScope }),
    // Keys that were to go when the copy was made still have to.
    ...(renewals === undefined ? {} : { renewals }),
    ...(attached === undefined ? {} : { attached }),
    ...(probes === undefined ? {} : { probes }),
  }
}

interface Later {
  readonly later: readonly LaterSection[]
  readonly sequence: number
}

/** Only a copy that was made while the erasure was under way can have anything that is of later. */
async function lookForLater(
  vault: Vault,
  subjectId: string,
  told: readonly ErasedPart[],
): Promise<Later> {
  const least = leastUpTo(told)
  try {
    const { person } = await vault.people.read(subjectId)
    const { sequence } = person.head
    if (sequence <= least) return { later: [], sequence }
    const keptOf = (): [] => []
    const rule = { kind: 'later', told } as const
    const { works } = await lookOver({ vault, keptOf, subjectId, rule })
    return { later: works.flatMap(laterIn), sequence }
  } catch (error) {
    if (whyNobody(error) === undefined) throw error
    return { later: [], sequence: 0 }
  }
}

function laterIn({
  name: { record, recordId },
  gone,
  sealed,
}: RecordWork): readonly LaterSection[] {
  const name = { record, ...(recordId === undefined ? {} : { recordId }) }
  return [...gone.keys()].map((accessClass) => {
    const [revision = 0] = sealed.head.sections[String(accessClass)] ?? []
    return { ...name, accessClass, revision }
  })
}
