import { openEnvelope, ROW_KIND } from '../keys/envelope.ts'
import { CORE } from '../policy/catalogue.ts'
import type { Rows } from '../storage/participant.ts'
import { readRows } from '../storage/read-rows.ts'
import type { Key } from '../storage/store.ts'
import { decodePage, type Page, type RecordHead } from '../subjects/head.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { pageEntry, type RecordType } from './open-record.ts'

/** Heads of the records of a person. */
export interface RecordHeads {
  /** By number of their type. */
  readonly singles: { readonly [type: string]: RecordHead }
  /** By `type/record`. */
  readonly many: { readonly [entry: string]: RecordHead }
}

/** The row of each page of a person. */
export function pageRows({ deps }: People, { id, head }: Person): ReadonlyMap<string, Key> {
  return new Map(Object.keys(head.pages).map((name) => [name, deps.keyspace.page(id, name)]))
}

/** Opens the heads of single records, and those of the `many` records in these pages. */
export function openHeads(
  people: People,
  { person, pages }: { readonly person: Person; readonly pages: Iterable<string> },
  rows: Rows,
): RecordHeads {
  const many = [...pages].flatMap((name) => {
    const revision = person.head.pages[name]
    if (revision === undefined) return []
    return Object.entries(openPage(people, person, { name, revision, rows }).records)
  })
  return { singles: person.head.singles, many: Object.fromEntries(many) }
}

/** A person and the heads of all records, of one moment: not earlier than the person given. */
export async function readHeads(
  people: People,
  person: Person,
): Promise<{ readonly person: Person; readonly heads: RecordHeads }> {
  const { store, keyspace } = people.deps
  let seen = person
  for (;;) {
    const pages = pageRows(people, seen)
    if (pages.size === 0) return { person: seen, heads: { singles: seen.head.singles, many: {} } }
    const key = keyspace.person(person.id)
    const rows = await readRows(store, [key, ...pages.values()])
    seen = await people.openStored(person.id, rows.get(key))
    // Written meanwhile, with a page that was not read.
    if (!Object.keys(seen.head.pages).every((name) => pages.has(name))) continue
    const heads = openHeads(people, { person: seen, pages: pages.keys() }, rows)
    return { person: seen, heads }
  }
}

/** The records of one type, each by its id; the single one has none. */
export function headsOfType(
  { singles, many }: RecordHeads,
  { record, type }: RecordType,
): readonly (readonly [recordId: string | undefined, head: RecordHead])[] {
  if (!record.many) {
    const head = singles[String(type)]
    return head === undefined ? [] : [[undefined, head]]
  }
  const prefix = pageEntry(type, '')
  return Object.entries(many).flatMap(([entry, head]) =>
    entry.startsWith(prefix) ? [[entry.slice(prefix.length), head] as const] : [],
  )
}

/** The same of somebody behind a fence: nobody writes them any more, and nobody reads the document. */
export async function readStillHeads(people: People, person: Person): Promise<RecordHeads> {
  const pages = pageRows(people, person)
  const rows = await readRows(people.deps.store, [...pages.values()])
  return openHeads(people, { person, pages: pages.keys() }, rows)
}

interface PagePlace {
  readonly name: string
  readonly revision: number
  readonly rows: Rows
}

function openPage(
  { deps }: People,
  { id, core }: Person,
  { name, revision, rows }: PagePlace,
): Page {
  const { storeId, keyspace } = deps
  const sealed = rows.get(keyspace.page(id, name)) ?? new Uint8Array(0)
  const place = { storeId, personId: id, accessClass: CORE, recordId: name, revision }
  return decodePage(openEnvelope(core, { kind: ROW_KIND.page, ...place }, sealed))
}
