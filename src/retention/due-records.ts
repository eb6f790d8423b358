import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import { invalidInput } from '../base/errors.ts'
import type { SubjectId } from '../base/id.ts'
import { parseOptions } from '../base/parse-options.ts'
import { fromInstant, type Instant, toInstant } from '../base/time.ts'
import { decidedEnds } from '../consent/basis-end.ts'
import type { RecordRules } from '../policy/record-rules.ts'
import { keptBy } from '../policy/retention-rules.ts'
import { eventTimes, fieldDue, pendingFields } from '../vault/record-retention.ts'
import { hasSection } from '../vault/section-facts.ts'
import type { Vault } from '../vault/vault.ts'
import { retainedTargets } from './targets.ts'
import { type DueRow, walkDue } from './walk-due.ts'

/** A record of which something falls due. */
export interface DueRecord {
  /** Whose record it is. */
  readonly subjectId: SubjectId
  /** Name of the record type. */
  readonly record: string
  /** Of a type that a person may have many of. */
  readonly recordId?: string
  /** Of the first of its fields. */
  readonly dueAt: Instant
  /** The fields that fall due up to the moment asked for; an optional one may have no value. */
  readonly fields: readonly DueField[]
  /** Its other fields that have to stay by law. */
  readonly kept: readonly KeptField[]
}

/** A field that falls due. */
export interface DueField {
  /** Its name in the record type. */
  readonly field: string
  /** When its time is over. */
  readonly dueAt: Instant
  /** What a sweep makes of it. */
  readonly action: 'erase' | 'anonymise'
}

/** A field that has to stay. */
export interface KeptField {
  /** Its name in the record type. */
  readonly field: string
  /** The law that keeps it, as the policy names it. */
  readonly ground: string
  /** Where the ground can be read. */
  readonly source?: string
  /** Absent while the event that it is counted from has not happened. */
  readonly until?: Instant
}

/** Which of it. */
export interface DueOptions {
  /** Up to and with this moment. Default: now. */
  readonly before?: Instant
  /** Records at most. Default: all. */
  readonly limit?: number
  /** Ends the listing with its reason. */
  readonly signal?: AbortSignal
}

const dueOptions = z.strictObject({
  before: z.optional(z.string()),
  limit: z.optional(z.int().check(z.positive())),
  signal: abortSignal,
})

/**
 * What falls due, the earliest first; reads the rows of the due index up to there, and the heads of those people. What
 * does not open comes last, as an error.
 */
export async function* dueRecords(vault: Vault, options: unknown): AsyncGenerator<DueRecord> {
  const { before, limit, signal } = parseOptions(dueOptions, options)
  const until = before === undefined ? vault.people.now() : fromInstant(before)
  if (until === undefined) throw invalidInput(['before'], 'not_an_instant')
  const errors: unknown[] = []
  let count = 0
  if (until < 0) return
  for await (const row of walkDue(vault.people, { before: until, signal })) {
    if ('error' in row) errors.push(row.error)
    const due = 'error' in row ? undefined : dueOf(vault, row, until)
    if (due === undefined) continue
    yield due
    count += 1
    if (count === limit) break
  }
  if (errors.length > 0) throw errors[0]
}

interface Looking {
  readonly vault: Vault
  readonly row: DueRow
  readonly rules: RecordRules
}

/** Ids of the fields that fall due, and when. */
export function dueFields(
  { vault, row, rules }: Looking,
  until: number,
): readonly { readonly id: string; readonly at: number }[] {
  const head = row.record?.head
  if (head === undefined) return []
  const facts = head.retention ?? { events: {} }
  const { registeredAt } = row.person.head
  const purposeEnds = decidedEnds(vault.policy.purposes, row.person.head)
  return pendingFields(rules, head, vault.layouts).flatMap((id) => {
    const at = fieldDue({ rules, facts, registeredAt, purposeEnds }, id)
    return at === undefined || at > until ? [] : [{ id, at }]
  })
}

/** By the rules of the running policy; undefined when nothing falls due by those. */
function dueOf(vault: Vault, row: DueRow, until: number): DueRecord | undefined {
  const { person, record } = row
  const target = retainedTargets(vault).find(({ type }) => type === record?.type)
  const rules = target?.record.retention
  if (record === undefined || target === undefined || rules === undefined) return undefined
  const fields = dueFields({ vault, row, rules }, until)
  const [first] = fields.toSorted((a, b) => a.at - b.at)
  if (first === undefined) return undefined
  return Object.freeze({
    subjectId: person.id as SubjectId,
    record: target.record.name,
    ...(record.recordId === undefined ? {} : { recordId: record.recordId }),
    dueAt: toInstant(first.at),
    fields: fields.map(({ id, at }) => dueField(rules, id, at)),
    kept: keptFields({ vault, row, rules }, until),
  })
}

/** Fields that may have a value and that a law keeps at a moment. */
function keptFields({ vault, row, rules }: Looking, at: number): readonly KeptField[] {
  const head = row.record?.head
  if (head === undefined) return []
  const facts = head.retention ?? { events: {} }
  const events = eventTimes({ facts, registeredAt: row.person.head.registeredAt })
  return [...rules.fields.values()].flatMap((field) => {
    const kept = hasSection(head.sections, field.id, vault.layouts)
      ? keptBy(field, events, at)
      : undefined
    if (kept === undefined) return []
    const { until, ...ground } = kept
    return [
      { field: field.name, ...ground, ...(until === undefined ? {} : { until: toInstant(until) }) },
    ]
  })
}

function dueField(rules: RecordRules, id: string, at: number): DueField {
  const field = rules.fields.get(id)
  return {
    field: field?.name ?? id,
    dueAt: toInstant(at),
    action: field?.anonymise === undefined ? 'erase' : 'anonymise',
  }
}
