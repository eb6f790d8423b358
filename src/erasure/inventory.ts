import { fromUtf8 } from '../base/bytes.ts'
import { isPrivityError } from '../base/errors.ts'
import { openEnvelope, ROW_KIND } from '../keys/envelope.ts'
import { splitBody } from '../ledger/entry.ts'
import { CORE } from '../policy/catalogue.ts'
import { SINGLE } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Key, Row } from '../storage/store.ts'
import { decodePage, type RecordHead } from '../subjects/head.ts'
import { personDueRow } from '../subjects/due.ts'
import type { People } from '../subjects/people.ts'
import { bodyContext } from '../subjects/person-entry.ts'
import type { Person } from '../subjects/person.ts'
import { externalKey } from '../subjects/registration.ts'
import type { Inventory } from './plan.ts'

/** Every row of a person, enumerated by scan and by head, never by policy. */
export interface PersonRows {
  /** Tokens, holders, the external id and dates: rows outside the person's prefix. */
  readonly outside: readonly Key[]
  readonly lookupRows: readonly Key[]
  readonly records: readonly Key[]
  readonly operations: readonly Key[]
  /** Ledger bodies: inside they say which leaf is theirs. */
  readonly bodies: readonly Row[]
  /** Last to go: they say where the tokens are. */
  readonly pages: readonly Key[]
  /** Rows under the person's prefix that no family claims. */
  readonly others: readonly Key[]
}

/** Rows that were listed under a document: as long as it is the same nobody has written any. */
export interface Listed {
  readonly document: Uint8Array
  readonly rows: PersonRows
}

const PAGE = 500

/** Lists the rows of a person, fenced or not. */
export async function listRows(people: People, person: Person): Promise<PersonRows> {
  const { keyspace } = people.deps
  const rows = await scanAll(people, keyspace.personRows(person.id))
  const prefix = keyspace.personRows(person.id)
  const families = byFamily(rows, prefix)
  const pages = families.h
  const heads = [...singleHeads(person), ...pages.flatMap((row) => pageHeads(people, person, row))]
  const lookupRows = heads.flatMap(({ head, record }) => [
    ...head.tokens.map(([lookup, generation, token]) =>
      keyspace.token({ lookup, generation, token }, person.id, record),
    ),
    ...(head.claims ?? []).map(([lookup, generation, token]) =>
      keyspace.claim({ lookup, generation, token }),
    ),
  ])
  const dues = heads.flatMap(({ head: { retention }, type, record }) =>
    retention?.due === undefined
      ? []
      : [keyspace.recordDue(retention.due, { id: person.id, type, record })],
  )
  return {
    outside: [
      ...holders(people, person),
      ...external(people, person),
      ...dues,
      ...dates(people, person),
    ],
    lookupRows,
    records: families.r.map(([key]) => key),
    operations: families.o.map(([key]) => key),
    bodies: families.e,
    pages: pages.map(([key]) => key),
    others: families.other.map(([key]) => key),
  }
}

/** The rows as numbers, for the plan. */
export function countRows(person: Person, rows: PersonRows): Inventory {
  const groups = person.head.groups?.length ?? 0
  return {
    keys: person.ring.length,
    records: rows.records.length + Object.keys(person.head.singles).length,
    ledgerBodies: rows.bodies.length,
    operations: rows.operations.length,
    lookupRows: rows.lookupRows.length,
    externalId: person.head.externalId !== undefined,
    ...(groups === 0 ? {} : { groups }),
  }
}

/** All rows under a prefix. */
async function scanAll({ deps }: People, prefix: Key): Promise<readonly Row[]> {
  const rows: Row[] = []
  for await (const row of scanRows(deps.store, prefix, { page: PAGE })) rows.push(row)
  return rows
}

type Families = { readonly [F in 'r' | 'e' | 'o' | 'h' | 'other']: Row[] }

function byFamily(rows: readonly Row[], prefix: Key): Families {
  const families: Families = { r: [], e: [], o: [], h: [], other: [] }
  for (const row of rows) {
    const [letter = '', next] = row[0].slice(prefix.length, prefix.length + 2)
    const isKnown = next === '/' && 'reoh'.includes(letter)
    families[isKnown ? (letter as keyof Families) : 'other'].push(row)
  }
  return families
}

interface PlacedHead {
  readonly head: RecordHead
  readonly type: number
  readonly record: string
}

function singleHeads({ head }: Person): readonly PlacedHead[] {
  return Object.entries(head.singles).map(([type, single]) => ({
    head: single,
    type: Number(type),
    record: SINGLE,
  }))
}

function pageHeads({ deps }: People, person: Person, [key, sealed]: Row): readonly PlacedHead[] {
  const name = key.slice(-2)
  const revision = person.head.pages[name]
  if (revision === undefined) return []
  const context = {
    kind: ROW_KIND.page,
    storeId: deps.storeId,
    personId: person.id,
    accessClass: CORE,
    recordId: name,
    revision,
  }
  const { records } = decodePage(openEnvelope(person.core, context, sealed))
  return Object.entries(records).map(([entry, head]) => ({
    head,
    type: Number(entry.slice(0, entry.indexOf('/'))),
    record: entry.slice(entry.indexOf('/') + 1),
  }))
}

function holders({ deps }: People, { id, head }: Person): readonly Key[] {
  return [...Object.keys(head.singles), ...Object.keys(head.many)].map((type) =>
    deps.keyspace.holder(Number(type), id),
  )
}

function dates({ deps }: People, { id, head }: Person): readonly Key[] {
  const row = personDueRow(deps.keyspace, id, head)
  return row === undefined ? [] : [row]
}

function external(people: People, { head }: Person): readonly Key[] {
  return head.externalId === undefined ? [] : [externalKey(people, head.externalId)]
}

/** The index of the leaf that a body belongs to; undefined for one that does not open, and says nothing. */
export function leafIndex(
  { deps }: People,
  person: Person,
  [key, sealed]: Row,
): number | undefined {
  const sequence = Number.parseInt(key.slice(deps.keyspace.bodies(person.id).length), 16)
  try {
    const context = bodyContext(deps.storeId, person.id, sequence)
    const { body } = splitBody(openEnvelope(person.core, context, sealed))
    const { index }: { readonly index?: unknown } = JSON.parse(fromUtf8(body) ?? '{}')
    return Number.isSafeInteger(index) ? Number(index) : undefined
  } catch (error) {
    if (isPrivityError(error) || error instanceof SyntaxError) return undefined
    throw error
  }
}
