import type { JsonObject } from '../base/canonical.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import type { Draft } from '../subjects/draft.ts'
import { createOperation } from '../subjects/operation.ts'
import type { ParsedWriteOptions } from '../subjects/write-options.ts'
import { openOwners } from './open-owners.ts'
import { pageEntry, recordReads } from './open-record.ts'
import type { SeenOwners } from './owner.ts'
import { type Part, partsOf, type PartTarget, partTargets } from './parts.ts'
import { draftRecord } from './record-draft.ts'
import { readHeads } from './record-heads.ts'
import { tokenReads } from './record-tokens.ts'
import type { Target, Vault } from './vault.ts'

/** Parts that go, or are let go, in one commit. */
export interface PartsRemoval {
  /** No part is left behind it: the owner goes in the same commit. */
  readonly isLast: boolean
  reads(): readonly Key[]
  /** Decides on fresh rows; what it did, for the log. @throws {@link write_conflict} */
  apply(draft: Draft, rows: Rows): JsonObject
}

/** What a removal is done with. */
export interface Removing {
  readonly request: {
    readonly id: string
    readonly recordId: string | undefined
    readonly options: ParsedWriteOptions
  }
  /** One commit; without parts where no record type has any. */
  commit(parts: PartsRemoval | undefined): Promise<unknown>
}

interface State extends Removing {
  readonly vault: Vault
  readonly targets: readonly PartTarget[]
  /** Entry of the owner. */
  readonly root: string
}

interface Seen {
  readonly parts: readonly Part[]
  readonly owners: SeenOwners
  readonly pages: readonly Key[]
}

/** Others may write the person all the time. */
const LOOKS = 32
/** Rows that a commit has besides those of parts: of the owner, of the person, and of the log. */
const OTHER_OPS = 128
/** Names of pages are two hexadecimal digits. */
const EVERY_PAGE = Array.from({ length: 256 }, (_, at) => at.toString(16).padStart(2, '0'))
/** What a store says of a batch that is larger than it takes. */
const TOO_MUCH: ReadonlySet<string> = new Set(['too_many_ops', 'too_many_bytes'])

/**
 * Removes a record with all that is a part of it: in one commit if that fits, else in several, the owner in the last.
 * No part that is written meanwhile outlives it.
 *
 * @throws {@link write_conflict} when others wrote parts all the time
 */
export async function removeWithParts(
  vault: Vault,
  target: Target,
  removing: Removing,
): Promise<void> {
  const { request, commit } = removing
  const targets = partTargets(vault, target.record.name)
  if (targets.length === 0) {
    await commit(undefined)
    return
  }
  const root = pageEntry(target.type, request.recordId ?? '')
  const state: State = { ...removing, vault, targets, root }
  // Under an id that stands for something already, nothing is removed: the commit says what it stands for.
  let room = (await isTaken(state)) ? Number.POSITIVE_INFINITY : roomOf(vault)
  for (let looks = 1; looks <= LOOKS; ) {
    request.options.signal?.throwIfAborted()
    const seen = await lookAt(state, looks)
    const outcome = seen === undefined ? 'stale' : await removeSome(state, seen, room)
    if (outcome === 'done') return
    if (outcome === 'stale') looks += 1
    if (outcome === 'too_much')
      room = Math.min(roomOf(vault), Math.floor(opsOf(fitting(seen?.parts ?? [], room)) / 2))
  }
  throw new PrivityError('write_conflict', { attempts: LOOKS })
}

function roomOf({ people }: Vault): number {
  return people.deps.store.limits.maxOps - OTHER_OPS
}

async function isTaken({ vault, request }: State): Promise<boolean> {
  const { id, options } = request
  const { operationId } = options
  if (operationId === undefined) return false
  const { row } = createOperation(vault.people.deps, { id, operationId, request: {} })
  const { rows } = await vault.people.read(id, [row], options.signal)
  return rows[0] !== undefined
}

/** Undefined when it was written while it was looked at. */
async function lookAt(
  { vault, request, targets, root }: State,
  looks: number,
): Promise<Seen | undefined> {
  const { people } = vault
  const { id, options } = request
  const first = await people.read(id, [], options.signal)
  const { person, heads } = await readHeads(people, first.person)
  const owners = await openOwners(vault, { id, heads, targets, signal: options.signal })
  const parts = partsOf(vault, { heads, seen: owners, targets, root })
  // Others may add a page each time, until every page is asked for.
  const names = looks === 1 ? Object.keys(person.head.pages) : EVERY_PAGE
  const pages = names.map((name) => people.deps.keyspace.page(id, name))
  return parts === undefined ? undefined : { parts, owners, pages }
}

type Outcome = 'done' | 'more' | 'stale' | 'too_much'

