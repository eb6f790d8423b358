import type { Cache } from '../base/cache.ts'
import type { ClassKey } from '../keys/class-key.ts'
import { openEnvelope, ROW_KIND, sealEnvelope } from '../keys/envelope.ts'
import { encodeKeyList } from '../keys/key-list.ts'
import { encodeRing, keysOfClass, type RingEntry } from '../keys/key-ring.ts'
import type { PersonKeys } from '../keys/person-keys.ts'
import { CORE } from '../policy/catalogue.ts'
import { encodeContainer, SECTION, type Section } from '../storage/container.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key, Row } from '../storage/store.ts'
import { decodePage, encodeHead, encodePage, type Head, type Page } from './head.ts'
import type { KeyRows } from './key-rows.ts'
import { headContext, type KnownHead, type Person } from './person.ts'

/**
 * A person document being changed by one operation. Nothing is visible to others until the batch that
 * carries it is committed.
 */
export interface Draft {
  readonly id: string
  /** Milliseconds since the epoch; never before the last operation about this person. */
  readonly at: number
  /** Of this operation: also the revision of every section that it writes. */
  readonly sequence: number
  /** Epoch of the keys that were made; undefined when none was. */
  readonly wraps: number | undefined
  head: Head
  /** The key of a class, made on first use. */
  key(accessClass: number): ClassKey
  /** Sealed fields of a single record. */
  section(accessClass: number): Uint8Array | undefined
  /** Replaces a section, or removes it. */
  setSection(accessClass: number, sealed: Uint8Array | undefined): void
  page(name: string, rows: Rows): Page
  setPage(name: string, page: Page): void
  put(key: Key, value: Uint8Array): void
  del(key: Key): void
}

/** A draft and what becomes of it. */
export interface OpenDraft {
  readonly draft: Draft
  /** The rows that the draft changes, the document first. */
  close(): { readonly put: readonly Row[]; readonly del: readonly Key[] }
  /** Keys that have to be in the key store before the batch is committed. */
  lacks(): readonly RingEntry[]
}

/** What a draft needs. */
export interface DraftDeps {
  readonly storeId: string
  readonly keyspace: Keyspace
  readonly keys: PersonKeys
  /** Where keys are that are not in the document. */
  readonly keyRows: KeyRows | undefined
  /** Told of the head as it is sealed: whoever reads it back need not open it. */
  readonly heads?: Cache<KnownHead>
}

/** A document as it stands before the operation; a new person has only a head. */
export type Before = Pick<Person, 'id' | 'head' | 'ring' | 'missing' | 'offered' | 'sections'> & {
  readonly key: Person['key']
}

/** Starts a change of a person at a time. */
export function openDraft(deps: DraftDeps, before: Before, at: number): OpenDraft {
  const { id } = before
  const sequence = before.head.sequence + 1
  const ring = createRing(deps, before)
  const sections = new Map(before.sections.map(({ accessClass, bytes }) => [accessClass, bytes]))
  const put = new Map<Key, Uint8Array>()
  const del = new Set<Key>()
  // One operation may change many records of a page: it is sealed once.
  const pages = new Map<string, Page>()
  const draft: Draft = {
    id,
    at,
    sequence,
    get wraps() {
      return ring.wraps()
    },
    head: { ...before.head, sequence, at },
    key: ring.key,
    section: (accessClass) => sections.get(accessClass),
    setSection: (accessClass, sealed) => {
      if (sealed === undefined) sections.delete(accessClass)
      else sections.set(accessClass, sealed)
    },
    page: (name, rows) => pages.get(name) ?? openPage({ deps, draft, name }, rows),
    setPage: (name, page) => {
      pages.set(name, page)
      draft.head = { ...draft.head, pages: { ...draft.head.pages, [name]: sequence } }
    },
    put: (key, value) => {
      del.delete(key)
      put.set(key, value)
    },
    del: (key) => {
      put.delete(key)
      del.add(key)
    },
  }
  function close(): { readonly put: readonly Row[]; readonly del: readonly Key[] } {
    for (const [name, page] of pages) {
      const context = pageContext({ deps, draft, name }, sequence)
      const bytes = sealEnvelope(draft.key(CORE), context, encodePage(page))
      put.set(deps.keyspace.page(id, name), bytes)
    }
    const sealed = sealEnvelope(
      draft.key(CORE),
      headContext(deps.storeId, id),
      encodeHead(draft.head),
    )
    deps.heads?.set(id, { sealed, head: draft.head })
    const document = encodeContainer([
      { kind: SECTION.head, accessClass: CORE, bytes: sealed },
      ring.section(),
      ...fieldSections(sections),
    ])
    return { put: [[deps.keyspace.person(id), document], ...put], del: [...del] }
  }
  return { draft, close, lacks: ring.lacks }
}

