import { canonicalBytes } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { CompiledPolicy } from './compiled.ts'

/**
 * Numbers of access classes, record types and lookups, by position. Rows carry numbers, so that keys show
 * no names; a number is never given twice, whatever policies come and go.
 */
export interface Catalogue {
  readonly classes: readonly string[]
  readonly records: readonly string[]
  readonly lookups: readonly CatalogueLookup[]
}

/** A lookup and the access class that its key is wrapped for. */
export interface CatalogueLookup {
  /** As the policy names it: see `nameOfLookup`. */
  readonly name: string
  readonly accessClass: number
}

/** The class of what every person has: head, pages, bodies, operations. */
export const CORE = 0

/** Before the first policy. */
export const EMPTY_CATALOGUE: Catalogue = { classes: ['core'], records: [], lookups: [] }

/** The catalogue with what a policy needs; the same object when nothing is new. */
export function extendCatalogue(catalogue: Catalogue, policy: CompiledPolicy): Catalogue {
  const records = [...policy.records.values()]
  const classes = append(
    catalogue.classes,
    records.flatMap((record) => record.classes.map(({ key }) => key)),
  )
  const known = new Set(catalogue.lookups.map(({ name }) => name))
  const lookups = records.flatMap((record) =>
    record.lookups.flatMap(({ name, classKey }) =>
      known.has(name) ? [] : [{ name, accessClass: classes.indexOf(classKey) }],
    ),
  )
  const extended: Catalogue = {
    classes,
    records: append(catalogue.records, [...policy.records.keys()]),
    lookups: lookups.length === 0 ? catalogue.lookups : [...catalogue.lookups, ...lookups],
  }
  return isSame(catalogue, extended) ? catalogue : extended
}

/** The bytes of the catalogue row. */
export function encodeCatalogue({ classes, records, lookups }: Catalogue): Uint8Array {
  return canonicalBytes({
    v: 1,
    classes,
    records,
    lookups: lookups.map(({ name, accessClass }) => [name, accessClass]),
  })
}

/** @throws {@link unsupported_format} when the row is of another version */
export function decodeCatalogue(bytes: Uint8Array): Catalogue {
  const json = parseCanonical(bytes) as
    | {
        readonly v: number
        readonly classes: readonly string[]
        readonly records: readonly string[]
        readonly lookups: readonly (readonly [string, number])[]
      }
    | undefined
  if (json?.v !== 1)
    throw new PrivityError('unsupported_format', { what: 'catalogue', version: json?.v ?? 0 })
  return { ...json, lookups: json.lookups.map(([name, accessClass]) => ({ name, accessClass })) }
}

function append(known: readonly string[], wanted: readonly string[]): readonly string[] {
  const added = [...new Set(wanted)].filter((name) => !known.includes(name))
  return added.length === 0 ? known : [...known, ...added]
}

function isSame(before: Catalogue, after: Catalogue): boolean {
  return (
    before.classes === after.classes &&
    before.records === after.records &&
    before.lookups === after.lookups
  )
}
