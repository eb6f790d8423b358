import { inPages } from '../base/in-pages.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Store } from '../storage/store.ts'
import { type ReadSegmentDeps, readSegment, readSegments } from './read-segment.ts'
import { type LoggedAccess, parseAccess, type SegmentPlace } from './segment.ts'

/** Where an access stands in the logs. */
export interface AccessPlace extends SegmentPlace {
  /** Among the entries of the segment. */
  readonly position: number
}

/** An access, and where it stands. */
export interface PlacedAccess {
  readonly access: LoggedAccess
  readonly place: AccessPlace
}

/** What walking needs. */
export interface WalkDeps extends ReadSegmentDeps {
  readonly store: Pick<Store, 'read' | 'scan'>
  readonly keyspace: Pick<Keyspace, 'segment' | 'writer' | 'access' | 'writerAccesses'>
}

/** Which accesses of one writer are asked for. */
export interface WriterWalk {
  readonly writer: number
  /** Segments that there were when the walk began. */
  readonly size: number
  /** Only segments in the index under it; all, if there is none. */
  readonly token: string | undefined
  /** From this time on, and before that; milliseconds since the epoch. */
  readonly from: number
  readonly to: number
  /** Only what stands behind it in the log of this writer. */
  readonly after: AccessPlace | undefined
  readonly signal: AbortSignal | undefined
}

/** Sealed segments in memory for each writer: half a megabyte each at most, a tenth of it as a rule. */
const PAGE = 8

/**
 * The accesses of one writer's log, in order. An index row is only a hint: whether a segment says what was
 * asked for is told by its entries.
 *
 * @throws {@link ledger_inconsistent} · @throws {@link decryption_failed}
 */
export async function* walkWriter(deps: WalkDeps, walk: WriterWalk): AsyncGenerator<PlacedAccess> {
  const { writer, from, to, after } = walk
  for await (const { index, entries } of segmentsOf(deps, walk)) {
    for (const [position, text] of entries.entries()) {
      if (index === after?.index && position <= after.position) continue
      const access = parseAccess(text)
      if (access.at >= to) return
      if (access.at >= from) yield { access, place: { writer, index, position } }
    }
  }
}

async function* segmentsOf(deps: WalkDeps, walk: WriterWalk): ReturnType<typeof readSegments> {
  const first = walk.after?.index ?? (await firstSegment(deps, walk))
  for await (const page of inPages(indexesFrom(deps, walk, first), PAGE)) {
    walk.signal?.throwIfAborted()
    yield* readSegments(deps, walk.writer, page)
  }
}

/** The first segment that reaches the time, by halving: times never go back within a log. */
async function firstSegment(
  deps: WalkDeps,
  { writer, size, from, signal }: WriterWalk,
): Promise<number> {
  let [low, high] = [0, from > 0 ? size : 0]
  while (low < high) {
    signal?.throwIfAborted()
    const middle = Math.floor((low + high) / 2)
    if ((await lastTime(deps, writer, middle)) < from) low = middle + 1
    else high = middle
  }
  return low
}

async function lastTime(deps: WalkDeps, writer: number, index: number): Promise<number> {
  const { entries } = await readSegment(deps, { writer, index })
  const last = entries.at(-1)
  return last === undefined ? 0 : parseAccess(last).at
}

async function* indexesFrom(
  { store, keyspace }: WalkDeps,
  { writer, token, size }: WriterWalk,
  first: number,
): AsyncGenerator<number> {
  if (token === undefined) {
    for (let index = first; index < size; index += 1) yield index
    return
  }
  const prefix = keyspace.writerAccesses(token, writer)
  const after = first === 0 ? undefined : keyspace.access(token, writer, first - 1)
  for await (const [key] of scanRows(store, prefix, { after, page: PAGE })) {
    const index = Number.parseInt(key.slice(prefix.length), 16)
    // Two rows that read as the same number would show an access twice.
    if (key !== keyspace.access(token, writer, index)) continue
    // Logged since the walk began, or, if somebody forged the row, never.
    if (index >= size) return
    yield index
  }
}
