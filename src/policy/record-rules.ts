import { toHex } from '../base/bytes.ts'
import { canonicalBytes, canonicalJson, type JsonObject } from '../base/canonical.ts'
import { sha256 } from '../crypto/hash.ts'
import type { RecordDefinition } from './define-record.ts'
import type { FieldDefinition } from './field-definition.ts'
import type { Purpose } from './purposes.ts'
import { isOwnEvent, type Retention } from './retention.ts'
import type { FieldRules } from './retention-rules.ts'

/** What is to be known about the end of the records of a type. */
export interface RecordRules {
  /** First 8 hexadecimal digits of the SHA-256 of the rules: what was kept for others is brought up to date. */
  readonly id: string
  /** What records remember of what happened to them: what a rule counts from, and the app's own events. */
  readonly events: readonly string[]
  /** By id; every field of the record. */
  readonly fields: ReadonlyMap<string, FieldRules>
  /** Ids of the fields that time can end, in the order of declaration. */
  readonly ending: readonly string[]
  /** All fields end at the same time, and in the same way. */
  readonly isUniform: boolean
}

type Purposes = ReadonlyMap<string, Purpose>

const ID_BYTES = 4

/** Works out the rules of a record type; undefined when nothing was said about its end. */
export function recordRules(
  definition: RecordDefinition,
  purposes: Purposes,
): RecordRules | undefined {
  const { events } = definition
  const rules = definition.fields.map((field) => fieldRules(definition, field, purposes))
  if (events.length === 0 && rules.every(saysNothing)) return undefined
  const said = rules.map((it) => canonicalJson(describe(it)))
  return Object.freeze({
    id: toHex(sha256(canonicalBytes([events, ids(rules), said])).subarray(0, ID_BYTES)),
    events: eventsOf(rules, events),
    fields: new Map(rules.map((it) => [it.id, it])),
    ending: ids(rules.filter(isEnding)),
    isUniform: new Set(said).size === 1 && rules.every((it) => it.anonymise === undefined),
  })
}

function fieldRules(
  { rules }: RecordDefinition,
  field: FieldDefinition,
  purposes: Purposes,
): FieldRules {
  const { id, name, anonymise } = field
  const needs = field.purposes.map((purpose) => {
    const retention = purposes.get(purpose)?.retention
    return retention === undefined ? { purpose } : { purpose, retention }
  })
  return {
    id,
    name,
    maxima: [field.rules.retention, rules.retention].filter((it) => it !== undefined),
    purposes: needs.some(({ retention }) => retention !== undefined) ? needs : [],
    floors: [...field.rules.floors, ...rules.floors],
    ...(anonymise === undefined ? {} : { anonymise }),
  }
}

function saysNothing(rules: FieldRules): boolean {
  return !isEnding(rules) && rules.floors.length === 0 && rules.anonymise === undefined
}

function isEnding({ maxima, purposes }: FieldRules): boolean {
  return maxima.length + purposes.length > 0
}

/** The head of the person says when they were registered; an event of another record never happens to this one. */
function eventsOf(rules: readonly FieldRules[], own: readonly string[]): readonly string[] {
  const counted = rules
    .flatMap(({ maxima, purposes, floors }) => [
      ...maxima,
      ...purposes.flatMap(({ retention }) => retention ?? []),
      ...floors,
    ])
    .map(({ from }) => from)
    .filter((event) => !isOwnEvent(event) && event !== 'registered')
  return [...new Set([...counted, ...own])].sort()
}

function describe({ maxima, purposes, floors, anonymise }: FieldRules): JsonObject {
  return {
    maxima: maxima.map(timing),
    purposes: purposes.map(({ purpose, retention }) => ({
      purpose,
      ...(retention === undefined ? {} : { needs: timing(retention) }),
    })),
    floors: floors.map(timing),
    anonymise: anonymise !== undefined,
  }
}

function timing({ keep, from, until, zone }: Retention): JsonObject {
  return {
    keep: { ...keep },
    from,
    ...(until === undefined ? {} : { until }),
    ...(zone === undefined ? {} : { zone }),
  }
}

function ids(rules: readonly FieldRules[]): readonly string[] {
  return rules.map(({ id }) => id)
}
