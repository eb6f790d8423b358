import type { ErasedPart } from '../../journal/erased-part.ts'
import type { RecordName } from '../by-record.ts'
import type { Made, Selection, Verdict } from '../selection.ts'
import type { NamedItem, ReplayedRule } from './replayed-rule.ts'

/** A rule, and what the entries say that it names. */
export interface Replayable {
  readonly kind: 'replayed'
  readonly rule: ReplayedRule
  readonly told: readonly ErasedPart[]
}

/** What the entries name, and is of later than all that they mean. */
export interface LaterThan {
  readonly kind: 'later'
  readonly told: readonly ErasedPart[]
}

interface Meant {
  readonly upTo: number
  /** Undefined: whatever there is. */
  readonly fieldIds: ReadonlySet<string> | undefined
}

const GOES: Verdict = { kind: 'goes' }
const OTHER: Verdict = { kind: 'other' }

/** Just what was erased before; what was written later stays, and what keeps data now is not asked. Pure. */
export function selectReplayed({ rule, told }: Replayable): Selection {
  const { of, ...named } = namesIn(told)
  const later = new Map(rule.later.map((section) => [sectionOf(section), section.revision]))
  const { until = Number.POSITIVE_INFINITY } = rule
  // Unless it says otherwise, a section is older than all that was erased.
  const revisionOf = (name: Named, { accessClass, revision, isFixed }: Made): number => {
    if (revision > until) return Number.POSITIVE_INFINITY
    return isFixed === true ? revision : (later.get(sectionOf({ ...name, accessClass })) ?? 0)
  }
  return {
    ...named,
    takesWhole: (name, made = []) =>
      of(name).some(
        ({ upTo, fieldIds }) =>
          fieldIds === undefined && made.every((one) => revisionOf(name, one) <= upTo),
      ),
    verdict: ({ fieldId, made, ...name }) => {
      const revision = made === undefined ? Number.POSITIVE_INFINITY : revisionOf(name, made)
      return revision <= meantUpTo(of(name), fieldId) ? GOES : OTHER
    },
  }
}

/** What was written anew while it was being erased, before anything is done again. Pure. */
export function selectLater({ told }: LaterThan): Selection {
  const { of, ...named } = namesIn(told)
  return {
    ...named,
    takesWhole: () => false,
    verdict: ({ fieldId, made, ...name }) => {
      const upTo = meantUpTo(of(name), fieldId)
      const isNamed = upTo !== Number.NEGATIVE_INFINITY
      return isNamed && made !== undefined && made.revision > upTo ? GOES : OTHER
    },
  }
}

/** The least sequence up to which anything is meant. Pure. */
export function leastUpTo(told: readonly ErasedPart[]): number {
  return told.reduce((least, { upTo, items }) => {
    return items.length === 0 ? least : Math.min(least, upTo)
  }, Number.POSITIVE_INFINITY)
}

/** What went, without ids of records. Pure. */
export function namedItems(told: readonly ErasedPart[]): readonly NamedItem[] {
  const names = new Map<string, Set<string> | undefined>()
  for (const { record, fieldIds } of told.flatMap(({ items }) => items)) {
    const known = names.has(record) ? names.get(record) : new Set<string>()
    const isWhole = fieldIds === undefined || known === undefined
    names.set(record, isWhole ? undefined : new Set([...known, ...fieldIds]))
  }
  return [...names]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([record, fieldIds]) =>
      fieldIds === undefined ? { record } : { record, fieldIds: [...fieldIds].sort() },
    )
}

type NamesOf = Pick<
  Selection,
  'isReplayed' | 'person' | 'concerns' | 'declared' | 'takesUnknown'
> & { of(name: Named): readonly Meant[] }

/** What entries name, whatever becomes of it. */
function namesIn(told: readonly ErasedPart[]): NamesOf {
  const meant = indexOf(told)
  const fields = new Map<string, ReadonlySet<string>>()
  const of = (name: Named): readonly Meant[] => meant.get(nameOf(name)) ?? []
  return {
    of,
    isReplayed: true,
    person: [],
    concerns: (name) => of(name).length > 0,
    declared: (record) => {
      const known = fields.get(record) ?? namedFields(told, record)
      fields.set(record, known)
      return known
    },
    takesUnknown: (name) => of(name).some(({ fieldIds }) => fieldIds === undefined),
  }
}

function meantUpTo(meant: readonly Meant[], fieldId: string): number {
  return meant.reduce(
    (most, { upTo, fieldIds }) => (fieldIds?.has(fieldId) === false ? most : Math.max(most, upTo)),
    Number.NEGATIVE_INFINITY,
  )
}

function indexOf(told: readonly ErasedPart[]): ReadonlyMap<string, readonly Meant[]> {
  const index = new Map<string, Meant[]>()
  for (const { upTo, items } of told) {
    for (const { record, ids, fieldIds } of items) {
      const meant = { upTo, fieldIds: fieldIds === undefined ? undefined : new Set(fieldIds) }
      for (const recordId of ids ?? [undefined]) {
        const name = nameOf({ record, recordId })
        index.set(name, [...(index.get(name) ?? []), meant])
      }
    }
  }
  return index
}

function namedFields(told: readonly ErasedPart[], record: string): ReadonlySet<string> {
  const items = told.flatMap((part) => part.items).filter((item) => item.record === record)
  return new Set(items.flatMap(({ fieldIds = [] }) => fieldIds))
}

type Named = Pick<RecordName, 'record'> & Partial<RecordName>

function nameOf({ record, recordId = '' }: Named): string {
  return `${record}/${recordId}`
}

function sectionOf({ accessClass, ...name }: Named & Pick<Made, 'accessClass'>): string {
  return `${nameOf(name)}/${accessClass}`
}
