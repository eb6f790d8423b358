import { orAbort } from '../base/signal.ts'
import { type Instant, toInstant } from '../base/time.ts'
import { decodeCatalogue } from '../policy/catalogue.ts'
import type { People } from '../subjects/people.ts'
import { accessToken } from './access-index.ts'
import type { Audit } from './audit.ts'
import {
  type AccessFilter,
  type AccessQueryOptions,
  type ParsedQuery,
  parseQuery,
  toCursor,
} from './filter.ts'
import { mergeSorted } from './merge.ts'
import type { Access } from './segment.ts'
import { type PlacedAccess, walkWriter, type WriterWalk } from './walk-writer.ts'
import { findWriters, type WriterSize } from './writers.ts'

/** What an app and its auditors see of the accesses. */
export interface AuditFace {
  /**
   * The accesses that were logged when the query began, oldest first: `query({ subjectId })` tells who
   * looked at the data of a person. What another instance of a `deferred` app has not written yet is
   * missing.
   *
   * @throws {@link invalid_input}
   * @throws {@link erased} when the person was erased: nobody can tell any more which accesses were theirs
   * @throws {@link not_found} when the person was never registered
   * @throws {@link ledger_inconsistent} when a log is not what was signed
   * @example
   * ```ts
   * for await (const { at, actor, purpose } of privity.audit.query({ subjectId })) {
   *   console.log(at, actor.id, purpose)
   * }
   * ```
   */
  query(filter?: AccessFilter, options?: AccessQueryOptions): AsyncIterable<AccessRecord>
}

/** One access, as it was logged. */
export interface AccessRecord {
  /** When it was logged, by the clock of the process that did it. */
  readonly at: Instant
  /** Who did it, with the roles that the app gave them then. */
  readonly actor: { readonly id: string; readonly roles: readonly string[] }
  /** What for. */
  readonly purpose: string
  /** Name of the record type, or `pseudonym/<recipient>`. */
  readonly record: string
  /** What was done, or `refused`. */
  readonly action: Access['action']
  /** Names of the access classes that were opened, e.g. `contact:marketing+support`. */
  readonly classes: readonly string[]
  /** The task that the access was for, where one was given. */
  readonly task?: string
  /** Why it was refused. */
  readonly reasons?: readonly string[]
  /** Stands for the person in the access logs. */
  readonly pseudonym: string
  /** Only when it was asked for by the id of the person. */
  readonly subjectId?: string
  /** For going on behind this record, in this query or a later one with the same filter. */
  readonly cursor: string
}

/** What querying needs. */
export interface AuditFaceDeps {
  readonly people: People
  readonly audit: Pick<Audit, 'flush'>
  /** Of the first generation of the main log. */
  readonly origin: string
}

/** The access logs of all instances, as their owner shows them. */
export function createAuditFace(deps: AuditFaceDeps): AuditFace {
  return Object.freeze({
    query: async function* (filter?: unknown, options?: unknown): AsyncGenerator<AccessRecord> {
      const query = parseQuery(filter, options)
      const { signal, limit } = query
      const records = findRecords(deps, query)
      try {
        for (let count = 0; count < limit; count += 1) {
          const next = records.next()
          const { done, value } = await (signal === undefined ? next : orAbort(next, signal))
          if (done === true) return
          yield value
        }
      } finally {
        // Not awaited: whoever aborts a query does not wait for the store.
        records.return(undefined).catch(() => undefined)
      }
    },
  })
}

/** What the accesses of a query are told by. */
interface Wanted extends ParsedQuery {
  readonly pseudonym: string | undefined
  /** Of the narrowest index; undefined when all accesses are looked at. */
  readonly token: string | undefined
}

async function* findRecords(
  deps: AuditFaceDeps,
  query: ParsedQuery,
): AsyncGenerator<AccessRecord, undefined> {
  // What this instance has deferred is part of the answer.
  await deps.audit.flush()
  const wanted = await resolve(deps, query)
  const rows = { ...deps.people.deps, origin: deps.origin }
  const writers = await findWriters(rows, wanted.token)
  const nameOf = await readClassNames(deps)
  const walks = writers.map((size) => fitting(walkWriter(rows, toWalk(wanted, size)), wanted))
  for await (const placed of mergeSorted(walks, isBefore))
    yield toRecord(placed, { nameOf, subjectId: query.filter.subjectId })
  return undefined
}

async function resolve({ people }: AuditFaceDeps, query: ParsedQuery): Promise<Wanted> {
  const { subjectId, actor, purpose } = query.filter
  if (subjectId !== undefined) {
    const { pseudonym } = (await people.read(subjectId)).person.head
    return { ...query, pseudonym, token: pseudonym }
  }
  const token =
    actor === undefined
      ? purpose && accessToken(people.deps, 'purpose', purpose)
      : accessToken(people.deps, 'actor', actor)
  return { ...query, pseudonym: undefined, token }
}

type NameOf = (accessClass: number) => string

/** Classes are numbered before anything of theirs can be read, and a number is never given twice. */
async function readClassNames({ people: { deps } }: AuditFaceDeps): Promise<NameOf> {
  const [sealed] = await deps.store.read([deps.keyspace.catalogue])
  const classes =
    sealed === undefined
      ? []
      : decodeCatalogue(deps.controller.open(deps.keyspace.catalogue, sealed)).classes
  return (accessClass) => classes[accessClass] ?? String(accessClass)
}

function toWalk(
  { token, from, to, after, signal }: Wanted,
  { writer, size }: WriterSize,
): WriterWalk {
  if (after === undefined) return { writer, size, token, from, to, after, signal }
  if (after.writer === writer) return { writer, size, token, from, to, after, signal }
  // Of the same millisecond, the accesses of lower writers came before.
  const behind = writer < after.writer ? after.at + 1 : after.at
  return { writer, size, token, from: Math.max(from, behind), to, after: undefined, signal }
}

/** What an index led to is held against the whole filter. */
async function* fitting(
  walk: AsyncIterable<PlacedAccess>,
  { pseudonym, filter }: Wanted,
): AsyncGenerator<PlacedAccess> {
  const { actor, purpose, action } = filter
  for await (const placed of walk) {
    const { access } = placed
    if (pseudonym !== undefined && access.pseudonym !== pseudonym) continue
    if (actor !== undefined && access.actor.id !== actor) continue
    if (purpose !== undefined && access.purpose !== purpose) continue
    if (action === undefined || access.action === action) yield placed
  }
}

function isBefore(a: PlacedAccess, b: PlacedAccess): boolean {
  if (a.access.at !== b.access.at) return a.access.at < b.access.at
  return a.place.writer < b.place.writer
}

interface Shown {
  readonly nameOf: NameOf
  readonly subjectId: string | undefined
}

function toRecord({ access, place }: PlacedAccess, { nameOf, subjectId }: Shown): AccessRecord {
  const { at, actor, purpose, record, action, classes, task, reasons, pseudonym } = access
  return Object.freeze({
    at: toInstant(at),
    actor: Object.freeze({ id: actor.id, roles: Object.freeze(actor.roles) }),
    purpose,
    record,
    action,
    classes: Object.freeze(classes.map(nameOf)),
    ...(task === undefined ? {} : { task }),
    ...(reasons === undefined ? {} : { reasons: Object.freeze(reasons) }),
    pseudonym,
    ...(subjectId === undefined ? {} : { subjectId }),
    cursor: toCursor({ at, ...place }),
  })
}
