import { isPrivityError } from '../../base/errors.ts'
import type { Place } from '../../vault/lookup-places.ts'
import { pageOf } from '../../vault/open-record.ts'
import { type PlainRecord, plainValues, readPlain, sealedRecord } from '../../vault/plain-record.ts'
import { openHeads, readStillHeads } from '../../vault/record-heads.ts'
import type { Vault } from '../../vault/vault.ts'
import { keptGround, type MembersSeen, seeMembers } from '../../subjects/holds.ts'
import { isUnreadable } from '../../subjects/unreadable.ts'
import { openFenced } from '../destroy.ts'
import type { Exclusion } from '../exclusion.ts'
import { fencedNow } from '../fence.ts'
import { findJob, type Job } from '../job.ts'
import type { KeptOf } from '../partial/look.ts'
import { type RecordWork, workOf } from '../partial/work.ts'
import { selectFields } from '../selection.ts'
import type { Referring } from './find-references.ts'
import { ruleOfRecord } from './remove-record.ts'

/** What looking at references needs. */
export interface ReferenceDeps {
  readonly vault: Vault
  /** What may not be erased yet of those who refer. */
  readonly keptOf: KeptOf
}

/** How a record stands to somebody whom it may name. */
export type Standing =
  | { readonly kind: 'none' }
  /** It is to be changed. */
  | Open
  | ({ readonly kind: 'stays' } & Pick<Exclusion, 'ground' | 'until'>)
  /** It goes with its owner, whose erasure is under way. */
  | { readonly kind: 'going' }
  /** Nobody can open it, or its owner may still come back from behind a fence. */
  | { readonly kind: 'unsure' }

/** A reference that is to be changed. */
export interface Open {
  readonly kind: 'open'
  /** Of the record. */
  readonly revision: number
  /** What goes of a record that is deleted; its parts are not looked at. */
  readonly work?: RecordWork
}

/** A record, and whom it may name. */
export interface Looking {
  readonly place: Place
  readonly subjectId: string
}

/** What is deleted is deleted for nobody's purpose. */
const NOTHING_ELSE = { needs: () => false, haveEnded: () => false, isDue: () => false } as const
const NONE: Standing = { kind: 'none' }
const GOING: Standing = { kind: 'going' }
const UNSURE: Standing = { kind: 'unsure' }
/** Nobody uses what is restricted, and nobody erases it: Article 18(2) GDPR. */
const RESTRICTED: Standing = { kind: 'stays', ground: 'restriction' }
/** Steps in which an erasure may still be taken back, unless its hooks have begun. */
const WHOLE: ReadonlySet<Job['step']> = new Set(['asked', 'planned', 'fenced', 'cancelled'])

/** Looks at one record; without a permit, and without a trace in the log of accesses. */
export async function lookAtReference(
  deps: ReferenceDeps,
  referring: Referring,
  looking: Looking,
): Promise<Standing> {
  const { place } = looking
  // What is about the person goes with the rest.
  if (place.id === looking.subjectId) return NONE
  try {
    const plain = await readPlain(deps.vault, referring.target, place)
    const members = await seeMembers(deps.vault.people, plain.person.head)
    return standingOf(deps, referring, { ...looking, plain, members })
  } catch (error) {
    if (isPrivityError(error, 'not_found')) return NONE
    if (doesNotOpen(error)) return UNSURE
    if (!isPrivityError(error, 'erased')) throw error
    return behindFence(deps, place.id)
  }
}

/** Whether something did not open, for ever or in this process only: what it names is not known. */
export function doesNotOpen(error: unknown): boolean {
  return isUnreadable(error) || isPrivityError(error, 'key_unavailable')
}

/** What was read of a record, and of those whom it is about. */
interface Read extends Pick<Looking, 'subjectId'> {
  readonly plain: PlainRecord
  readonly members: MembersSeen
}

/** The same of what was read already. */
export function standingOf(
  deps: ReferenceDeps,
  { target, field, reference }: Referring,
  { subjectId, plain, members }: Read,
): Standing {
  const { vault } = deps
  const { person, rows, recordId } = plain
  const values = plainValues(vault, target, { ...plain, fieldIds: [field.id] })
  if (values.get(field.id) !== subjectId) return NONE
  const { onErase, reason = onErase, reviewAt = '' } = reference
  if (onErase === 'retain') return { kind: 'stays', ground: reason, until: Date.parse(reviewAt) }
  if (person.head.restrictedAt !== undefined) return RESTRICTED
  // What is shared is kept with each of those who share it.
  const shared = keptGround(members, subjectId)
  if (shared !== undefined) return { kind: 'stays', ground: shared }
  const pages = recordId === undefined ? [] : [pageOf(recordId)]
  const heads = openHeads(vault.people, { person, pages }, rows)
  const name = { record: target.record.name, recordId }
  const selection = selectFields({
    ...NOTHING_ELSE,
    rule: ruleOfRecord(target, recordId),
    kept: deps.keptOf(person, heads),
    fieldsOf: () => new Map(target.record.fields.map((it) => [it.id, it])),
  })
  const served = { purposes: field.purposes }
  const verdict = selection.verdict({ ...name, fieldId: field.id, sealedFor: served })
  if (verdict.kind === 'stays') return verdict
  const sealed = sealedRecord(vault, target, plain)
  const open: Open = { kind: 'open', revision: sealed.head.revision }
  if (onErase !== 'delete') return open
  const work = workOf(vault, selection, { person, sealed })
  return { ...open, ...(work === undefined ? {} : { work }) }
}

async function behindFence(deps: ReferenceDeps, id: string): Promise<Standing> {
  const { people } = deps.vault
  const fenced = await fencedNow(people.deps, id)
  // Before the keys alone, or lifted just now.
  if (fenced === undefined) return UNSURE
  if (fenced.sections.length === 0) return NONE
  const { job } = (await findJob(people.deps, fenced.fence.erasureId)) ?? {}
  return job !== undefined && (await isCertain(deps, job)) ? GOING : UNSURE
}

/** Whether nobody can lift a fence any more. */
async function isCertain(deps: ReferenceDeps, job: Job): Promise<boolean> {
  if (!WHOLE.has(job.step) || job.lease !== undefined || job.isReplayed === true) return true
  if (job.step === 'cancelled' || job.graceUntil !== undefined) return false
  const { people } = deps.vault
  try {
    const person = await openFenced(people, job)
    if (person === undefined) return true
    // Whoever shares it may come under a hold at any moment.
    if (person.head.members !== undefined) return false
    // Behind the fence all stays as it is: what is kept lifts it, and nothing else does.
    return deps.keptOf(person, await readStillHeads(people, person)).length === 0
  } catch (error) {
    // Lifted, or destroyed, just now.
    if (isPrivityError(error, 'erased') || doesNotOpen(error)) return false
    throw error
  }
}
