import type { CompiledField, Plan, PlanField } from './compiled.ts'
import type { FieldDefinition } from './field-definition.ts'
import { parseChanges, parseCreate, type VisibleFields } from './parse-fields.ts'

/** A field both as it was declared and as it is worked with. */
export interface RecordField {
  readonly definition: FieldDefinition
  readonly compiled: CompiledField
}

/** What a plan is made from. */
export interface PlanSource {
  readonly purpose: string
  readonly record: string
  readonly many: boolean
  readonly fields: readonly RecordField[]
}

/** Works out once what a purpose can do with a record type: it sees the fields that name it. */
export function createPlan({ purpose, record, many, fields }: PlanSource): Plan {
  const seen = fields.filter(({ definition }) => definition.purposes.includes(purpose))
  const source: VisibleFields = {
    purpose,
    visible: new Map(seen.map(({ definition }) => [definition.name, definition])),
    names: new Set(fields.map(({ definition }) => definition.name)),
  }
  return Object.freeze({
    purpose,
    record,
    many,
    fields: Object.freeze(seen.map((field) => planField(field, purpose))),
    classKeys: Object.freeze([...new Set(seen.map((it) => it.compiled.classKey))].sort()),
    coversRequired: fields.every((field) => seen.includes(field) || isOptional(field.compiled)),
    parseCreate: (input: unknown) => parseCreate(source, input),
    parseChanges: (input: unknown, unset: readonly string[] | undefined) =>
      parseChanges(source, input, unset),
  })
}

function planField({ definition, compiled }: RecordField, purpose: string): PlanField {
  const view = definition.views.get(purpose)
  return view === undefined ? compiled : Object.freeze({ ...compiled, view })
}

function isOptional({ optional, hasDefault }: CompiledField): boolean {
  return optional || hasDefault
}
