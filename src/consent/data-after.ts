import { type Instant, toInstant } from '../base/time.ts'
import type { CompiledField, CompiledPolicy, CompiledRecord } from '../policy/compiled.ts'
import type { LegalBasis } from '../policy/legal-basis.ts'
import { dueAt, type EventTimes, keptBy } from '../policy/retention-rules.ts'
import type { Head } from '../subjects/head.ts'
import { type BasisEnd, decidedEnds, lastEnd, purposeEnd } from './basis-end.ts'
import { basisDenials } from './status.ts'

/** What becomes of the data that a purpose saw, once it has ended. */
export interface DataAfter {
  /** Fields that no purpose with a live basis needs any more. */
  readonly goes: readonly GoingFields[]
  /** Fields that another purpose or a law needs, each with its ground. */
  readonly stays: readonly StayingField[]
}

/** Fields of a record type that are erased at a time. */
export interface GoingFields {
  /** Name of the record type. */
  readonly record: string
  /** Their names in the record type. */
  readonly fields: readonly string[]
  /** The grace of the purposes that saw them is over then. */
  readonly at: Instant
}

/** A field that stays, and why. */
export interface StayingField {
  /** Name of the record type. */
  readonly record: string
  /** Its name in the record type. */
  readonly field: string
  /** `purpose:` and its name, or the law as the policy names it. */
  readonly ground: string
  /** Of that purpose. */
  readonly basis?: LegalBasis
  /** Absent while nobody can tell. */
  readonly until?: Instant
}

/** What is looked at. */
export interface AfterFacts {
  readonly policy: CompiledPolicy
  /** As it is after the decision. */
  readonly head: Head
  /** Which purposes ended. */
  readonly ended: readonly string[]
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Number of a record type. */
  typeOf(record: string): number
}

/** What of a person goes, and what stays, why and until when, after purposes have ended. Pure. */
export function dataAfter(facts: AfterFacts): DataAfter {
  const { policy, head } = facts
  const ended = facts.ended.filter((purpose) => typeof endOf(facts, purpose) === 'number')
  const records = [...policy.records.values()].filter((record) => holds(head, facts, record))
  const places = records.flatMap((record) =>
    record.fields
      .filter(({ purposes }) => purposes.some((purpose) => ended.includes(purpose)))
      .map((field) => ({ record, field, fate: fateOf(facts, record, field) })),
  )
  const going = new Map<string, { record: string; at: number; fields: string[] }>()
  const stays: StayingField[] = []
  for (const { record, field, fate } of places) {
    if (typeof fate === 'number') {
      const key = `${record.name}/${fate}`
      const group = going.get(key) ?? { record: record.name, at: fate, fields: [] }
      group.fields.push(field.name)
      going.set(key, group)
    } else stays.push({ record: record.name, field: field.name, ...fate })
  }
  const goes = [...going.values()].map(({ at, ...rest }) => ({ ...rest, at: toInstant(at) }))
  return { goes, stays }
}

function holds(head: Head, { typeOf }: AfterFacts, { name, many }: CompiledRecord): boolean {
  const type = String(typeOf(name))
  return many ? (head.many[type] ?? 0) > 0 : head.singles[type] !== undefined
}

type Stay = Omit<StayingField, 'record' | 'field'>

/** When a field goes, or why it stays. */
function fateOf(facts: AfterFacts, record: CompiledRecord, field: CompiledField): number | Stay {
  const ends = field.purposes.map((purpose) => [purpose, endOf(facts, purpose)] as const)
  const live = ends.filter(([purpose]) => isLive(facts, purpose))
  const [longest] = [...live].sort(([, a], [, b]) => rank(b) - rank(a))
  const due = dueOf(facts, record, field)
  const isOver = due !== undefined && due <= facts.now
  if (longest !== undefined && !isOver) return needed(facts, longest, due)
  const kept = heldBy(facts, record, field) ?? floorOf(facts, record, field)
  if (kept !== undefined) return kept
  if (isOver) return facts.now
  const last = lastEnd(ends.map(([, end]) => end))
  return typeof last === 'number' ? last : facts.now
}

function isLive({ policy, head, now }: AfterFacts, name: string): boolean {
  const basis = policy.purposes.get(name)?.basis
  if (basis === undefined) return false
  const consent = Object.hasOwn(head.consents, name) ? head.consents[name] : undefined
  const objected = Object.hasOwn(head.objections, name)
  // A restriction and a changed notice stop the use, and are no reason to erase.
  const nothing = { restricted: false, closed: false, stale: false }
  const facts = { basis, consent, objected, ...nothing, at: now }
  return basisDenials(facts).length === 0
}

function endOf({ policy, head }: AfterFacts, name: string): BasisEnd {
  const purpose = policy.purposes.get(name)
  return purpose === undefined ? 'open' : purposeEnd(name, purpose, head)
}

function rank(end: BasisEnd): number {
  return typeof end === 'number' ? end : Infinity
}

function needed(
  { policy }: AfterFacts,
  [name, end]: readonly [string, BasisEnd],
  due: number | undefined,
): Stay {
  const basis = policy.purposes.get(name)?.basis
  const until = Math.min(rank(end), due ?? Infinity)
  return {
    ground: `purpose:${name}`,
    ...(basis === undefined ? {} : { basis }),
    ...(until === Infinity ? {} : { until: toInstant(until) }),
  }
}

/** When time ends what a purpose needs. */
function dueOf(
  facts: AfterFacts,
  record: CompiledRecord,
  { id }: CompiledField,
): number | undefined {
  const rules = record.retention?.fields.get(id)
  const { policy, head } = facts
  if (rules === undefined || record.many) return undefined
  return dueAt(rules, eventsOf(facts, record), decidedEnds(policy.purposes, head))
}

/** A hold on one of many records is one on some of them: what is told is of all. */
function heldBy(
  { head }: AfterFacts,
  { name }: CompiledRecord,
  { id }: CompiledField,
): Stay | undefined {
  const found = Object.entries(head.holds ?? {}).find(
    ([, { items }]) =>
      items === undefined ||
      items.some((item) => item.record === name && item.fieldIds?.includes(id) !== false),
  )
  return found === undefined ? undefined : { ground: `hold:${found[0]}` }
}

function floorOf(
  facts: AfterFacts,
  record: CompiledRecord,
  { id }: CompiledField,
): Stay | undefined {
  const rules = record.retention?.fields.get(id)
  if (rules === undefined) return undefined
  const kept = keptBy(rules, eventsOf(facts, record), facts.now)
  if (kept === undefined) return undefined
  const { ground, until } = kept
  return { ground, ...(until === undefined ? {} : { until: toInstant(until) }) }
}

/** Each of many records has times of its own: of those nobody can tell an end here. */
function eventsOf({ head, typeOf }: AfterFacts, { name, many }: CompiledRecord): EventTimes {
  if (many) return {}
  const { events = {} } = head.singles[String(typeOf(name))]?.retention ?? {}
  return { ...events, registered: head.registeredAt }
}
