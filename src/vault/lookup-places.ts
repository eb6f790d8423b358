import { mergeSorted } from '../audit/merge.ts'
import { PrivityError } from '../base/errors.ts'
import { isId } from '../base/id.ts'
import type { JsonValue } from '../base/canonical.ts'
import { type LookupKey, SINGLE } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import { lookupText } from './normalise.ts'
import type { Target, Vault } from './vault.ts'
import type { Search } from './where.ts'

/** Which record of whom. */
export interface Place {
  readonly id: string
  readonly recordId: string | undefined
}

/** What to look up, and behind which place to go on. */
export interface LookupWalk extends Search {
  readonly after: Place | undefined
}

const PAGE = 64

/**
 * Records whose token is that of the search, in the order of their ids, each once. Asks every generation of the
 * lookup whose key is known, and what earlier policies had in its place: until a reseal has got to everybody, some
 * records have tokens only there.
 *
 * @throws {@link key_unknown} when a newer policy dropped the keys of this one
 */
export function lookupPlaces(vault: Vault, target: Target, walk: LookupWalk): AsyncIterable<Place> {
  const tokens = tokensOf(vault, target, walk)
  const [only, ...more] = tokens.map((token) => placesOf(vault, token, walk.after))
  return only === undefined || more.length > 0 ? eachOnce([only ?? [], more].flat()) : only
}

async function* eachOnce(sources: readonly AsyncGenerator<Place>[]): AsyncGenerator<Place> {
  let last: string | undefined
  for await (const place of mergeSorted(sources, isBefore)) {
    const name = nameOf(place)
    if (name !== last) yield place
    last = name
  }
}

/**
 * What a search looks for, under every key that still counts.
 *
 * @throws {@link key_unknown} when a newer policy dropped the keys of this one
 */
export function tokensOf(
  { lookups }: Vault,
  { record }: Target,
  { lookup, terms }: Search,
): readonly LookupKey[] {
  const valueAt = (id: string): JsonValue | undefined =>
    terms.find((term) => term.field.id === id && term.kind === lookup.kind)?.value
  const running = lookups.numberOf(lookup)
  // Nobody would be found, and nobody would be told why.
  if (lookups.generations(running).length === 0)
    throw new PrivityError('key_unknown', { what: 'lookup' })
  const asked = [{ ...lookup, number: running }, ...lookups.earlier(record, lookup)]
  return asked.flatMap((it) => {
    const text = lookupText(it, valueAt)
    if (text === undefined) return []
    const { number } = it
    return lookups
      .generations(number)
      .map((generation) => lookups.token({ lookup: number, generation }, text))
  })
}

/** Records with a token, in the order of their ids. */
export async function* placesOf(
  { people }: Pick<Vault, 'people'>,
  token: LookupKey,
  after: Place | undefined,
): AsyncGenerator<Place> {
  const { keyspace, store } = people.deps
  const prefix = keyspace.tokens(token)
  const last = after && keyspace.token(token, after.id, after.recordId ?? SINGLE)
  for await (const [key] of scanRows(store, prefix, { after: last, page: PAGE })) {
    const [id = '', recordId = ''] = key.slice(prefix.length).split('/')
    if (isId(id)) yield { id, recordId: recordId === SINGLE ? undefined : recordId }
  }
}

function isBefore(a: Place, b: Place): boolean {
  return nameOf(a) < nameOf(b)
}

function nameOf({ id, recordId = SINGLE }: Place): string {
  return `${id}/${recordId}`
}
