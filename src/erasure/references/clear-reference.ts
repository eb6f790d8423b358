import { isPrivityError } from '../../base/errors.ts'
import { randomId } from '../../base/id.ts'
import type { StoredFields } from '../../policy/compiled.ts'
import type { Draft } from '../../subjects/draft.ts'
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

/**
 * Does with one reference what the policy says, in a commit of the person whose record it is. What is kept, what is
 * behind a fence and what nobody can open stays as it is.
 *
 * @throws {@link policy_outdated} · @throws {@link invalid_input} for what a function of the policy made of it
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
    throw error
  }
}

async function clear(
  deps: ReferenceDeps,
  referring: Referring,
  { place, subjectId, signal }: Clearing,
): Promise<void> {
  const { vault } = deps
  const { target, field, reference } = referring
  const { recordId } = place
  const seen = standingOf(deps, referring, {
    subjectId,
    plain: await readPlain(vault, target, place),
  })
  if (seen.kind !== 'open') return
  // Who it was about is not told: that is what goes.
  const action = reference.onErase
  const event = { type: EVENT, record: target.record.name, field: field.name, action }
  if (hasParts(vault, referring)) {
    const { revision } = seen
    await removeOwner({
      ...deps,
      ...place,
      target,
      keptOf: keptOfDeps(deps),
      revision,
      event,
      signal,
    })
    return
  }
  const set = MAKING[reference.onErase](referring, subjectId)
  await keepPersonUp(vault.people, {
    id: place.id,
    signal,
    // What has to stay, and what is a reference, an outdated policy does not know.
    policy: vault.policy.hash,
    reads: [...recordReads(vault, target, place), ...tokenReads(vault, target, set)],
    plan: (person, rows): Upkeep | undefined => {
      // A value that was written since, or came under a hold, is none any more.
      const plain = { person, rows, recordId }
      const standing = standingOf(deps, referring, { subjectId, plain })
      if (standing.kind !== 'open') return undefined
      return {
        before: person,
        event,
        edit: (draft) => edit(vault, referring, { draft, plain, work: standing.work, set }),
      }
    },
  })
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
