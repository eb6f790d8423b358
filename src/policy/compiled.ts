import type { JsonObject, JsonValue } from '../base/canonical.ts'
import type { AccessClass } from './access-class.ts'
import type { Collection } from './collections.ts'
import type { CompiledLookup } from './compiled-lookup.ts'
import type { SpecialCategory } from './field.ts'
import type { ViewFunction } from './field-definition.ts'
import type { Reference, Sharing, Waiver } from './ownership.ts'
import type { Controller } from './policy-type.ts'
import type { Purpose } from './purposes.ts'
import type { RecordRules } from './record-rules.ts'

/** A policy as the library works with it. */
export interface CompiledPolicy {
  readonly hash: string
  /** What is stored of the policy and what its hash covers; no functions. */
  readonly describe: JsonObject
  readonly controller: Controller
  readonly purposes: ReadonlyMap<string, Purpose>
  /** Purposes by role. */
  readonly roles: ReadonlyMap<string, ReadonlySet<string>>
  readonly records: ReadonlyMap<string, CompiledRecord>
  /** Absent when the policy does not say what is kept elsewhere. */
  readonly collections?: ReadonlyMap<string, Collection>
}

/** A record type as the library works with it. */
export interface CompiledRecord {
  readonly name: string
  readonly many: boolean
  /** In the order of declaration. */
  readonly fields: readonly CompiledField[]
  /** Every token that a record gets. */
  readonly lookups: readonly CompiledLookup[]
  readonly layout: Layout
  /** Absent when it is about one person. */
  readonly sharedWith?: Sharing
  /** Absent when it is a part of no other record. */
  readonly ownedBy?: OwnedBy
  /** When its fields end; absent when nothing was said about that. */
  readonly retention?: RecordRules
  /** Sorted by key. */
  readonly classes: readonly AccessClass[]
  /** By purpose, for every purpose of the policy: also one that sees nothing. */
  readonly plans: ReadonlyMap<string, Plan>
}

/** Of which other record of the person a record is a part. */
export interface OwnedBy {
  readonly record: string
  /** Id of the field that holds the record id of the owner. */
  readonly fieldId: string
  readonly onErase: 'delete' | 'detach'
}

/** A field as the library works with it. */
export interface CompiledField {
  readonly name: string
  /** Key of its value in what is stored. */
  readonly id: string
  readonly classKey: string
  /** Sorted. */
  readonly purposes: readonly string[]
  readonly special?: SpecialCategory
  /** What becomes of it when the person whom it names is erased; absent when it names nobody. */
  readonly refs?: Reference
  readonly waiver?: Waiver
  /** It may be absent. */
  readonly optional: boolean
  /** The schema puts a value in the place of an absent one. */
  readonly hasDefault: boolean
  /** What an absent one reads as: the output for nothing, taken once at definition. */
  readonly defaultValue?: JsonValue
}

/** Which class holds which field: what bytes are opened by, under whatever policy. */
export interface Layout {
  /** 16 hexadecimal digits of the SHA-256 of the rest: the same content has the same id. */
  readonly id: string
  readonly record: string
  /** Class key by field id. */
  readonly classes: { readonly [fieldId: string]: string }
}

/** A field that a purpose sees. */
export interface PlanField extends CompiledField {
  /** What the purpose sees instead of the plain value. */
  readonly view?: ViewFunction
}

/** Output of the schemas, by field id. */
export interface StoredFields {
  readonly [fieldId: string]: JsonValue
}

/** Changes to a record, by field id. */
export interface ParsedChanges {
  readonly set: StoredFields
  readonly unset: readonly string[]
}

/** What one purpose can do with one record type. */
export interface Plan {
  readonly purpose: string
  readonly record: string
  readonly many: boolean
  /** In the order of declaration. */
  readonly fields: readonly PlanField[]
  /** The classes that hold these fields, sorted. */
  readonly classKeys: readonly string[]
  /** Every field that must be given is visible, so the purpose can create the record. */
  readonly coversRequired: boolean
  /**
   * Parses a whole record.
   *
   * @throws {@link not_declared} for a key the record does not have, {@link not_permitted} for a
   * field the purpose does not serve, {@link invalid_input} with every issue of the schemas.
   */
  parseCreate(input: unknown): Promise<StoredFields>
  /**
   * Parses some fields of a record, and the names of fields to clear.
   *
   * @throws {@link not_declared}, {@link not_permitted}, {@link invalid_input} as above.
   */
  parseChanges(input: unknown, unset: readonly string[] | undefined): Promise<ParsedChanges>
}
