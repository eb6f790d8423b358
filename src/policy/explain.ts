import { invalidInput } from '../base/errors.ts'
import { membersOf } from '../base/members.ts'
import { fromInstant, toInstant } from '../base/time.ts'
import type { CompiledLookup } from './compiled-lookup.ts'
import type { CompiledPolicy, CompiledRecord } from './compiled.ts'
import { explainCollections, explainOwnership } from './explain-ownership.ts'
import { explainRetention } from './explain-retention.ts'
import { populationOf } from './lookup-options.ts'
import { expectedCoincidences } from './plan-lookups.ts'
import type { LookupFinding, PolicyFinding } from './findings.ts'
import { FULL_BITS } from './record-lookups.ts'

/**
 * Says of every lookup of a policy what it is expected to cost and what an observer of the store learns from it, of
 * every record when it ends and whom it is about, and of what is kept elsewhere who reaches it.
 */
export function explain(
  { records, purposes, collections }: CompiledPolicy,
  options?: unknown,
): readonly PolicyFinding[] {
  const today = readDay(options)
  const all = [...records.values()]
  return [
    ...all.flatMap((record) =>
      record.lookups.map((lookup) => Object.freeze(explainLookup(record, lookup))),
    ),
    ...all.flatMap((record) => explainRetention(record, purposes)),
    ...all.flatMap((record) => explainOwnership(record, today)),
    ...explainCollections(collections, today),
  ]
}

/** The day of the caller in UTC; undefined when nothing is known of it. */
function readDay(options: unknown): string | undefined {
  if (options === undefined) return undefined
  const { at } = membersOf(options, ['at'], ['options'])
  if (at === undefined) return undefined
  const time = typeof at === 'string' ? fromInstant(at) : undefined
  if (time === undefined) throw invalidInput(['at'], 'not_an_instant')
  return toInstant(time).slice(0, 10)
}

function explainLookup({ name }: CompiledRecord, lookup: CompiledLookup): LookupFinding {
  const { kind, length, fields, bits, people } = lookup
  const population = populationOf(lookup)
  const shows = kind === 'unique' ? 'returns' : bits === FULL_BITS ? 'equality' : 'groups'
  const coincidences = population === undefined ? 0 : expectedCoincidences(population, bits)
  return {
    kind: 'lookup',
    record: name,
    fields: fields.map((field) => field.name),
    normalisers: fields.map(({ normaliser }) => `${normaliser.name}@${normaliser.version}`),
    use: kind,
    ...(length === undefined ? {} : { length }),
    bits,
    ...(people === undefined ? {} : { people }),
    coincidences,
    shows,
    summary: SUMMARIES[shows](coincidences),
  }
}

const SUMMARIES: {
  readonly [S in LookupFinding['shows']]: (coincidences: number) => string
} = {
  equality: () =>
    'Whoever sees the store sees which records have the same value, and how common each is, but not the value.',
  groups: (coincidences) =>
    `Whoever sees the store sees groups of records, about ${toCount(coincidences)} of them by chance, and not which have the same value.`,
  returns: () =>
    'Whoever sees the store sees when a value that was given up is there again, but neither the value nor whose it is.',
}

function toCount(coincidences: number): string {
  return coincidences < 10 ? coincidences.toFixed(1) : String(Math.round(coincidences))
}
