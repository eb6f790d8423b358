import { fromUtf8, utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import type { CompiledLookup } from '../policy/compiled-lookup.ts'
import type { CompiledRecord, StoredFields } from '../policy/compiled.ts'
import { type LookupKey, SINGLE } from '../storage/keyspace.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import type { Draft } from '../subjects/draft.ts'
import type { RecordHead, TokenFact } from '../subjects/head.ts'
import type { Lookups } from './lookups.ts'
import { lookupText, type ValueAt } from './normalise.ts'
import type { RecordPlace } from './sections.ts'
import type { Target, Vault } from './vault.ts'

/** What the head of a record says of its lookup rows. */
export type RecordTokens = Pick<RecordHead, 'tokens' | 'claims' | 'indexed'>

/** A record whose values change, in the draft of its person. */
export interface TokenDraft {
  readonly vault: Vault
  readonly target: Pick<Target, 'record'>
  readonly draft: Draft
  readonly rows: Rows
  readonly place: RecordPlace
  readonly head: RecordHead | undefined
}

/** Values of a record, and the ids of the fields whose rows are made anew. */
export interface TokenChange {
  readonly fieldIds: ReadonlySet<string> | 'all'
  readonly valueAt: ValueAt
  /** A value that is to be unique and that another record has is refused, or left without a claim. */
  readonly taken: 'refuse' | 'leave'
}

const DRAFTED = new WeakMap<Draft, Map<Key, string>>()

/** Whether a record has lookup rows other than the running policy makes under the newest keys. */
export function isOutdated(
  lookups: Pick<Lookups, 'numberOf' | 'newest'>,
  { lookups: wanted }: Pick<CompiledRecord, 'lookups'>,
  { indexed = {} }: Pick<RecordHead, 'indexed'>,
): boolean {
  if (Object.keys(indexed).length !== wanted.length) return true
  return wanted.some((lookup) => {
    const number = lookups.numberOf(lookup)
    return indexed[String(number)] !== lookups.newest(number)
  })
}

/** Rows that must be seen to write these values: who has one that is to be unique, and newer keys. */
export function tokenReads(
  { lookups, people }: Vault,
  { record }: Pick<Target, 'record'>,
  values: StoredFields,
): readonly Key[] {
  const { keyspace } = people.deps
  const claims = record.lookups.flatMap((lookup) => {
    if (lookup.kind !== 'unique') return []
    return everyToken(lookups, { record, lookup }, (id) => values[id]).map(keyspace.claim)
  })
  return [...record.lookups.map(lookups.ahead), ...claims]
}

/**
 * Replaces the lookup rows of the fields that changed.
 *
 * @throws {@link already_exists} when another record has a value that is to be unique
 * @throws {@link write_conflict} when there are newer keys than this process knows, or knew when it read
 */
export function changeTokens(state: TokenDraft, change: TokenChange): RecordTokens {
  const { vault, target, rows, head } = state
  const { lookups } = vault
  if (target.record.lookups.some((lookup) => seen(rows, lookups.ahead(lookup)) !== undefined))
    throw outrun()
  const { fieldIds } = change
  const old =
    fieldIds === 'all' ? everyNumber(head) : lookups.numbersOf(target.record.name, fieldIds)
  const wanted = target.record.lookups
    .filter(({ fields }) => fieldIds === 'all' || fields.some(({ id }) => fieldIds.has(id)))
    .filter((lookup) => isFree(state, lookup, change))
  const facts = (claims: boolean): readonly TokenFact[] =>
    factsOf(
      lookups,
      wanted.filter(({ kind }) => (kind === 'unique') === claims),
      change.valueAt,
    )
  const kept = Object.entries(head?.indexed ?? {}).filter(([number]) => !old.has(Number(number)))
  const made = wanted.map((lookup) => {
    const number = lookups.numberOf(lookup)
    return [String(number), lookups.newest(number)] as const
  })
  return toTokens({
    tokens: replaceTokens(state, { old, facts: facts(false) }),
    claims: replaceClaims(state, { old, facts: facts(true) }),
    indexed: Object.fromEntries([...kept, ...made]),
  })
}

/** Deletes every lookup row of a record. */
export function dropTokens(
  { vault, draft, place }: Pick<TokenDraft, 'vault' | 'draft' | 'place'>,
  { tokens, claims = [] }: RecordTokens,
): void {
  for (const fact of tokens) draft.del(tokenKey(vault, place, fact))
  for (const fact of claims) draft.del(claimKey(vault, fact))
}

/** Tokens of these lookups under the newest keys. */
function factsOf(
  lookups: Lookups,
  wanted: readonly CompiledLookup[],
  valueAt: ValueAt,
): readonly TokenFact[] {
  return wanted.flatMap((lookup) => {
    const text = lookupText(lookup, valueAt)
    if (text === undefined) return []
    const number = lookups.numberOf(lookup)
    const key = lookups.token({ lookup: number, generation: lookups.newest(number) }, text)
    return [[key.lookup, key.generation, key.token] as const]
  })
}

/** Who holds a claim, as its row says. */
function claimantOf({ personId, recordId }: RecordPlace): string {
  return `${personId}/${recordId ?? SINGLE}`
}

/** Also of lookups that no policy has any more. */
function everyNumber(head: RecordHead | undefined): ReadonlySet<number> {
  const rows = [...(head?.tokens ?? []), ...(head?.claims ?? [])].map(([lookup]) => lookup)
  return new Set([...rows, ...Object.keys(head?.indexed ?? {}).map(Number)])
}

/** Members that say nothing are left out: heads of records without lookups stay what they were. */
function toTokens({ tokens, claims = [], indexed = {} }: RecordTokens): RecordTokens {
  return {
    tokens,
    ...(claims.length === 0 ? {} : { claims }),
    ...(Object.keys(indexed).length === 0 ? {} : { indexed }),
  }
}

/** Whether no other record has the value that a lookup keeps unique, under any key that still counts. */
function isFree(
  { vault, target, draft, rows, place }: TokenDraft,
  lookup: CompiledLookup,
  { valueAt, taken }: TokenChange,
): boolean {
  if (lookup.kind !== 'unique') return true
  const { lookups } = vault
  const { keyspace, controller } = vault.people.deps
  const claimant = claimantOf(place)
  const asked = { record: target.record, lookup }
  const isFree = everyToken(lookups, asked, valueAt).every((token) => {
    const key = keyspace.claim(token)
    const sealed = seen(rows, key)
    const holder = sealed === undefined ? undefined : fromUtf8(controller.open(key, sealed))
    return [holder, drafted(draft).get(key)].every((it) => it === undefined || it === claimant)
  })
  if (!isFree && taken === 'refuse') throw new PrivityError('already_exists', { kind: 'value' })
  return isFree
}

/** What was not asked for is of keys that this process learnt of after it had said what to read. */
function seen(rows: Rows, key: Key): Uint8Array | undefined {
  if (rows.isDeclared?.(key) === false) throw outrun()
  return rows.get(key)
}

function outrun(): PrivityError<'write_conflict'> {
  return new PrivityError('write_conflict', { attempts: 1 })
}

interface Replacing {
  readonly old: ReadonlySet<number>
  readonly facts: readonly TokenFact[]
}

function replaceTokens(
  { vault, draft, place, head }: TokenDraft,
  { old, facts }: Replacing,
): readonly TokenFact[] {
  const before = head?.tokens ?? []
  for (const fact of before) if (old.has(fact[0])) draft.del(tokenKey(vault, place, fact))
  for (const fact of facts) draft.put(tokenKey(vault, place, fact), new Uint8Array(0))
  return [...before.filter(([lookup]) => !old.has(lookup)), ...facts]
}

function replaceClaims(state: TokenDraft, { old, facts }: Replacing): readonly TokenFact[] {
  const { vault, draft, place, head } = state
  const { controller } = vault.people.deps
  const before = head?.claims ?? []
  const wanted = new Set(facts.map((fact) => claimKey(vault, fact)))
  for (const fact of before) {
    const key = claimKey(vault, fact)
    if (old.has(fact[0]) && !wanted.has(key)) draft.del(key)
  }
  const own = new Set(before.map((fact) => claimKey(vault, fact)))
  for (const key of wanted) {
    // Its row is there already, and stays as it is.
    if (own.has(key)) continue
    draft.put(key, controller.seal(key, utf8(claimantOf(place))))
    drafted(draft).set(key, claimantOf(place))
  }
  return [...before.filter(([lookup]) => !old.has(lookup)), ...facts]
}

/** Claims of other records in the same draft: no row shows them yet. */
function drafted(draft: Draft): Map<Key, string> {
  const known = DRAFTED.get(draft) ?? new Map<Key, string>()
  DRAFTED.set(draft, known)
  return known
}

/**
 * Under every generation of the key, and as earlier policies made them: whoever was not resealed since holds a value
 * there alone.
 */
function everyToken(
  lookups: Lookups,
  { record, lookup }: { readonly record: CompiledRecord; readonly lookup: CompiledLookup },
  valueAt: ValueAt,
): readonly LookupKey[] {
  const asked = [
    { ...lookup, number: lookups.numberOf(lookup) },
    ...lookups.earlier(record, lookup),
  ]
  return asked.flatMap((it) => {
    const text = lookupText(it, valueAt)
    if (text === undefined) return []
    const { number } = it
    return lookups
      .generations(number)
      .map((generation) => lookups.token({ lookup: number, generation }, text))
  })
}

function tokenKey({ people }: Vault, place: RecordPlace, fact: TokenFact): Key {
  const [lookup, generation, token] = fact
  const { keyspace } = people.deps
  return keyspace.token({ lookup, generation, token }, place.personId, place.recordId ?? SINGLE)
}

function claimKey({ people }: Vault, [lookup, generation, token]: TokenFact): Key {
  return people.deps.keyspace.claim({ lookup, generation, token })
}
