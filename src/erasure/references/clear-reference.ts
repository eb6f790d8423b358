import { isPrivityError, PrivityError } from '../../base/errors.ts'
import { randomId } from '../../base/id.ts'
import type { StoredFields } from '../../policy/compiled.ts'
import type { Draft } from '../../subjects/draft.ts'
import { seeMembers } from '../../subjects/holds.ts'
import { type Upkeep, keepPersonUp } from '../../subjects/upkeep.ts'
import { isOutrun } from '../../vault/lookups.ts'
import { recordReads } from '../../vault/open-record.ts'
import { anonymisedValue, type PlainRecord, readPlain } from '../../vault/plain-record.ts'
import { partTargets } from '../../vault/parts.ts'
import { draftRecord } from '../../vault/record-draft.ts'
import { tokenReads } from '../../vault/record-tokens.ts'
import type { Vault } from '../../vault/vault.ts'
import { editRecord } from '../partial/edit-record.ts'
import type { RecordWork } from '../partial/work.ts'
import type { Verb } from './findings.ts'
import type { Referring } from './find-references.ts'
import {
  isClosed,
  keptOfDeps,
  type Looking,
  type ReferenceDeps,
  standingOf,
} from './look-reference.ts'
import { removeOwner } from './remove-record.ts'

/** One reference to be cleared. */
export interface Clearing extends Looking {
  readonly signal: AbortSignal | undefined
}

/** What takes the place of a reference; nothing where it is cleared, or goes with its record. */
type Making = (referring: Referring, subjectId: string) => StoredFields

const EVENT = 'reference.cleared'
const NO_CLASSES: ReadonlySet<number> = new Set()
/** Whoever is gone has no record any more. */
export const LEAVING: ReadonlySet<string> = new Set(['not_found', 'erased'])
/** What a function of the policy makes of a reference, or a store does not take: it is there when it is looked for again. */
const IN_THE_WAY: ReadonlySet<string> = new Set(['invalid_input', 'store_full'])
/** Others may write those who share a record all the time. */
const LOOKS = 32

/**
 * Does with one reference what the policy says, in a commit of the person whose record it is. What is kept, what is
 * behind a fence, what nobody can open and what cannot be cleared stays as it is.
 *
 * @throws {@link policy_outdated}
 */
export async function clearReference(
  deps: ReferenceDeps,
  referring: Referring,
  clearing: Clearing,
): Promise<void> {
  const { lookups } = deps.vault
  if (clearing.place.id === clearing.subjectId) return
  await lookups.open()
  const { version } = lookups
  try {
    await clear(deps, referring, clearing)
  } catch (error) {
    // Another process started a generation of lookup keys: provably not applied, and done again under it.
    if (isPrivityError(error, 'write_conflict') && (await isOutrun(lookups, version)))
      return clearReference(deps, referring, clearing)
    if (isPrivityError(error) && (LEAVING.has(error.code) || isClosed(error))) return
    // One record of somebody else must not keep the keys of the person.
    if (isPrivityError(error) && IN_THE_WAY.has(error.code)) return
    throw error
  }
}

async function clear(deps: ReferenceDeps, referring: Referring, clearing: Clearing): Promise<void> {
  for (let looks = 1; looks <= LOOKS; looks += 1)
    if ((await clearAsSeen(deps, referring, clearing)) === 'done') return
  throw new PrivityError('write_conflict', { attempts: LOOKS })
}

/** `stale`: somebody who shares the record was changed since, and nothing was done. */
async function clearAsSeen(
  deps: ReferenceDeps,
  referring: Referring,
  { place, subjectId, signal }: Clearing,
): Promise<'done' | 'stale'> {
  const { vault } = deps
  const { target, field, reference } = referring
  const { recordId } = place
  const read = await readPlain(vault, target, place)
  const members = await seeMembers(vault.people, read.person.head)
  const seen = standingOf(deps, referring, { subjectId, plain: read, members })
  if (seen.kind !== 'open') return 'done'
  // Who it was about is not told: that is what goes.
  const action = reference.onErase
  const event = { type: EVENT, record: target.record.name, field: field.name, action }
  if (hasParts(vault, referring)) {
    const { revision } = seen
    await removeOwner({
      ...deps,
      ...place,
      target,
      subjectId,
      keptOf: keptOfDeps(deps),
      revision,
      event,
      signal,
    })
    return 'done'
  }
  let outcome: 'done' | 'stale' = 'done'
  const set = MAKING[reference.onErase](referring, subjectId)
  await keepPersonUp(vault.people, {
    id: place.id,
    signal,
    // What has to stay, and what is a reference, an outdated policy does not know.
    policy: vault.policy.hash,
    reads: [
      ...recordReads(vault, target, place),
      ...tokenReads(vault, target, set),
      ...members.keys,
    ],
    held: members.keys,
    plan: (person, rows): Upkeep | undefined => {
      outcome = members.isSame(person.head, rows) ? 'done' : 'stale'
      if (outcome === 'stale') return undefined
      // A value that was written since, or came under a hold, is none any more.
      const plain = { person, rows, recordId }
      const standing = standingOf(deps, referring, { subjectId, plain, members })
      if (standing.kind !== 'open') return undefined
      return {
        before: person,
        event,
        edit: (draft) => edit(vault, referring, { draft, plain, work: standing.work, set }),
      }
    },
  })
  return outcome
}

/** What goes may take others along. */
export function hasParts(vault: Vault, { target, reference }: Referring): boolean {
  return reference.onErase === 'delete' && partTargets(vault, target.record.name).length > 0
}

const MAKING: { readonly [V in Verb]: Making } = {
  detach: () => ({}),
  delete: () => ({}),
  retain: () => ({}),
  decorrelate: ({ field }) => ({ [field.id]: randomId() }),
  anonymise: ({ target, field }, subjectId) => ({
    [field.id]: anonymisedValue(target, field.id, subjectId),
  }),
}

interface Editing {
  readonly draft: Draft
  readonly plain: PlainRecord
  readonly work: RecordWork | undefined
  readonly set: StoredFields
}

function edit(
  vault: Vault,
  { target, field, reference }: Referring,
  { draft, plain: { person, rows, recordId }, work, set }: Editing,
): void {
  if (work !== undefined) {
    editRecord({ vault, person, draft, rows }, { sealed: work.sealed, work, reseals: NO_CLASSES })
    return
  }
  const record = draftRecord(vault, target, { draft, rows, recordId })
  if (reference.onErase === 'detach') record.end({ set: {}, unset: [field.id] })
  else record.replace(set)
}
