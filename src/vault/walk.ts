import * as z from 'zod/mini'
import { invalidInput, isPrivityError } from '../base/errors.ts'
import type { JsonValue } from '../base/canonical.ts'
import { isId } from '../base/id.ts'
import { parseInput } from '../base/parse.ts'
import type { ParsedAsk } from '../permit/ask.ts'
import type { Found } from '../policy/accessor-types.ts'
import type { CompiledField } from '../policy/compiled.ts'
import { SINGLE } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import { normalise } from './normalise.ts'
import { readRecord, type ReadRequest } from './read.ts'
import type { Target, Vault } from './vault.ts'

/** Where a list goes on, and how far. */
export interface WalkOptions {
  readonly limit: number
  readonly after: Place | undefined
  readonly signal: AbortSignal | undefined
  readonly subjectId: string | undefined
}

interface Place {
  readonly id: string
  readonly recordId: string | undefined
}

/** A field to search by, and what for. */
export interface Term {
  readonly field: CompiledField
  readonly text: string
}

const PAGE = 64
const CURSOR = /^([0-9a-f]{32})(?:\.([0-9a-f]{32}))?$/
const listOptions = z.strictObject({
  signal: z.optional(z.custom<AbortSignal>((value) => value instanceof AbortSignal)),
  limit: z.optional(z.int().check(z.positive())),
  after: z.optional(z.string()),
  subjectId: z.optional(z.string()),
})

/** @throws {@link invalid_input} */
export function parseWalkOptions({ record }: Target, options: unknown): WalkOptions {
  const { signal, limit, after, subjectId } = parseInput(
    listOptions,
    options === undefined ? {} : options,
  )
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
export async function* listRecords(
  vault: Vault,
  target: Target,
  walk: { readonly ask: ParsedAsk; readonly options: WalkOptions },
): AsyncGenerator<Found<object>> {
  const { options } = walk
  const places = target.record.many
    ? manyPlaces(vault, target, options)
    : singlePlaces(vault, target, options)
  yield* readPlaces(vault, target, { ...walk, places, action: 'list' })
}

/**
 * Records whose fields have these values. The rows of the first term say where to look; every term is
 * then held against the opened values, since a token may be shared by chance.
 */
export async function* findRecords(
  vault: Vault,
  target: Target,
  walk: {
    readonly ask: ParsedAsk
    readonly options: WalkOptions
    readonly terms: readonly [Term, ...Term[]]
  },
): AsyncGenerator<Found<object>> {
  const { terms, options } = walk
  const places = tokenPlaces(vault, target, { term: terms[0], after: options.after })
  const matches = (values: ReadonlyMap<string, JsonValue>): boolean =>
    terms.every(
      ({ field, text }) => normalise(field.lookup ?? 'exact', values.get(field.id)) === text,
    )
  yield* readPlaces(vault, target, { ask: walk.ask, options, places, action: 'find', matches })
}

interface Reading {
  readonly ask: ParsedAsk
  readonly options: WalkOptions
  readonly places: AsyncIterable<Place>
  readonly action: 'find' | 'list'
  readonly matches?: ReadRequest['matches'] & {}
}

async function* readPlaces(
  vault: Vault,
  target: Target,
  { ask, options, places, action, matches }: Reading,
): AsyncGenerator<Found<object>> {
  let count = 0
  for await (const place of places) {
    options.signal?.throwIfAborted()
    const view = await readAllowed(vault, target, {
      ask,
      action,
      signal: options.signal,
      ...place,
      ...(matches === undefined ? {} : { matches }),
    })
    if (view === undefined) continue
    yield Object.freeze({
      subjectId: place.id,
      recordId: place.recordId ?? place.id,
      view,
      cursor: cursorOf(place),
    })
    count += 1
    if (count >= options.limit) return
  }
}

/** Who may not be seen, or is gone since the page was read, is left out without a trace in the answer. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'not_permitted',
  'not_found',
  'erased',
  'incomplete_record',
])

async function readAllowed(
  vault: Vault,
  target: Target,
  request: ReadRequest,
): Promise<object | undefined> {
  try {
    return await readRecord(vault, target, request)
  } catch (error) {
    if (isPrivityError(error) && LEFT_OUT.has(error.code)) return undefined
    throw error
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

async function* tokenPlaces(
  { people, lookups }: Vault,
  { record }: Target,
  { term, after }: { readonly term: Term; readonly after: Place | undefined },
): AsyncGenerator<Place> {
  const { keyspace } = people.deps
  const token = lookups.token(lookups.numberOf(record.name, term.field), term.text)
  const prefix = keyspace.tokens(token)
  const start =
    after === undefined ? undefined : keyspace.token(token, after.id, after.recordId ?? SINGLE)
  for await (const [key] of scanRows(people.deps.store, prefix, { after: start, page: PAGE })) {
    const [id = '', recordId = ''] = key.slice(prefix.length).split('/')
    if (isId(id)) yield { id, recordId: recordId === SINGLE ? undefined : recordId }
  }
}

function cursorOf({ id, recordId }: Place): string {
  return recordId === undefined ? id : `${id}.${recordId}`
}
