import * as z from 'zod/mini'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { isId } from '../base/id.ts'
import type { CompiledField, CompiledPolicy, CompiledRecord } from '../policy/compiled.ts'
import type { SpecialCategory } from '../policy/field.ts'
import { isSpecialCategory } from '../policy/field-definition.ts'
import type { Rule, RuleItem } from './selection.ts'

/** What of a person is erased, where it is not everything. */
export type ErasureScope =
  | { readonly records: readonly ScopedRecord[] }
  /** What no other purpose with a live basis needs. */
  | { readonly purpose: string }
  /** Every field of a special category. */
  | { readonly special: SpecialCategory }

/** Some records of one type, or some fields of them. */
export interface ScopedRecord {
  /** Name of a record type of the policy. */
  readonly record: string
  /** One of `many` records. Default: all of them. */
  readonly recordId?: string
  /** Default: the records as a whole. */
  readonly fields?: readonly string[]
}

const MAX_ITEMS = 256
const MAX_FIELDS = 256

const scopedRecord = z.strictObject({
  record: z.string(),
  recordId: z.exactOptional(z.string()),
  fields: z.exactOptional(z.array(z.string()).check(z.minLength(1), z.maxLength(MAX_FIELDS))),
})

/** The shape of a scope; which names there are, {@link ruleOf} checks. */
export const erasureScope: z.ZodMiniType<ErasureScope> = z.union([
  z.strictObject({
    records: z.array(scopedRecord).check(z.minLength(1), z.maxLength(MAX_ITEMS)),
  }),
  z.strictObject({ purpose: z.string() }),
  z.strictObject({ special: z.string() }),
]) as unknown as z.ZodMiniType<ErasureScope>

/**
 * A scope by the ids of what it names.
 *
 * @throws {@link not_declared} naming what is declared · @throws {@link invalid_input}
 */
export function ruleOf(policy: CompiledPolicy, scope: ErasureScope): Rule {
  if ('purpose' in scope) {
    const purpose = declaredPurpose(policy, scope)
    const asked = fieldsThat(policy, ({ purposes }) => purposes.includes(purpose))
    return { kind: 'purpose', purpose, asked }
  }
  if ('special' in scope) {
    const special = knownCategory(scope.special)
    return { kind: 'special', special, asked: fieldsThat(policy, (it) => it.special === special) }
  }
  return { kind: 'records', items: ruleItems(policy, scope.records, ['scope', 'records']) }
}

/** Records and fields by name, as the policy knows them. @throws {@link not_declared} · @throws {@link invalid_input} */
export function ruleItems(
  policy: CompiledPolicy,
  records: readonly ScopedRecord[],
  path: Path,
): readonly RuleItem[] {
  return records.map((item, index) => ruleItem(policy, item, [...path, index]))
}

type Path = readonly (string | number)[]

function fieldsThat(
  { records }: CompiledPolicy,
  isMeant: (field: CompiledField) => boolean,
): readonly RuleItem[] {
  return [...records.values()].flatMap(({ name, fields }) => {
    const fieldIds = fields.filter(isMeant).map(({ id }) => id)
    return fieldIds.length === 0 ? [] : [{ record: name, fieldIds }]
  })
}

function declaredPurpose(
  { purposes }: CompiledPolicy,
  { purpose }: { readonly purpose: string },
): string {
  if (purposes.has(purpose)) return purpose
  throw new PrivityError('not_declared', {
    kind: 'purpose',
    path: ['scope', 'purpose'],
    declared: [...purposes.keys()],
  })
}

function knownCategory(special: string): SpecialCategory {
  if (isSpecialCategory(special)) return special
  throw invalidInput(['scope', 'special'], 'invalid_value')
}

function ruleItem(
  { records }: CompiledPolicy,
  { record: name, recordId, fields }: ScopedRecord,
  path: Path,
): RuleItem {
  const record = records.get(name)
  if (record === undefined)
    throw new PrivityError('not_declared', {
      kind: 'record',
      path: [...path, 'record'],
      declared: [...records.keys()],
    })
  if (recordId !== undefined) assertRecordId(record, recordId, [...path, 'recordId'])
  return {
    record: name,
    ...(recordId === undefined ? {} : { recordId }),
    ...(fields === undefined
      ? {}
      : { fieldIds: fields.map((field, at) => fieldIdOf(record, field, [...path, 'fields', at])) }),
  }
}

function assertRecordId({ many }: CompiledRecord, recordId: string, path: Path): void {
  if (!many) throw invalidInput(path, 'not_many')
  if (!isId(recordId)) throw invalidInput(path, 'not_an_id')
}

function fieldIdOf({ fields }: CompiledRecord, name: string, path: Path): string {
  const field = fields.find((candidate) => candidate.name === name)
  if (field !== undefined) return field.id
  throw new PrivityError('not_declared', {
    kind: 'field',
    path,
    declared: fields.map((candidate) => candidate.name),
  })
}
