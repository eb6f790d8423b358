import type { RecordRules } from '../policy/record-rules.ts'
import { dueAt, type EventTimes, type PurposeEnds } from '../policy/retention-rules.ts'
import type { RecordHead, RetentionFacts } from '../subjects/head.ts'
import type { Layouts } from './layouts.ts'
import { hasSection } from './section-facts.ts'

/** What is done to a record, as far as its end goes. */
export interface Aging {
  /**
   * `written`: the app stores values; `ended`: what has come to its end is unset, or set to what may stay of it;
   * `renewed`: values stay as they are, or others take their place.
   */
  readonly kind: 'written' | 'ended' | 'renewed'
  /** Ids of fields. */
  readonly set: readonly string[]
  readonly unset: readonly string[]
  /** What the app tells of the record; without a time, that it has not happened after all. */
  readonly told?: { readonly event: string; readonly at: number | undefined }
}

/** A record before and after. */
export interface AgingRecord {
  readonly rules: RecordRules | undefined
  readonly before: RecordHead | undefined
  /** Of the operation. */
  readonly at: number
  readonly registeredAt: number
  /** Of the person. */
  readonly purposeEnds: PurposeEnds
  /** Whether the record may have a value of this field afterwards. */
  holds(fieldId: string): boolean
}

/** Which fields of a record end when. */
export interface Ending {
  readonly rules: RecordRules
  readonly facts: Pick<RetentionFacts, 'events'>
  readonly registeredAt: number
  readonly purposeEnds: PurposeEnds
}

/** Of a policy without rules for a record: no rules have this id. */
const NO_RULES = ''

/** What the head of the record has to remember; nothing when no rule ever asked for it. */
export function retentionAfter(
  record: AgingRecord,
  aging: Aging,
): { readonly retention?: RetentionFacts } {
  const { rules, registeredAt, purposeEnds } = record
  if (rules === undefined) return carriedAfter(record, aging)
  // What was ended as a whole begins anew when something is stored there again.
  const isOver = aging.kind === 'ended' && ![...rules.fields.keys()].some(record.holds)
  const events = isOver ? {} : eventsAfter(record, { ...aging, rules })
  const fields = fieldsAfter(record, { ...aging, rules })
  const ending = { rules, facts: { events }, registeredAt, purposeEnds }
  const pending = rules.isUniform ? rules.ending.filter(record.holds).slice(0, 1) : fields
  const dues = pending.flatMap((id) => fieldDue(ending, id) ?? [])
  return {
    retention: {
      rules: rules.id,
      events,
      ...(rules.isUniform || rules.ending.length === 0 ? {} : { fields }),
      // A key of the index has no room for what was before 1970, and that is due as well.
      ...(dues.length === 0 ? {} : { due: Math.max(0, Math.min(...dues)) }),
    },
  }
}

/** Whether a record was dated by these rules. Pure. */
export function isDatedBy(
  { retention }: Pick<RecordHead, 'retention'>,
  rules: Pick<RecordRules, 'id'> | undefined,
): boolean {
  return (retention?.rules ?? NO_RULES) === (rules?.id ?? NO_RULES)
}

/** A policy that has rules again finds what happened before. */
function carriedAfter(record: AgingRecord, aging: Aging): { readonly retention?: RetentionFacts } {
  const events = knownEvents(record, aging)
  return Object.keys(events).length === 0 ? {} : { retention: { rules: NO_RULES, events } }
}

/** When a field of a record ends; undefined when no end is known. */
export function fieldDue(
  { rules, purposeEnds, ...ending }: Ending,
  fieldId: string,
): number | undefined {
  const field = rules.fields.get(fieldId)
  return field === undefined ? undefined : dueAt(field, eventTimes(ending), purposeEnds)
}

/** Everything that rules count from. */
export function eventTimes({
  facts,
  registeredAt,
}: Pick<Ending, 'facts' | 'registeredAt'>): EventTimes {
  return { ...facts.events, registered: registeredAt }
}

/** Ids of the fields of a record as stored whose end is to come. */
export function pendingFields(
  rules: RecordRules,
  head: RecordHead,
  layouts: Pick<Layouts, 'classIn' | 'isKnown'>,
): readonly string[] {
  const { retention, sections } = head
  if (retention?.rules === rules.id && retention.fields !== undefined) return retention.fields
  return rules.ending.filter((id) => hasSection(sections, id, layouts))
}

interface AgingUnder extends Aging {
  readonly rules: RecordRules
}

function knownEvents({ before, at }: AgingRecord, { kind }: Aging): RetentionFacts['events'] {
  const known = before?.retention?.events ?? {}
  return kind === 'written' && known['updated'] !== undefined ? { ...known, updated: at } : known
}

/** Also those that only other rules count from: the app told of them once, and will not again. */
function eventsAfter(record: AgingRecord, aging: AgingUnder): RetentionFacts['events'] {
  const { at } = record
  const { rules, kind, told } = aging
  const known = knownEvents(record, aging)
  const others = Object.entries(known).filter(([event]) => !rules.events.includes(event))
  const times = rules.events.map((event): readonly [string, number | undefined] => {
    if (event === told?.event) return [event, told.at]
    if (event === 'updated' && kind === 'written') return [event, at]
    // A rule that is newer than the record counts from when it first met it: too late, and never too early.
    const isBuiltIn = event === 'created' || event === 'updated'
    return [event, known[event] ?? (isBuiltIn ? at : undefined)]
  })
  return Object.fromEntries([
    ...others,
    ...times.filter((time): time is readonly [string, number] => time[1] !== undefined),
  ])
}

/** What is written has its end before it again; what was ended has not. */
function fieldsAfter(
  { before, holds }: AgingRecord,
  { rules, kind, set, unset }: AgingUnder,
): readonly string[] {
  const isKept = before?.retention?.rules === rules.id
  const known = isKept ? (before?.retention?.fields ?? []) : rules.ending.filter(holds)
  const open = new Set(before === undefined ? [] : known)
  for (const id of unset) open.delete(id)
  for (const id of set) {
    if (kind === 'written') open.add(id)
    if (kind === 'ended') open.delete(id)
  }
  return rules.ending.filter((id) => open.has(id))
}
