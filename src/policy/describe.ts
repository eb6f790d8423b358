import { toBase64url } from '../base/bytes.ts'
import { canonicalBytes, type JsonObject } from '../base/canonical.ts'
import { defined } from '../base/defined.ts'
import { invalidInput } from '../base/errors.ts'
import { sha256 } from '../crypto/hash.ts'
import type { Collection } from './collections.ts'
import type { RecordDefinition } from './define-record.ts'
import type { FieldDefinition } from './field-definition.ts'
import type { LookupDefinition } from './lookup-options.ts'
import { builtInById, normaliserId } from './normaliser.ts'
import type { PolicyContent } from './policy-content.ts'
import type { Purpose } from './purposes.ts'
import type { RecordLookup } from './record-lookups.ts'
import type { RetentionRules } from './retention.ts'

// It is stored in one row, sealed.
const MAX_BYTES = 262_144

/** Everything a policy decides, as plain content: no functions, no schemas, no order. */
export function describePolicy(content: PolicyContent): JsonObject {
  const { controller, version, purposes, roles, records, collections } = content
  return {
    controller: { ...controller },
    ...(version === undefined ? {} : { version }),
    purposes: describeMap(purposes, describePurpose),
    roles: describeMap(roles, (role) => ({ purposes: [...role.purposes].sort() })),
    records: describeMap(records, ({ definition }) => describeRecord(definition)),
    ...(collections === undefined
      ? {}
      : { collections: describeMap(collections, describeCollection) }),
  }
}

/** SHA-256 of a description as base64url. */
export function hashOf(description: JsonObject): string {
  return toBase64url(sha256(canonicalBytes(description)))
}

/** Refuses a description that one row cannot hold. */
export function assertDescriptionSize(description: JsonObject): void {
  if (canonicalBytes(description).length > MAX_BYTES) throw invalidInput([], 'too_big')
}

function describePurpose({ retention, ...purpose }: Purpose): JsonObject {
  return { ...purpose, ...(retention === undefined ? {} : { retention: { ...retention } }) }
}

function describeCollection({ hook, waiver }: Collection): JsonObject {
  return waiver === undefined ? { hook } : { waiver: { ...waiver } }
}

function describeRecord(definition: RecordDefinition): JsonObject {
  const { many, fields, lookups, events, rules, sharedWith, ownedBy } = definition
  const compounds = lookups.filter((it) => it.fields.length > 1)
  return {
    many,
    fields: Object.fromEntries(fields.map((it) => [it.id, describeField(it)])),
    ...(compounds.length === 0 ? {} : { lookups: compounds.map(describeCompound) }),
    ...(events.length === 0 ? {} : { events }),
    ...(sharedWith === undefined ? {} : { sharedWith: { ...sharedWith } }),
    ...(ownedBy === undefined ? {} : { ownedBy: { ...ownedBy } }),
    ...describeRules(rules),
  }
}

function describeRules({ retention, floors }: RetentionRules): JsonObject {
  return {
    ...(retention === undefined ? {} : { retention: { ...retention } }),
    ...(floors.length === 0 ? {} : { floor: floors.map((floor) => ({ ...floor })) }),
  }
}

// Not its name: what it is made of says which one it is.
function describeCompound({ fields, people, distinct }: RecordLookup): JsonObject {
  const by = fields.map(({ id, normaliser }) => [id, normaliserId(normaliser)] as const)
  return { by: Object.fromEntries(by), ...defined({ people, distinct }) }
}

// Neither the name nor the schema: a renamed field stays what it was.
function describeField({ purposes, presence, ...field }: FieldDefinition): JsonObject {
  return {
    purposes: [...purposes],
    views: [...field.views.keys()].sort(),
    optional: presence.optional,
    hasDefault: presence.hasDefault,
    ...(field.lookup === undefined ? {} : { lookup: describeLookup(field.lookup) }),
    ...(field.special === undefined ? {} : { special: field.special }),
    ...describeRules(field.rules),
    ...(field.anonymise === undefined ? {} : { atEnd: 'anonymise' }),
    ...(field.refs === undefined ? {} : { refs: { ...field.refs } }),
  }
}

/** The short form where it says everything: the hash of a policy that has no other stays what it was. */
function describeLookup({ by, ...options }: LookupDefinition): JsonObject[string] {
  const id = normaliserId(by)
  const said = defined(options)
  return Object.keys(said).length === 0 && builtInById(id) !== undefined ? id : { by: id, ...said }
}

function describeMap<T>(
  map: ReadonlyMap<string, T>,
  describe: (entry: T) => JsonObject,
): JsonObject {
  return Object.fromEntries([...map].map(([name, entry]) => [name, describe(entry)]))
}