async function removeSome(state: State, seen: Seen, room: number): Promise<Outcome> {
  const isLast = opsOf(seen.parts) <= room
  const some = fitting(seen.parts, room)
  let isStale = false
  try {
    await state.commit({
      isLast,
      reads: () => readsFor(state, seen, some),
      apply: (draft, rows) => {
        const fresh = freshParts(state, seen, { draft, rows })
        const going = isLast ? fresh : fitting(fresh ?? [], room)
        isStale =
          going === undefined ||
          (going.length === 0 && !isLast) ||
          !going.every((part) => isReady(state, part, rows))
        if (isStale || going === undefined)
          throw new PrivityError('write_conflict', { attempts: 1 })
        for (const part of going) end(state, part, { draft, rows })
        return { ...(isLast ? {} : { fields: [] }), ...eventOf(going) }
      },
    })
    return isLast ? 'done' : 'more'
  } catch (error) {
    if (isStale && isPrivityError(error, 'write_conflict')) return 'stale'
    if (isTooMuch(error) && (isLast ? some.length > 0 : some.length > 1)) return 'too_much'
    throw error
  }
}

/** As many as there is room for, from the innermost parts on; one in any case. */
function fitting(parts: readonly Part[], room: number): readonly Part[] {
  let ops = 0
  const end = parts.findIndex((part, at) => {
    ops += opsOf([part])
    return at > 0 && ops > room
  })
  return end === -1 ? parts : parts.slice(0, end)
}

/** Rows at most. */
function opsOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { head, target }) => {
    const { tokens, claims = [] } = head
    return sum + 4 + tokens.length + claims.length + 2 * target.record.lookups.length
  }, 0)
}

/** What goes is known by its head; of what is let go, a field is cleared. */
function readsFor(
  { vault, request: { id } }: State,
  { pages }: Seen,
  parts: readonly Part[],
): readonly Key[] {
  const rows = parts
    .filter(isLetGo)
    .flatMap(({ target, recordId }) => [
      ...recordReads(vault, target, { id, recordId }),
      ...tokenReads(vault, target, {}),
    ])
  return [...new Set([...pages, ...rows])]
}

interface Drafting {
  readonly draft: Draft
  readonly rows: Rows
}

/** Undefined when there is more than was looked at. */
function freshParts(
  { vault, targets, root }: State,
  { owners }: Seen,
  { draft, rows }: Drafting,
): readonly Part[] | undefined {
  const { keyspace } = vault.people.deps
  const names = Object.keys(draft.head.pages)
  if (!names.every((name) => isDeclared(rows, keyspace.page(draft.id, name)))) return undefined
  const many = Object.assign({}, ...names.map((name) => draft.page(name, rows).records))
  const heads = { singles: draft.head.singles, many }
  return partsOf(vault, { heads, seen: owners, targets, root })
}

function isReady({ vault, request: { id } }: State, part: Part, rows: Rows): boolean {
  const { target, recordId } = part
  const key = vault.people.deps.keyspace.record(id, target.type, recordId)
  return !isLetGo(part) || isDeclared(rows, key)
}

function end({ vault }: State, part: Part, { draft, rows }: Drafting): void {
  const { target, recordId } = part
  if (isLetGo(part)) {
    const unset = [target.ownedBy.fieldId]
    // As what comes to its end, and not as what the app writes: its other dates stay what they are.
    draftRecord(vault, target, { draft, rows, recordId }).end({ set: {}, unset })
    return
  }
  const known: Rows = { get: (key) => (isDeclared(rows, key) ? rows.get(key) : undefined) }
  draftRecord(vault, target, { draft, rows: known, recordId }).remove()
}

/** Types, and how many records of each. */
function eventOf(parts: readonly Part[]): JsonObject {
  const removed = countsOf(parts.filter((part) => !isLetGo(part)))
  const detached = countsOf(parts.filter(isLetGo))
  return {
    ...(removed === undefined ? {} : { parts: removed }),
    ...(detached === undefined ? {} : { detached }),
  }
}

function countsOf(parts: readonly Part[]): JsonObject | undefined {
  const counts = new Map<string, number>()
  for (const { target } of parts) {
    const { name } = target.record
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts.size === 0 ? undefined : Object.fromEntries(counts)
}

function isLetGo({ target }: Part): boolean {
  return target.ownedBy.onErase === 'detach'
}

function isDeclared(rows: Rows, key: Key): boolean {
  return rows.isDeclared?.(key) !== false
}

/** `store_full`: together they may be more than there is room for. */
function isTooMuch(error: unknown): boolean {
  if (isPrivityError(error, 'store_full')) return true
  if (!isPrivityError(error, 'invalid_input')) return false
  return error.details.issues.some(({ code }) => TOO_MUCH.has(code))
}
