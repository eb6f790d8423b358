import { type InputIssue, invalidInput, PrivityError } from '../base/errors.ts'
import { snapshot } from '../base/parse.ts'
import { isPlainObject } from '../base/plain.ts'
import type { ParsedChanges, StoredFields } from './compiled.ts'
import type { FieldDefinition } from './field-definition.ts'
import { type ParsedValue, parseNothing, parseValue } from './parse-value.ts'
import { assertRecordSize } from './record-size.ts'

/** The fields of a record as one purpose sees them. */
export interface VisibleFields {
  readonly purpose: string
  /** By name, in the order of declaration. */
  readonly visible: ReadonlyMap<string, FieldDefinition>
  /** Names of all fields of the record. */
  readonly names: ReadonlySet<string>
}

interface Outcome {
  readonly field: FieldDefinition
  readonly parsed: ParsedValue
}

const MAX_ISSUES = 100

/** Parses a whole record: every field of the purpose, also those that are not given. */
export async function parseCreate(fields: VisibleFields, input: unknown): Promise<StoredFields> {
  const given = readGiven(fields, input)
  const outcomes = await settle([...fields.visible.values()], given)
  assertParsed(outcomes, [])
  return storedFrom(outcomes)
}

/**
 * Parses the given fields only. One that is given as `undefined`, and whose schema takes that, is
 * cleared: reading it afterwards gives what was written.
 */
export async function parseChanges(
  fields: VisibleFields,
  input: unknown,
  unset: readonly string[] | undefined,
): Promise<ParsedChanges> {
  const given = readGiven(fields, input)
  const cleared = readUnset(fields, unset)
  const changed = [...fields.visible.values()].filter(({ name }) => given.has(name))
  const outcomes = await settle(changed, given)
  assertParsed(outcomes, unsetIssues(cleared, given))
  const absent = outcomes.filter(({ parsed }) => parsed.kind === 'absent')
  const ids = [...cleared.map(({ field }) => field.id), ...absent.map(({ field }) => field.id)]
  return { set: storedFrom(outcomes), unset: [...new Set(ids)] }
}

type Given = ReadonlyMap<string, unknown>

interface Cleared {
  readonly field: FieldDefinition
  readonly index: number
}

function readGiven(fields: VisibleFields, input: unknown): Given {
  const value = copyInput(fields, input)
  if (
    typeof value !== 'object' ||
    value === null ||
    Array.isArray(value) ||
    !isPlainObject(value)
  ) {
    throw invalidInput([], 'invalid_type')
  }
  const given = new Map<string, unknown>(Object.entries(value))
  assertVisible(fields, [...given.keys()])
  return given
}

/** Deeper steps of a path may be data; the name of a field is not. */
function copyInput({ names }: VisibleFields, input: unknown): unknown {
  return snapshot(input, [], (steps) => steps.slice(0, 1).filter((step) => names.has(`${step}`)))
}

function readUnset(fields: VisibleFields, unset: unknown): readonly Cleared[] {
  const list = unset === undefined ? [] : copyUnset(unset)
  assertVisible(fields, list)
  return list.flatMap((name, index) => {
    const field = typeof name === 'string' ? fields.visible.get(name) : undefined
    return field === undefined ? [] : [{ field, index }]
  })
}

function copyUnset(unset: unknown): readonly unknown[] {
  try {
    const list = snapshot(unset)
    if (Array.isArray(list)) return list
  } catch {
    throw invalidInput(['unset'], 'unreadable')
  }
  throw invalidInput(['unset'], 'invalid_type')
}

function assertVisible(
  { names, visible, purpose }: VisibleFields,
  given: readonly unknown[],
): void {
  const asked = given.map((name) => (typeof name === 'string' ? name : ''))
  if (!asked.every((name) => names.has(name))) {
    // Neither the path nor the list repeats what was passed.
    const declared = [...visible.keys()]
    throw new PrivityError('not_declared', { kind: 'field', path: [], declared })
  }
  if (asked.every((name) => visible.has(name))) return
  const reason = 'field_not_in_purpose'
  throw new PrivityError('not_permitted', { purpose, reason, reasons: [reason] })
}

/** What may be left out of a record may also be cleared; a default then takes its place. */
function unsetIssues(cleared: readonly Cleared[], given: Given): readonly InputIssue[] {
  return cleared.flatMap(({ field: { name, presence }, index }) => {
    const path = ['unset', index]
    if (!presence.optional && !presence.hasDefault) return [{ path, code: 'required' }]
    return given.has(name) ? [{ path, code: 'also_set' }] : []
  })
}

async function settle(
  fields: readonly FieldDefinition[],
  given: Given,
): Promise<readonly Outcome[]> {
  const parsed = await Promise.all(
    fields.map((it) =>
      given.has(it.name) ? parseValue(it, given.get(it.name)) : parseNothing(it),
    ),
  )
  return fields.flatMap((field, index) => {
    const outcome = parsed[index]
    return outcome === undefined ? [] : [{ field, parsed: outcome }]
  })
}

function assertParsed(outcomes: readonly Outcome[], others: readonly InputIssue[]): void {
  const refused = outcomes.flatMap(({ parsed }) => (parsed.kind === 'refused' ? parsed.issues : []))
  const issues = [...refused, ...others]
  if (issues.length === 0) return
  throw new PrivityError('invalid_input', { issues: issues.slice(0, MAX_ISSUES) })
}

function storedFrom(outcomes: readonly Outcome[]): StoredFields {
  const stored = Object.fromEntries(
    outcomes.flatMap(({ field, parsed }) =>
      parsed.kind === 'value' ? [[field.id, parsed.value]] : [],
    ),
  )
  assertRecordSize(stored)
  return stored
}
