import { isPrivityError } from '../../base/errors.ts'
import { randomId } from '../../base/id.ts'
import { untilSteady } from '../../base/tries.ts'
import type { StoredFields } from '../../policy/compiled.ts'
import type { Draft } from '../../subjects/draft.ts'
import { isGone } from '../../subjects/gone.ts'
import { seeMembers } from '../../subjects/holds.ts'
import { type Upkeep, keepPersonUp } from '../../subjects/upkeep.ts'
import { recordReads } from '../../vault/open-record.ts'
import {
  anonymisedValue,
  type PlainRecord,
  readPlain,
  sealedRecord,
} from '../../vault/plain-record.ts'
import { partTargets } from '../../vault/parts.ts'
import { draftRecord } from '../../vault/record-draft.ts'
import { tokenReads } from '../../vault/record-tokens.ts'
import { underNewest } from '../../vault/under-newest.ts'
import type { Vault } from '../../vault/vault.ts'
import { editRecord } from '../partial/edit-record.ts'
import { leftBehind } from '../partial/left-behind.ts'
import { entryOf } from '../partial/look.ts'
import type { Verb } from './findings.ts'
import type { Referring } from './find-references.ts'
import {
  doesNotOpen,
  lookAtReference,
  type Looking,
  type ReferenceDeps,
  type Standing,
  standingOf,
} from './look-reference.ts'
import { removeOwner } from './remove-record.ts'

/** One reference to be cleared. */
export interface Clearing extends Looking {
  readonly signal: AbortSignal | undefined
}

/** What became of a reference; `kept`: something keeps it, and nothing is lost by that. */
export type Cleared = 'done' | 'kept'

/** What takes the place of a reference; nothing where it is cleared, or goes with its record. */
type Making = (referring: Referring, subjectId: string) => StoredFields

const EVENT = { open: 'reference.cleared', stays: 'reference.kept' } as const
const NO_CLASSES: ReadonlySet<number> = new Set()
/** What a function of the policy makes of a reference, or a store does not take: it is there when it is looked for again. */
const IN_THE_WAY: ReadonlySet<string> = new Set(['invalid_input', 'store_full'])
/** Others may write those who share a record all the time. */
const LOOKS = 32

/**
 * Does with one reference what the policy says, in a commit of the person whose record it is. What is behind a fence,
 * what nobody can open and what cannot be cleared stays as it is.
 *
 * @throws {@link policy_outdated}
 */
export async function clearReference(
  deps: ReferenceDeps,
  referring: Referring,
  clearing: Clearing,
): Promise<void> {
  try {
    if (clearing.place.id !== clearing.subjectId) await clearOrKeep(deps, referring, clearing)
  } catch (error) {
    // Whoever is gone has no record any more.
    if (isGone(error) || doesNotOpen(error)) return
    // One record of somebody else must not keep the keys of the person.
    if (isPrivityError(error) && IN_THE_WAY.has(error.code)) return
    throw error
  }
}

/**
 * The same, where whatever is in the way is told. Of what is kept the head remembers it, and a sweep looks again once
 * its ground has ended.
 *
 * @throws {@link not_found} · @throws {@link erased} · @throws {@link policy_outdated}
 */
export async function clearOrKeep(
  deps: ReferenceDeps,
  referring: Referring,
  clearing: Clearing,
): Promise<Cleared> {
  const { lookups } = deps.vault
  await lookups.open()
  return underNewest(lookups, () =>
    untilSteady(LOOKS, () => clearAsSeen(deps, referring, clearing)),
  )
}

/** `stale`: somebody who shares the record was changed since, or what keeps it, and nothing was done. */
async function clearAsSeen(
  deps: ReferenceDeps,
  referring: Referring,
  { place, subjectId, signal }: Clearing,
): Promise<Cleared | 'stale'> {
  const { vault } = deps
  const { target, field, reference } = referring
  const { recordId } = place
  const read = await readPlain(vault, target, place)
  const members = await seeMembers(vault.people, read.person.head)
  const seen = standingOf(deps, referring, { subjectId, plain: read, members })
  if (seen.kind !== 'open' && seen.kind !== 'stays') return 'done'
  // Who it was about is not told: that is what goes.
  const action = reference.onErase
  const event = { type: EVENT[seen.kind], record: target.record.name, field: field.name, action }
  if (seen.kind === 'open' && hasParts(vault, referring)) {
    const { revision } = seen
    await removeOwner({ ...deps, ...place, target, subjectId, revision, event, signal })
    // What came to keep it meanwhile is remembered as well.
    const { kind } = await lookAtReference(deps, referring, { place, subjectId })
    return kind === 'stays' ? 'stale' : 'done'
  }
  let outcome: Cleared | 'stale' = seen.kind === 'open' ? 'done' : 'kept'
  const set = seen.kind === 'open' ? MAKING[action](referring, subjectId) : {}
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
      const plain = { person, rows, recordId }
      // A value that was written since is none any more.
      const standing = standingOf(deps, referring, { subjectId, plain, members })
      if (!members.isSame(person.head, rows) || standing.kind !== seen.kind) {
        outcome = 'stale'
        return undefined
      }
      if (standing.kind !== 'open' && isLeft(vault, referring, plain)) return undefined
      return {
        before: person,
        event,
        edit: (draft) => edit(vault, referring, { draft, plain, standing, set }),
      }
    },
  })
  return outcome
}

function isLeft(vault: Vault, { target, field }: Referring, plain: PlainRecord): boolean {
  return sealedRecord(vault, target, plain).head.left?.includes(field.id) === true
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
  readonly standing: Standing
  readonly set: StoredFields
}

function edit(vault: Vault, referring: Referring, { draft, plain, standing, set }: Editing): void {
  const { target, field, reference } = referring
  const { person, rows, recordId } = plain
  const work = standing.kind === 'open' ? standing.work : undefined
  if (work !== undefined || standing.kind === 'stays') {
    const sealed = work?.sealed ?? sealedRecord(vault, target, plain)
    const left = work === undefined ? field.id : leftBehind({}, work, entryOf(sealed.place))
    editRecord({ vault, person, draft, rows }, { sealed, work, left, reseals: NO_CLASSES })
    return
  }
  const record = draftRecord(vault, target, { draft, rows, recordId })
  if (reference.onErase === 'detach') record.end({ set: {}, unset: [field.id] })
  else record.replace(set)
}
