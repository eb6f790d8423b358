import { isPrivityError } from '../../base/errors.ts'
import { aliased } from '../../erasure/aliases.ts'
import { type Fenced, readFence } from '../../erasure/fence.ts'
import { openEnvelope, ROW_KIND } from '../../keys/envelope.ts'
import type { Fault, FaultKind } from '../../ledger/verify-log.ts'
import { CORE } from '../../policy/catalogue.ts'
import type { Key, Row } from '../../storage/store.ts'
import type { Person } from '../../subjects/person.ts'
import type { ControllerFold } from './controller-fold.ts'
import { type Deep, digestOf } from './deep.ts'
import { faultsOfErased, faultsOfKeys, heldOf, lookAtFence } from './key-rows.ts'
import { openBodies, type PlacedLeaf } from './person-bodies.ts'

/** What the log says that there is of a person. */
export interface Expectation {
  /** Digest by name; undefined when nothing can be told, because the document does not open. */
  readonly rows: ReadonlyMap<string, string> | undefined
  /** Rows that were looked at already: bodies, and pages whose entry an erasure has deleted. */
  readonly settled: ReadonlySet<Key>
  readonly leaves: readonly PlacedLeaf[]
  readonly faults: readonly Fault[]
}

/** A person as found in the store. */
export interface FoundPerson {
  readonly id: string
  readonly document: Uint8Array | undefined
  /** Without the document. */
  readonly rows: readonly Row[]
}

const NOBODY: ReadonlySet<string> = new Set()
const NOTHING: Expectation = { rows: new Map(), settled: new Set(), leaves: [], faults: [] }

/** Derives from the log what the store should hold of a person. */
export async function expectPerson(
  deep: Deep,
  fold: ControllerFold,
  found: FoundPerson,
): Promise<Expectation> {
  const key = deep.keyspace.person(found.id)
  try {
    return await tryExpect(deep, fold, found)
  } catch (error) {
    if (faultOf(error) !== 'key_unavailable') return unreadable(deep, key, error)
  }
  try {
    // Another process may have added a key of its class since this one asked.
    await deep.people.deps.keys.loadAll()
    return await tryExpect(deep, fold, found)
  } catch (error) {
    return unreadable(deep, key, error)
  }
}

async function tryExpect(
  deep: Deep,
  fold: ControllerFold,
  found: FoundPerson,
): Promise<Expectation> {
  const { id, document, rows } = found
  const key = deep.keyspace.person(id)
  const isErased = fold.rows.has(deep.nameOf(key))
  if (document === undefined && !isErased) return expectNobody(key, rows)
  const fenced = readFence(deep.people.deps, id, document)
  // The erasure may have been cancelled since the fold was made.
  if (isErased && document !== undefined && fenced === undefined) await fold.advance()
  if (document === undefined || fenced !== undefined || fold.rows.has(deep.nameOf(key)))
    return expectErased(deep, fold, { ...found, fenced })
  return await expectLiving(deep, fold, { ...found, document })
}

function unreadable({ people }: Deep, key: Key, error: unknown): Expectation {
  // Where keys are kept apart, it is not the document that holds the one that does not open.
  const isRow = people.deps.keyRows !== undefined && isPrivityError(error, 'key_unreadable')
  const kind = isRow ? 'key_row_changed' : faultOf(error)
  return { ...NOTHING, rows: undefined, faults: [{ key, kind }] }
}

/** Without a document nothing opens: which rows are whose cannot be told. */
function expectNobody(key: Key, rows: readonly Row[]): Expectation {
  if (rows.length === 0) return NOTHING
  return { ...NOTHING, rows: undefined, faults: [{ key, kind: 'row_missing' }] }
}

function faultOf(error: unknown): FaultKind {
  if (!isPrivityError(error) || error.code === 'erased') throw error
  if (error.code === 'key_unknown') return 'key_row_missing'
  return error.code === 'key_unavailable' ? 'key_unavailable' : 'document_unreadable'
}

