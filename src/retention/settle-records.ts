import { earliest } from '../base/earliest.ts'
import { decidedEnds } from '../consent/basis-end.ts'
import type { KeptOf } from '../erasure/partial/look.ts'
import type { RecordRules } from '../policy/record-rules.ts'
import type { Rows } from '../storage/participant.ts'
import type { Draft } from '../subjects/draft.ts'
import type { RecordHead } from '../subjects/head.ts'
import type { Person } from '../subjects/person.ts'
import { keepPersonUp } from '../subjects/upkeep.ts'
import { pageEntry, pageOf, recordReads } from '../vault/open-record.ts'
import { headIn } from '../vault/draft-heads.ts'
import { draftRecord } from '../vault/record-draft.ts'
import { headsOfType, openHeads } from '../vault/record-heads.ts'
import { fieldDue, pendingFields } from '../vault/record-retention.ts'
import type { Target, Vault } from '../vault/vault.ts'
import { type EndedRecord, endedRecords, type Looked } from './ended-records.ts'
import { putOff } from './put-off.ts'
import { retainedTargets } from './targets.ts'

/** What settling needs. */
export interface SettleDeps {
  readonly vault: Vault
  readonly keptOf: KeptOf
}

/** Ids of the fields that were to be erased or anonymised, by record: those that are still due have no value. */
export type Tried = ReadonlyMap<string, readonly string[]>

/** A record that is settled. */
export interface Settling {
  readonly target: Target
  readonly recordId: string | undefined
  /** Ids of fields that have come to their end and have no value. */
  readonly empty: readonly string[]
  /** Others came to their end just now, and may have one: the next sweep erases that as it has to be erased. */
  readonly isOpen: boolean
}

/** What was tried of some records. */
export function triedOf(ended: readonly EndedRecord[]): Tried {
  return new Map(ended.map((it) => [nameOf(it), [...it.erase, ...it.anonymise]]))
}

/** Records that stand in the due index as if something could be done, or of which nothing was left to do. */
export function unsettled(
  vault: Vault,
  { now, ...looked }: Looked & { readonly now: number },
  tried: Tried,
): readonly Settling[] {
  const still = triedOf(endedRecords(vault, looked, now))
  return retainedTargets(vault).flatMap((target) =>
    headsOfType(looked.heads, target).flatMap(([recordId, head]) => {
      const name = nameOf({ target, recordId })
      const due = still.get(name) ?? []
      const empty = due.filter((fieldId) => tried.get(name)?.includes(fieldId) === true)
      const isOpen = empty.length < due.length
      const isSettled = empty.length === 0 && (isOpen || !isPast(head, now))
      return isSettled ? [] : [{ target, recordId, empty, isOpen }]
    }),
  )
}

/**
 * Says of some records that what has no value has come to its end, and has them come up again when something of them
 * can be done: what a hold keeps, when that is released.
 */
export async function settleRecords(
  { vault, keptOf }: SettleDeps,
  id: string,
  { records, tried }: { readonly records: readonly Settling[]; readonly tried: Tried },
): Promise<void> {
  const { people } = vault
  const chosen = new Set(records.map(nameOf))
  const reads = records.flatMap(({ target, recordId }) =>
    recordReads(vault, target, { id, recordId }),
  )
  const pages = new Set(
    records.flatMap(({ recordId }) => (recordId === undefined ? [] : pageOf(recordId))),
  )
  await keepPersonUp(people, {
    id,
    reads: [...new Set(reads)],
    policy: vault.policy.hash,
    plan: (person, rows) => {
      const heads = openHeads(people, { person, pages }, rows)
      const now = people.now()
      const looked = { person, heads, kept: keptOf(person, heads), now }
      const todo = unsettled(vault, looked, tried).filter((it) => chosen.has(nameOf(it)))
      if (todo.length === 0) return undefined
      return {
        before: person,
        event: { type: 'retention.swept' },
        edit: (draft, edited) => {
          for (const it of todo) settleRecord(vault, { ...it, person, draft, rows: edited, now })
        },
      }
    },
  })
}

interface SettlingDraft extends Settling {
  readonly person: Person
  readonly draft: Draft
  readonly rows: Rows
  readonly now: number
}

function settleRecord(vault: Vault, it: SettlingDraft): void {
  const { target, recordId, empty, isOpen, draft, rows } = it
  const { type, record } = target
  if (empty.length > 0)
    draftRecord(vault, target, { draft, rows, recordId }).end({ set: {}, unset: empty })
  if (isOpen) return
  const drafted = { draft, rows, type, recordId }
  const head = headIn(draft, rows, { type, recordId })
  const rules = record.retention
  if (head === undefined || rules === undefined || !isPast(head, it.now)) return
  // What was dated by other rules comes up until it is resealed: those may be in force again one day.
  if (head.retention?.rules !== rules.id) return
  putOff(drafted, vault.people.deps.keyspace, nextLook(vault, { ...it, head, rules }))
}

/** Undefined while nobody can tell: when a hold is released, the person is looked at in any case. */
function nextLook(
  { policy, layouts }: Vault,
  {
    person,
    now,
    head,
    rules,
  }: SettlingDraft & { readonly head: RecordHead; readonly rules: RecordRules },
): number | undefined {
  const { registeredAt, holds = {} } = person.head
  const facts = head.retention ?? { events: {} }
  const purposeEnds = decidedEnds(policy.purposes, person.head)
  const ends = pendingFields(rules, head, layouts).flatMap(
    (fieldId) => fieldDue({ rules, facts, registeredAt, purposeEnds }, fieldId) ?? [],
  )
  const isHeld = ends.some((at) => at <= now)
  const reviews = isHeld ? Object.values(holds).map(({ reviewAt }) => reviewAt) : []
  return earliest([...ends, ...reviews].filter((at) => at > now))
}

function nameOf({ target, recordId = '' }: Pick<EndedRecord, 'target' | 'recordId'>): string {
  return pageEntry(target.type, recordId)
}

function isPast({ retention }: RecordHead, now: number): boolean {
  return retention?.due !== undefined && retention.due <= now
}
