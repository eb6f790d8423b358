import type { JsonObject } from '../../base/canonical.ts'
import { PrivityError } from '../../base/errors.ts'
import { keptGround, type MembersSeen, seeMembers } from '../../subjects/holds.ts'
import { pageEntry } from '../../vault/open-record.ts'
import type { RecordOf } from '../../vault/plain-record.ts'
import { pageRows, type RecordHeads } from '../../vault/record-heads.ts'
import type { Target, Vault } from '../../vault/vault.ts'
import { eraseFitting, type FittingAsk } from '../partial/erase-fitting.ts'
import {
  entryOf,
  type KeptOf,
  type Look,
  lookOver,
  type OwnedSelection,
  selectionOf,
} from '../partial/look.ts'
import { isTouched } from '../partial/left-behind.ts'
import { isTaking, touchedBy } from '../partial/work.ts'
import type { Rule } from '../selection.ts'

/** Which record goes with its parts, as of which revision. */
export interface Removing extends RecordOf {
  readonly vault: Vault
  readonly keptOf: KeptOf
  readonly target: Target
  /** Who is named in it. */
  readonly subjectId: string
  readonly revision: number
  readonly event: JsonObject
  readonly signal: AbortSignal | undefined
}

const BATCH = 64
const LOOKS = 32

/** What goes when one record is to go. */
export function ruleOfRecord(
  { record }: Pick<Target, 'record'>,
  recordId: string | undefined,
): Rule & { readonly kind: 'records' } {
  const item = { record: record.name, ...(recordId === undefined ? {} : { recordId }) }
  return { kind: 'records', items: [item] }
}

/**
 * Removes a record and its parts, in batches, the record in the last. What a law or a hold keeps stays. Nothing is
 * done to a record that was written since.
 *
 * @throws {@link write_conflict} when others wrote the person all the time
 */
export async function removeOwner(removing: Removing): Promise<void> {
  const { vault, keptOf, id, target, recordId, subjectId, signal } = removing
  const rule = ruleOfRecord(target, recordId)
  for (let looks = 1; looks <= LOOKS; looks += 1) {
    signal?.throwIfAborted()
    const look = await lookOver({ vault, keptOf, subjectId: id, rule })
    const works = look.works.filter(isTaking)
    if (works.length === 0) return
    const members = await seeMembers(vault.people, look.person.head)
    if (keptGround(members, subjectId) !== undefined) return
    if ((await removeAll(removing, look, members)) === 'done') return
  }
  throw new PrivityError('write_conflict', { attempts: LOOKS })
}

async function removeAll(
  removing: Removing,
  look: Look,
  members: MembersSeen,
): Promise<'done' | 'stale'> {
  const { target, recordId } = removing
  const root = entryOf({ type: target.type, recordId })
  const works = look.works.filter((work) => isTouched(look.selection, work, root))
  for (let from = 0; from < works.length; from += BATCH) {
    const ask = { ...askOf(removing, look), members, root }
    const places = works.slice(from, from + BATCH).map(({ sealed }) => sealed.place)
    if ((await eraseFitting({ ...ask, records: places })) === 'stale') return 'stale'
  }
  return 'done'
}

function askOf(
  { vault, keptOf, target, recordId, revision, event, signal }: Removing,
  { person, works, seen }: Look,
): Omit<FittingAsk, 'records' | 'members'> {
  const rule = ruleOfRecord(target, recordId)
  return {
    vault,
    erasureId: '',
    event,
    select: (fresh, heads): OwnedSelection => {
      const isSame = revisionIn(heads, target, recordId) === revision
      const now: Rule = isSame ? rule : { kind: 'records', items: [] }
      return selectionOf({ vault, keptOf, rule: now, seen }, fresh, heads)
    },
    person,
    pages: pageRows(vault.people, person),
    renewals: [],
    // No key goes: what is not taken is sealed under the same ones.
    attached: [...new Set(works.flatMap(touchedBy))],
    closing: undefined,
    signal,
  }
}

function revisionIn(
  { singles, many }: RecordHeads,
  { type }: Target,
  recordId: string | undefined,
): number | undefined {
  const head = recordId === undefined ? singles[String(type)] : many[pageEntry(type, recordId)]
  return head?.revision
}