async function expectLiving(
  deep: Deep,
  { endedAt }: ControllerFold,
  { id, document, rows }: FoundPerson & { readonly document: Uint8Array },
): Promise<Expectation> {
  const row = await deep.people.deps.keyRows?.read(id)
  const key = deep.keyspace.person(id)
  const fence = row === undefined ? 'none' : await lookAtFence(deep, id, row)
  const isMalformed = row?.isMalformed === true || fence === 'forged'
  const fenced: readonly Fault[] = fence === 'orphan' ? [{ key, kind: 'key_row_fenced' }] : []
  // What is behind the fence of an erasure that has ended is not lost.
  if (isMalformed)
    return { ...NOTHING, rows: undefined, faults: [{ key, kind: 'key_row_changed' }] }
  if (fence === 'orphan' && row?.entries.length === 0)
    return { ...NOTHING, rows: undefined, faults: fenced }
  const held = row === undefined ? undefined : heldOf(row)
  const person = deep.people.open(id, document, held)
  const bodies = openBodies(deep, { person, gone: NOBODY, endedAt }, rows)
  const faults = held === undefined ? [] : faultsOfKeys(deep, person, held)
  return { ...bodies, settled: bodies.keys, faults: [...fenced, ...faults, ...bodies.faults] }
}

interface FoundErased extends FoundPerson {
  readonly fenced: Fenced | undefined
}

async function expectErased(
  deep: Deep,
  fold: ControllerFold,
  found: FoundErased,
): Promise<Expectation> {
  const { id, document, fenced } = found
  const name = deep.nameOf(deep.keyspace.person(id))
  // The erasure may have got on since the fold was made, or been cancelled.
  if (document !== undefined && digestOf(document) !== fold.rows.get(name)) await fold.advance()
  const digest = fold.rows.get(name)
  if (document !== undefined && fenced === undefined && digest === undefined)
    return expectLiving(deep, fold, { ...found, document })
  const fence = new Map(digest === undefined ? [] : [[name, digest]])
  if (document === undefined || fenced === undefined || fenced.sections.length === 0)
    return {
      ...NOTHING,
      rows: fence,
      faults: await faultsOfErased(deep, id, fenced?.fence.erasureId),
    }
  const row = await deep.people.deps.keyRows?.read(id)
  const held = row === undefined ? undefined : heldOf(row)
  const person = deep.people.openFenced({ id, document, sections: fenced.sections, held })
  const gone = aliased(person.core, fold.deletedOf(id))
  const bodies = openBodies(deep, { person, gone, endedAt: fold.endedAt }, found.rows)
  const left = [...bodies.rows].filter(([row]) => !gone.has(row))
  const rows = new Map([...left, ...fence])
  const pages = expectPages(deep, { person, gone, known: rows }, found.rows)
  return {
    rows,
    settled: new Set([...bodies.keys, ...pages.keys]),
    leaves: bodies.leaves,
    faults: [...bodies.faults, ...pages.faults],
  }
}

interface Erasing {
  readonly person: Person
  readonly gone: Pick<ReadonlySet<string>, 'has'>
  readonly known: ReadonlyMap<string, string>
}

/** Pages go after the bodies that speak of them: what is left of those is told by the head. */
function expectPages(
  deep: Deep,
  { person, gone, known }: Erasing,
  found: readonly Row[],
): { readonly keys: readonly Key[]; readonly faults: readonly Fault[] } {
  const keys: Key[] = []
  const faults: Fault[] = []
  const stored = new Map(found)
  for (const [page, revision] of Object.entries(person.head.pages)) {
    const key = deep.keyspace.page(person.id, page)
    if (known.has(deep.nameOf(key)) || gone.has(deep.nameOf(key))) continue
    const sealed = stored.get(key)
    keys.push(key)
    if (sealed === undefined) faults.push({ key, kind: 'row_missing' })
    else if (!opens(deep, { person, page, revision }, sealed))
      faults.push({ key, kind: 'row_changed' })
  }
  return { keys, faults }
}

function opens(
  { people }: Deep,
  {
    person,
    page,
    revision,
  }: { readonly person: Person; readonly page: string; readonly revision: number },
  sealed: Uint8Array,
): boolean {
  const { storeId } = people.deps
  const place = { storeId, personId: person.id, accessClass: CORE, recordId: page, revision }
  try {
    openEnvelope(person.core, { kind: ROW_KIND.page, ...place }, sealed)
    return true
  } catch (error) {
    faultOf(error)
    return false
  }
}
