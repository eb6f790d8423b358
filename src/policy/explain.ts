import type { CompiledLookup } from './compiled-lookup.ts'
import type { CompiledPolicy, CompiledRecord } from './compiled.ts'
import { explainRetention } from './explain-retention.ts'
import { populationOf } from './lookup-options.ts'
import { expectedCoincidences } from './plan-lookups.ts'
import type { LookupFinding, PolicyFinding } from './findings.ts'
import { FULL_BITS } from './record-lookups.ts'

/**
 * Says of every lookup of a policy what it is expected to cost and what an observer of the store learns from it, and
 * of every record when it ends.
 */
export function explain({
  records,
  purposes,
}: Pick<CompiledPolicy, 'records' | 'purposes'>): readonly PolicyFinding[] {
  const all = [...records.values()]
  return [
    ...all.flatMap((record) =>
      record.lookups.map((lookup) => Object.freeze(explainLookup(record, lookup))),
    ),
    ...all.flatMap((record) => explainRetention(record, purposes)),
  ]
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
