import type { SpecialCategory } from '../policy/field.ts'

/** What of a person an erasure is about, by the ids of fields; `all` is everything that has not to be kept. */
export type Rule =
  | { readonly kind: 'all' }
  | { readonly kind: 'records'; readonly items: readonly RuleItem[] }
  | { readonly kind: 'purpose'; readonly purpose: string }
  | { readonly kind: 'special'; readonly special: SpecialCategory }
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

/** One record, by the name of its type. */
export interface RecordName {
  readonly record: string
  readonly recordId: string | undefined
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

/** What goes, what stays and why. Pure. */
export function selectFields(facts: SelectionFacts): Selection {
  const { rule, kept } = facts
  return {
    person: kept.filter(({ record }) => record === PERSON),
    concerns: (name) =>
      rule.kind !== 'records' ||
      rule.items.some((item) => isAbout(item, name)) ||
      facts.endOf?.(name) !== undefined,
    takesWhole: (name) =>
      (isWhole(rule, name) || isTakenAlong(facts, name)) &&
      !kept.some((it) => isAbout(it, name) && !isNothing(it)),
    declared: (record, recordId) =>
      new Set([...declaredBy(facts, record), ...letGo(facts, { record, recordId })]),
    takesUnknown: (name, sealedFor) =>
      isWhole(rule, name) || isServed(facts, sealedFor) || isTakenAlong(facts, name),
    verdict: (place) => {
      // Whoever else needs it: without its owner it is not there.
      if (isEnded(facts, place)) return keeps(facts, place) ?? GOES
      if (!isSelected(facts, place)) return OTHER
      return stays(facts, place) ?? GOES
    },
  }
}

function isTakenAlong({ endOf }: SelectionFacts, name: RecordName): boolean {
  return endOf?.(name)?.kind === 'delete'
}

function isEnded({ endOf }: SelectionFacts, place: FieldPlace): boolean {
  const end = endOf?.(place)
  return end?.kind === 'delete' || end?.fieldId === place.fieldId
}

/** The field that names the owner who goes. */
function letGo({ endOf }: SelectionFacts, name: RecordName): readonly string[] {
  const end = endOf?.(name)
  return end?.kind === 'detach' ? [end.fieldId] : []
}

function declaredBy(facts: SelectionFacts, record: string): readonly string[] {
  return [...facts.fieldsOf(record)].flatMap(([fieldId, serves]) =>
    mayBeSelected(facts, { record, fieldId, serves }) ? [fieldId] : [],
  )
}

/** Whether something is about a record; of a type as a whole if it names none. */
function isAbout(
  item: { readonly record: string; readonly recordId?: string },
  { record, recordId }: RecordName,
): boolean {
  return item.record === record && (item.recordId === undefined || item.recordId === recordId)
}

/** Whether something keeps a field of a record. */
export function isKeeping(kept: Kept, place: RecordName & { readonly fieldId: string }): boolean {
  return isAbout(kept, place) && kept.fieldIds?.includes(place.fieldId) !== false
}

function isNothing({ fieldIds }: Kept): boolean {
  return fieldIds?.length === 0
}

function isWhole(rule: Rule, name: RecordName): boolean {
  if (rule.kind === 'all') return true
  if (rule.kind !== 'records') return false
  return rule.items.some((item) => isAbout(item, name) && item.fieldIds === undefined)
}

function isServed(
  { rule, haveEnded }: Pick<SelectionFacts, 'rule' | 'haveEnded'>,
  { purposes, special }: Serves,
): boolean {
  if (rule.kind === 'purpose') return purposes.includes(rule.purpose)
  if (rule.kind === 'ended') return haveEnded(purposes)
  return rule.kind === 'special' && special === rule.special
}

interface DeclaredField {
  readonly record: string
  readonly fieldId: string
  readonly serves: Serves
}

/** Whether a field may be selected of any record of its type. */
function mayBeSelected(facts: SelectionFacts, { record, fieldId, serves }: DeclaredField): boolean {
  const { rule } = facts
  if (rule.kind === 'all' || rule.kind === 'due') return true
  if (rule.kind !== 'records') return isServed(facts, serves)
  return rule.items.some(
    (item) => item.record === record && item.fieldIds?.includes(fieldId) !== false,
  )
}

function isSelected(facts: SelectionFacts, place: FieldPlace): boolean {
  const { rule } = facts
  const { fieldId } = place
  if (rule.kind === 'all') return true
  if (rule.kind === 'due') return facts.isDue(place, fieldId)
  if (rule.kind !== 'records') return isServed(facts, servesOf(facts, place))
  return rule.items.some(
    (item) => isAbout(item, place) && item.fieldIds?.includes(fieldId) !== false,
  )
}

/** As the running policy says; for a field that it has not, as the class says that it is sealed in. */
function servesOf(
  { fieldsOf }: SelectionFacts,
  { record, fieldId, sealedFor }: FieldPlace,
): Serves {
  return fieldsOf(record).get(fieldId) ?? sealedFor
}

function stays(facts: SelectionFacts, place: FieldPlace): Verdict | undefined {
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

function keeps(facts: SelectionFacts, place: FieldPlace): Verdict | undefined {
  const kept = longest(facts.kept.filter((it) => isKeeping(it, place)))
  if (kept === undefined) return undefined
  const { ground, until } = kept
  return { kind: 'stays', ground, ...(until === undefined ? {} : { until }) }
}

/** What keeps a field longest: one without an end before all others. */
function longest(kept: readonly Kept[]): Kept | undefined {
  return [...kept].sort((a, b) => (b.until ?? Infinity) - (a.until ?? Infinity))[0]
}