interface PagePlace {
  readonly deps: DraftDeps
  readonly draft: Draft
  readonly name: string
}

function openPage(place: PagePlace, rows: Rows): Page {
  const { deps, draft, name } = place
  const revision = draft.head.pages[name]
  if (revision === undefined) return { records: {} }
  const sealed = rows.get(deps.keyspace.page(draft.id, name))
  return decodePage(
    openEnvelope(draft.key(CORE), pageContext(place, revision), sealed ?? new Uint8Array(0)),
  )
}

function pageContext(
  { deps, draft, name }: PagePlace,
  revision: number,
): Parameters<typeof sealEnvelope>[1] {
  const { storeId } = deps
  return {
    kind: ROW_KIND.page,
    storeId,
    personId: draft.id,
    accessClass: CORE,
    recordId: name,
    revision,
  }
}

interface DraftRing {
  readonly key: (accessClass: number) => ClassKey
  readonly section: () => Section
  readonly wraps: () => number | undefined
  readonly lacks: () => readonly RingEntry[]
}

interface MadeKey {
  readonly entry: RingEntry
  readonly key: ClassKey
}

function createRing(deps: DraftDeps, before: Before): DraftRing {
  const made = new Map<number, MadeKey>()
  const added = (): readonly RingEntry[] => [...made.values()].map(({ entry }) => entry)
  return {
    key: (accessClass) => {
      const known = before.key(accessClass) ?? made.get(accessClass)?.key
      if (known !== undefined) return known
      const created = makeKey(deps, before, accessClass)
      made.set(accessClass, created)
      return created.key
    },
    section: () => ringSection(deps, before, added()),
    wraps: () => made.values().next().value?.entry.epoch,
    lacks: () =>
      deps.keyRows === undefined ? [] : added().filter((entry) => !before.offered.includes(entry)),
  }
}

/** A key that was added to the key store for this very operation, unless its epoch went out of use meanwhile. */
function makeKey({ keys }: DraftDeps, before: Before, accessClass: number): MadeKey {
  const { id, offered, ring } = before
  const entry = offered.find(
    (candidate) => candidate.accessClass === accessClass && candidate.epoch >= keys.epoch,
  )
  if (entry !== undefined) return { entry, key: keys.open(id, entry) }
  const newest = keysOfClass(ring, accessClass).at(-1)
  return keys.create(id, accessClass, (newest?.generation ?? 0) + 1)
}

function ringSection(
  { keyRows }: DraftDeps,
  { ring, missing }: Before,
  made: readonly RingEntry[],
): Section {
  const entries = [...ring, ...made]
  return keyRows === undefined
    ? { kind: SECTION.ring, accessClass: CORE, bytes: encodeRing(entries) }
    : { kind: SECTION.keyList, accessClass: CORE, bytes: encodeKeyList([...entries, ...missing]) }
}

function fieldSections(sections: ReadonlyMap<number, Uint8Array>): readonly Section[] {
  return [...sections]
    .sort(([a], [b]) => a - b)
    .map(([accessClass, bytes]) => ({ kind: SECTION.fields, accessClass, bytes }))
}
