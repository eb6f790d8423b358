import { indexKeys } from '../../audit/access-index.ts'
import { isLeafOf, type OpenedSegment, openSegment } from '../../audit/read-segment.ts'
import { parseAccess, type SegmentPlace } from '../../audit/segment.ts'
import { ifOpens } from '../../base/if-opens.ts'
import { endOfTurn } from '../../base/platform.ts'
import { scanPages } from '../../storage/scan-rows.ts'
import type { Key } from '../../storage/store.ts'
import { type Deep, readAll } from './deep.ts'
import { type FoundWriter, sizeOf } from './writers.ts'

/** A segment that opens, and the rows by which it is found. */
export interface IndexedSegment {
  readonly place: SegmentPlace
  readonly index: readonly Key[]
}

/** Half a megabyte each at most, a tenth as a rule. */
const PAGE = 32

/** Holds every segment of a writer against its leaf. */
export async function verifySegments(
  deep: Deep,
  found: FoundWriter,
  visit: (segment: IndexedSegment) => void,
): Promise<void> {
  let next = 0
  for await (const rows of pagesOf(deep, found.writer)) {
    const strangers: Key[] = []
    const opened: (OpenedSegment & SegmentPlace)[] = []
    for (const [key, sealed] of rows) {
      const index = placeOf(deep, found.writer, key)
      if (index === undefined || index >= found.size) {
        strangers.push(key)
        continue
      }
      reportGap(deep, found, { next, end: index })
      next = index + 1
      const segment = tryOpen(deep, { writer: found.writer, index }, sealed)
      if (segment === undefined) reportMismatch(deep, found, index)
      else opened.push({ ...segment, writer: found.writer, index })
    }
    await verifyLeaves(deep, found, opened)
    await rejectStrangers(deep, found, strangers)
    for (const segment of opened) visit(indexed(deep, segment))
    await endOfTurn()
  }
  reportGap(deep, found, { next, end: found.size })
}

/** What opens of the segments of a writer, some at a time. */
export async function* openSegments(
  deep: Deep,
  { writer, size }: FoundWriter,
): AsyncGenerator<readonly IndexedSegment[]> {
  for await (const rows of pagesOf(deep, writer)) {
    yield rows.flatMap(([key, sealed]) => {
      const index = placeOf(deep, writer, key) ?? size
      const segment = index < size ? tryOpen(deep, { writer, index }, sealed) : undefined
      return segment === undefined ? [] : [indexed(deep, { ...segment, writer, index })]
    })
  }
}

/** Undefined when it was changed or moved. */
export function tryOpen(
  deep: Deep,
  place: SegmentPlace,
  sealed: Uint8Array,
): OpenedSegment | undefined {
  return ifOpens(() => openSegment(deep, place, sealed))
}

/** The rows by which a segment is found. */
export function indexed(
  deep: Deep,
  { writer, index, entries }: OpenedSegment & SegmentPlace,
): IndexedSegment {
  const place = { writer, index }
  return { place, index: indexKeys(deep, place, entries.map(parseAccess)) }
}

function pagesOf({ store, keyspace, options }: Deep, writer: number): ReturnType<typeof scanPages> {
  const prefix = keyspace.segment(writer, 0).slice(0, -INDEX_DIGITS)
  return scanPages(store, prefix, { page: PAGE, signal: options.signal })
}

const INDEX_DIGITS = 12

function placeOf({ keyspace }: Deep, writer: number, key: Key): number | undefined {
  const index = Number.parseInt(key.slice(-INDEX_DIGITS), 16)
  return key === keyspace.segment(writer, index) ? index : undefined
}

function reportGap(
  { keyspace, report }: Deep,
  { writer }: FoundWriter,
  { next, end }: { readonly next: number; readonly end: number },
): void {
  for (let index = next; index < end; index += 1) {
    report({ index: BigInt(index), key: keyspace.segment(writer, index), kind: 'segment_missing' })
  }
}

function reportMismatch({ keyspace, report }: Deep, { writer }: FoundWriter, index: number): void {
  report({ index: BigInt(index), key: keyspace.segment(writer, index), kind: 'segment_mismatch' })
}

async function verifyLeaves(
  deep: Deep,
  found: FoundWriter,
  segments: readonly (OpenedSegment & SegmentPlace)[],
): Promise<void> {
  const leaves = await readAll(
    deep,
    segments.map(({ index }) => found.log.keys.leaf(index)),
  )
  segments.forEach((segment, at) => {
    const leaf = leaves[at]
    if (leaf === undefined || !isLeafOf(deep, leaf, segment))
      reportMismatch(deep, found, segment.index)
  })
}

/** Behind the head, unless the log grew meanwhile. */
async function rejectStrangers(
  deep: Deep,
  found: FoundWriter,
  keys: readonly Key[],
): Promise<void> {
  const size = keys.length === 0 ? 0 : ((await sizeOf(deep, found.log)) ?? found.size)
  for (const key of keys) {
    if ((placeOf(deep, found.writer, key) ?? size) >= size)
      deep.report({ key, kind: 'row_unexpected' })
  }
}
