import { invalidInput } from '../base/errors.ts'
import { classesOf, classKeyOf } from './access-class.ts'
import type { CompiledField, CompiledPolicy, CompiledRecord, OwnedBy } from './compiled.ts'
import { assertDescriptionSize, describePolicy, hashOf } from './describe.ts'
import { type CompiledLookup, nameOfLookup } from './compiled-lookup.ts'
import type { FieldDefinition } from './field-definition.ts'
import { freezeDeep } from './freeze.ts'
import { layoutOf } from './layout.ts'
import { createPlan } from './plan.ts'
import type { PolicyContent, RecordEntry } from './policy-content.ts'
import type { RecordLookup } from './record-lookups.ts'
import { recordRules } from './record-rules.ts'

const compiledPolicies = new WeakMap<object, CompiledPolicy>()

/**
 * The compiled form of a policy that `definePolicy` made.
 *
 * @throws {@link invalid_input} with `not_a_policy` for anything else, also a look-alike.
 */
export function compilePolicy(policy: object): CompiledPolicy {
  const compiled = compiledPolicies.get(policy)
  if (compiled === undefined) throw invalidInput(['policy'], 'not_a_policy')
  return compiled
}

/** Remembers the compiled form of a policy, which is the only way to become one. */
export function rememberCompiled(policy: object, compiled: CompiledPolicy): void {
  compiledPolicies.set(policy, compiled)
}

/**
 * Works out everything that a policy decides.
 *
 * @throws {@link invalid_input} with `too_big` if its description does not fit into a row.
 */
export function compile(content: PolicyContent): CompiledPolicy {
  const describe = freezeDeep(describePolicy(content))
  assertDescriptionSize(describe)
  return Object.freeze({
    hash: hashOf(describe),
    describe,
    controller: content.controller,
    purposes: content.purposes,
    roles: mapValues(content.roles, (role) => new Set(role.purposes)),
    records: mapValues(content.records, (entry, name) =>
      compileRecord(name, entry, content.purposes),
    ),
    ...(content.collections === undefined ? {} : { collections: content.collections }),
  })
}

function compileRecord(
  name: string,
  { definition }: RecordEntry,
  purposes: PolicyContent['purposes'],
): CompiledRecord {
  const { many, sharedWith } = definition
  const retention = recordRules(definition, purposes)
  const fields = definition.fields.map((it) => ({
    definition: it,
    compiled: compileField(name, it),
  }))
  const compiled = fields.map((field) => field.compiled)
  const ownedBy = ownedByOf(definition)
  return Object.freeze({
    name,
    many,
    fields: Object.freeze(compiled),
    lookups: freezeDeep(definition.lookups.map((it) => compileLookup(name, it, compiled))),
    layout: layoutOf(name, compiled),
    ...(sharedWith === undefined ? {} : { sharedWith }),
    ...(ownedBy === undefined ? {} : { ownedBy }),
    ...(retention === undefined ? {} : { retention }),
    classes: Object.freeze(classesOf(name, definition.fields)),
    plans: new Map(
      [...purposes.keys()].map((purpose) => [
        purpose,
        createPlan({ purpose, record: name, many, fields }),
      ]),
    ),
  })
}

function ownedByOf({ ownedBy, fields }: RecordEntry['definition']): OwnedBy | undefined {
  if (ownedBy === undefined) return undefined
  const { record, field, onErase } = ownedBy
  return { record, fieldId: fields.find(({ name }) => name === field)?.id ?? '', onErase }
}

function compileField(record: string, field: FieldDefinition): CompiledField {
  const { name, id, purposes, presence, special, refs, waiver } = field
  const { optional, hasDefault, defaultValue } = presence
  return freezeDeep({
    name,
    id,
    classKey: classKeyOf(record, field),
    purposes,
    optional,
    hasDefault,
    ...(special === undefined ? {} : { special }),
    ...(refs === undefined ? {} : { refs }),
    ...(waiver === undefined ? {} : { waiver }),
    ...(defaultValue === undefined ? {} : { defaultValue }),
  })
}

function compileLookup(
  record: string,
  lookup: RecordLookup,
  fields: readonly CompiledField[],
): CompiledLookup {
  const ids = new Set(lookup.fields.map(({ id }) => id))
  const [narrowest] = fields
    .filter(({ id }) => ids.has(id))
    .toSorted((a, b) => a.purposes.length - b.purposes.length || (a.classKey < b.classKey ? -1 : 1))
  return { ...lookup, name: nameOfLookup(record, lookup), classKey: narrowest?.classKey ?? '' }
}

function mapValues<T, U>(
  map: ReadonlyMap<string, T>,
  change: (value: T, name: string) => U,
): ReadonlyMap<string, U> {
  return new Map([...map].map(([name, value]) => [name, change(value, name)]))
}
