import type { SpecialCategory } from '../policy/field.ts'
import { type ByRecord, byRecord, type RecordName } from './by-record.ts'

/** What of a person an erasure is about, by the ids of fields; `all` is everything that has not to be kept. */
export type Rule =
  | { readonly kind: 'all' }
  | { readonly kind: 'records'; readonly items: readonly RuleItem[] }
  | { readonly kind: 'purpose'; readonly purpose: string; readonly asked?: readonly RuleItem[] }
  | {
      readonly kind: 'special'
      readonly special: SpecialCategory
      /** Fields that it was asked for, as the policy was then: the next one may have dropped or renamed them. */
      readonly asked?: readonly RuleItem[]
    }
  /** Whatever the last purpose has ended of, by the time it is looked at. */
  | { readonly kind: 'ended' }
  /** Whatever has come to its end by the rules of retention, by the time it is looked at. */
  | { readonly kind: 'due' }
  /** Whatever was to go before, and had to stay. */
  | { readonly kind: 'left' }

/** Some records of one type, or some fields of them. */
export interface RuleItem {
  readonly record: string
  /** One of many. Default: all of them. */
  readonly recordId?: string
  /** Default: the records as a whole. */
  readonly fieldIds?: readonly string[]
}

/** In the place of a record: the person as such, whether or not there is any. */
export const PERSON = ''

/** What may not be erased yet. */
export interface Kept {
  /** {@link PERSON} is no record. */
  readonly record: string
  /** One of many. Default: all of them. */
  readonly recordId?: string
  /** Default: the records as a whole. */
  readonly fieldIds?: readonly string[]
  /** A word or an article, for plans and certificates, `hold:` and its id for a legal hold: names nobody. */
  readonly ground: string
  /** Milliseconds since the epoch; absent while nobody can tell. */
  readonly until?: number
}

/** One field of one record, as stored. */
export interface FieldPlace extends RecordName {
  readonly fieldId: string
  /** What the class that it is sealed in serves: what is left to go by when no policy has the field any more. */
  readonly sealedFor: Serves
  readonly made?: Made
}

/** In which class a value is, and under which revision it was sealed. */
export interface Made {
  readonly accessClass: number
  readonly revision: number
  /** Of an attachment: the sequence of its entry, which stays what it is. */
  readonly isFixed?: true
}

/** What data is used for. */
export interface Serves {
  readonly purposes: readonly string[]
  readonly special?: SpecialCategory
}

/** What becomes of a field. */
export type Verdict =
  | { readonly kind: 'goes' }
  /** It was asked for, and stays for this reason. */
  | { readonly kind: 'stays'; readonly ground: string; readonly until?: number }
  | { readonly kind: 'other' }

/** What a selection goes by. */
export interface SelectionFacts {
  readonly rule: Rule
  readonly kept: readonly Kept[]
  /** Fields of a record type of the running policy, by id. */
  fieldsOf(record: string): ReadonlyMap<string, Serves>
  /** Whether a purpose has a live basis, and a use for this field. */
  needs(purpose: string, record: string, fieldId: string): boolean
  /** Whether the last of these purposes has ended, its grace included. */
  haveEnded(purposes: readonly string[]): boolean
  /** Whether a field of a record has come to its end. */
  isDue(name: RecordName, fieldId: string): boolean
  /** What becomes of a record whose owner goes as a whole; absent where no record has an owner. */
  endOf?(name: RecordName): OwnerEnd | undefined
}

/** A record goes with its owner, or loses the field that names it. */
export type OwnerEnd =
  | { readonly kind: 'delete' }
  | { readonly kind: 'detach'; readonly fieldId: string }

/** Says of every field of a person what becomes of it. */
export interface Selection {
  /** Done before, in a later copy: what does not open any more is left as it is. */
  readonly isReplayed?: true
  /** What keeps the person as such. */
  readonly person: readonly Kept[]
  /** Whether anything of the record may go. */
  concerns(name: RecordName): boolean
  /** Whether the record goes with whatever is in it, of which this is known. */
  takesWhole(name: RecordName, made?: readonly Made[]): boolean
  /** Declared fields that may go: of a record type, or of one record of it. */
  declared(record: string, recordId?: string): ReadonlySet<string>
  /** Whether a field that no policy has any more may go, by the class that it is sealed in. */
  takesUnknown(name: RecordName, sealedFor: Serves): boolean
  verdict(place: FieldPlace): Verdict
}

const GOES: Verdict = { kind: 'goes' }
const OTHER: Verdict = { kind: 'other' }

/** The same, found by the record. */
interface Facts extends Omit<SelectionFacts, 'kept'> {
  readonly kept: ByRecord<Kept>
  /** What the rule names. */
  readonly items: ByRecord<RuleItem>
}

