import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import { invalidInput } from '../base/errors.ts'
import { parseInput } from '../base/parse.ts'
import type { ParsedAsk } from '../permit/ask.ts'
import type { Found } from '../policy/accessor-types.ts'
import { FULL_BITS } from '../policy/record-lookups.ts'
import type { CompiledField } from '../policy/compiled.ts'
import { scanRows } from '../storage/scan-rows.ts'
import { lookupPlaces, type Place } from './lookup-places.ts'
import type { ReadRequest } from './read.ts'
import { readPlaces, type WalkOptions } from './read-places.ts'
import type { Target, Vault } from './vault.ts'
import { isMet, type Search } from './where.ts'

const PAGE = 64
const EVERYTHING: WalkOptions = {
  limit: Number.POSITIVE_INFINITY,
  after: undefined,
  signal: undefined,
  subjectId: undefined,
}
const CURSOR = /^([0-9a-f]{32})(?:\.([0-9a-f]{32}))?$/
const listOptions = z.strictObject({
  signal: abortSignal,
  limit: z.optional(z.int().check(z.positive())),
  after: z.optional(z.string()),
  subjectId: z.optional(z.string()),
})

/** @throws {@link invalid_input} */
export function parseWalkOptions({ record }: Target, options: unknown): WalkOptions {
  if (options === undefined) return EVERYTHING
  const { signal, limit, after, subjectId } = parseInput(listOptions, options)
  if (subjectId !== undefined && !record.many)
    throw invalidInput(['subjectId'], 'not_a_many_record')
  const [match, id, recordId] = CURSOR.exec(after ?? '') ?? []
  const fits =
    id !== undefined && (recordId !== undefined) === record.many && (subjectId ?? id) === id
  if (after !== undefined && (match === undefined || !fits))
    throw invalidInput(['after'], 'not_a_cursor')
  return {
    signal,
    limit: limit ?? Number.POSITIVE_INFINITY,
    subjectId,
    after: id === undefined ? undefined : { id, recordId },
  }
}

/** Records that the purpose may see, in the order of their ids; those it may not are left out silently. */
export function listRecords(
  vault: Vault,
  target: Target,
  walk: { readonly ask: ParsedAsk; readonly options: WalkOptions },
): AsyncGenerator<Found<object>, boolean> {
  const { options } = walk
  const places = target.record.many
    ? manyPlaces(vault, target, options)
    : singlePlaces(vault, target, options)
  return readPlaces(vault, target, { ...walk, places, action: 'list' })
}

/**
 * Records whose fields have these values. Tokens say where to look; every term is then held against the opened
 * values, since a token may be shared by chance.
 */
export async function* findRecords(
  vault: Vault,
  target: Target,
  walk: { readonly ask: ParsedAsk; readonly options: WalkOptions; readonly search: Search },
): AsyncGenerator<Found<object>> {
  const { search, options, ask } = walk
  const { lookups } = vault
  const { lookup } = search
  if (!lookups.isReady(lookup)) await lookups.follow(lookup)
  const isOutrun = yield* readPlaces(vault, target, {
    ask,
    options,
    places: lookupPlaces(vault, target, { ...search, after: options.after }),
    action: 'find',
    screen: screenOf(target, search),
    watch: {
      keys: lookups.watched(lookup),
      hasChanged: (rows) => lookups.follow(lookup, rows),
    },
  })
  if (isOutrun) yield* findRecords(vault, target, walk)
}

/** What has to be opened to tell whether a record is meant. */
function screenOf({ record }: Target, { terms, lookup }: Search): ReadRequest['screen'] & {} {
  const isTerm = ({ id }: CompiledField): boolean => terms.some(({ field }) => field.id === id)
  return {
    // Where chance meetings are not to be expected, all is opened at once.
    first: lookup.bits === FULL_BITS ? undefined : record.fields.filter(isTerm),
    matches: (values) => terms.every((term) => isMet(term, values.get(term.field.id))),
  }
}

async function* singlePlaces(
  { people }: Vault,
  { type }: Target,
  { after }: WalkOptions,
): AsyncGenerator<Place> {
  const { keyspace } = people.deps
  const prefix = keyspace.holders(type)
  const start = after === undefined ? undefined : keyspace.holder(type, after.id)
  for await (const [key] of scanRows(people.deps.store, prefix, { after: start, page: PAGE }))
    yield { id: key.slice(prefix.length), recordId: undefined }
}

async function* manyPlaces(
  vault: Vault,
  target: Target,
  options: WalkOptions,
): AsyncGenerator<Place> {
  const { subjectId, after } = options
  if (subjectId !== undefined) {
    // Reading the person first tells an unknown or erased one from one without records.
    const { person } = await vault.people.read(subjectId, [], options.signal)
    return yield* recordsOf(vault, target, { id: person.id, after: after?.recordId })
  }
  if (after !== undefined) yield* recordsOf(vault, target, { id: after.id, after: after.recordId })
  for await (const { id } of singlePlaces(vault, target, options))
    yield* recordsOf(vault, target, { id, after: undefined })
}

async function* recordsOf(
  { people }: Vault,
  { type }: Target,
  { id, after }: { readonly id: string; readonly after: string | undefined },
): AsyncGenerator<Place> {
  const { keyspace } = people.deps
  const prefix = keyspace.records(id, type)
  const start = after === undefined ? undefined : keyspace.record(id, type, after)
  for await (const [key] of scanRows(people.deps.store, prefix, { after: start, page: PAGE }))
    yield { id, recordId: key.slice(prefix.length) }
}