/** What goes, what stays and why. Pure. */
export function selectFields({ kept, ...given }: SelectionFacts): Selection {
  const { rule } = given
  const items = byRecord(namedBy(rule))
  const facts: Facts = { ...given, kept: byRecord(kept), items }
  const declared = new Map<string, readonly string[]>()
  return {
    person: kept.filter(({ record }) => record === PERSON),
    concerns: (name) =>
      rule.kind !== 'records' || items(name).length > 0 || facts.endOf?.(name) !== undefined,
    takesWhole: (name) =>
      (isWhole(facts, name) || isTakenAlong(facts, name)) && facts.kept(name).every(isNothing),
    declared: (record, recordId) => {
      const ofType = declared.get(record) ?? declaredBy(facts, record)
      declared.set(record, ofType)
      return new Set([...ofType, ...letGo(facts, { record, recordId })])
    },
    takesUnknown: (name, sealedFor) =>
      isWhole(facts, name) ||
      isServed(facts, sealedFor) ||
      isTakenAlong(facts, name) ||
      namesUnknown(facts, name),
    verdict: (place) => {
      // Whoever else needs it: without its owner it is not there.
      if (isEnded(facts, place)) return keeps(facts, place) ?? GOES
      if (!isSelected(facts, place)) return OTHER
      return stays(facts, place) ?? GOES
    },
  }
}

function isTakenAlong({ endOf }: Facts, name: RecordName): boolean {
  return endOf?.(name)?.kind === 'delete'
}

function isEnded({ endOf }: Facts, place: FieldPlace): boolean {
  const end = endOf?.(place)
  return end?.kind === 'delete' || end?.fieldId === place.fieldId
}

/** The field that names the owner who goes. */
function letGo({ endOf }: Facts, name: RecordName): readonly string[] {
  const end = endOf?.(name)
  return end?.kind === 'detach' ? [end.fieldId] : []
}

function declaredBy(facts: Facts, record: string): readonly string[] {
  return [...facts.fieldsOf(record)].flatMap(([fieldId, serves]) =>
    mayBeSelected(facts, { record, fieldId, serves }) ? [fieldId] : [],
  )
}

/** Whether something is about a field of the record that it is about. */
export function hasField(
  { fieldIds }: { readonly fieldIds?: readonly string[] },
  fieldId: string,
): boolean {
  return fieldIds?.includes(fieldId) !== false
}

function isNothing({ fieldIds }: Kept): boolean {
  return fieldIds?.length === 0
}

function isWhole({ rule, items }: Facts, name: RecordName): boolean {
  return rule.kind === 'all' || items(name).some(({ fieldIds }) => fieldIds === undefined)
}

function isServed({ rule, haveEnded }: Facts, { purposes, special }: Serves): boolean {
  if (rule.kind === 'purpose') return purposes.includes(rule.purpose)
  if (rule.kind === 'ended') return haveEnded(purposes)
  return rule.kind === 'special' && special === rule.special
}

function namedBy(rule: Rule): readonly RuleItem[] {
  if (rule.kind === 'records') return rule.items
  return 'asked' in rule ? rule.asked : []
}

/** A field that was asked for by name, and that the policy has not any more. */
function namesUnknown({ items, fieldsOf }: Facts, name: RecordName): boolean {
  const known = fieldsOf(name.record)
  return items(name).some(({ fieldIds = [] }) => fieldIds.some((id) => !known.has(id)))
}

interface DeclaredField {
  readonly record: string
  readonly fieldId: string
  readonly serves: Serves
}

/** Whether a field may be selected of any record of its type. */
function mayBeSelected(facts: Facts, { record, fieldId, serves }: DeclaredField): boolean {
  const { rule } = facts
  if (rule.kind === 'all' || rule.kind === 'due') return true
  const isNamed = namedBy(rule).some((item) => item.record === record && hasField(item, fieldId))
  return isNamed || isServed(facts, serves)
}

function isSelected(facts: Facts, place: FieldPlace): boolean {
  const { rule } = facts
  const { fieldId } = place
  if (rule.kind === 'all') return true
  if (rule.kind === 'due') return facts.isDue(place, fieldId)
  const isNamed = facts.items(place).some((item) => hasField(item, fieldId))
  return isNamed || isServed(facts, servesOf(facts, place))
}

/** As the running policy says; for a field that it has not, as the class says that it is sealed in. */
function servesOf({ fieldsOf }: Facts, { record, fieldId, sealedFor }: FieldPlace): Serves {
  return fieldsOf(record).get(fieldId) ?? sealedFor
}

function stays(facts: Facts, place: FieldPlace): Verdict | undefined {
  const { record, fieldId } = place
  const kept = keeps(facts, place)
  if (kept !== undefined) return kept
  const { rule } = facts
  if (rule.kind !== 'purpose') return undefined
  const other = servesOf(facts, place).purposes.find(
    (purpose) => purpose !== rule.purpose && facts.needs(purpose, record, fieldId),
  )
  return other === undefined ? undefined : { kind: 'stays', ground: `purpose:${other}` }
}

function keeps(facts: Facts, place: FieldPlace): Verdict | undefined {
  const kept = longest(facts.kept(place).filter((it) => hasField(it, place.fieldId)))
  if (kept === undefined) return undefined
  const { ground, until } = kept
  return { kind: 'stays', ground, ...(until === undefined ? {} : { until }) }
}

/** What keeps a field longest: one without an end before all others. */
function longest(kept: readonly Kept[]): Kept | undefined {
  return [...kept].sort((a, b) => (b.until ?? Infinity) - (a.until ?? Infinity))[0]
}
