import type { Log } from '../../ledger/log.ts'
import { scanRows } from '../../storage/scan-rows.ts'
import type { Key } from '../../storage/store.ts'
import { type Deep, readAll } from './deep.ts'
import { indexed, openSegments, tryOpen, verifySegments } from './segments.ts'
import { createTally, type Tally } from './tally.ts'
import { findWriters, type FoundWriter } from './writers.ts'

const PAGE = 1_000
const FAMILY = 'a/'
const PLACE = /\/([0-9a-f]{4})\/([0-9a-f]{12})$/

/** Holds every segment of accesses against its leaf, and the rows by which they are found against them. */
export async function verifyAccesses(deep: Deep, verified: readonly Log[]): Promise<void> {
  const writers = new Map<number, FoundWriter>()
  const tally = createTally()
  for await (const found of findWriters(deep, verified)) {
    writers.set(found.writer, found)
    await verifySegments(deep, found, ({ index }) => index.forEach(tally.turn))
  }
  await turnIndex(deep, writers, tally)
  if (!tally.differs) return
  await rejectSuspects(deep, writers, tally)
  for (const found of writers.values()) await reportMissing(deep, found, tally)
}

/** Rows of segments that came meanwhile, or never were, are looked up one by one. */
async function turnIndex(
  deep: Deep,
  writers: ReadonlyMap<number, FoundWriter>,
  tally: Tally,
): Promise<void> {
  for await (const [key, value] of rowsOf(deep)) {
    if (value.length > 0) deep.report({ key, kind: 'row_changed' })
    if (isCounted(writers, key)) tally.turn(key)
    else await rejectStranger(deep, writers, key)
  }
}

async function rejectSuspects(
  deep: Deep,
  writers: ReadonlyMap<number, FoundWriter>,
  tally: Tally,
): Promise<void> {
  for await (const [key] of rowsOf(deep))
    if (isCounted(writers, key) && tally.isSuspect(key)) await rejectStranger(deep, writers, key)
}

function rowsOf({ store, keyOf, options }: Deep): ReturnType<typeof scanRows> {
  return scanRows(store, keyOf(FAMILY), { page: PAGE, signal: options.signal })
}

function isCounted(writers: ReadonlyMap<number, FoundWriter>, key: Key): boolean {
  const place = placeOf(key)
  const size = place === undefined ? undefined : writers.get(place.writer)?.size
  return place !== undefined && size !== undefined && place.index < size
}

function placeOf(key: Key): { readonly writer: number; readonly index: number } | undefined {
  const [, writer, index] = PLACE.exec(key) ?? []
  if (writer === undefined || index === undefined) return undefined
  return { writer: Number.parseInt(writer, 16), index: Number.parseInt(index, 16) }
}

/** An index row of which no segment knows. One whose segment does not open is no fault of its own. */
async function rejectStranger(
  deep: Deep,
  writers: ReadonlyMap<number, FoundWriter>,
  key: Key,
): Promise<void> {
  const place = placeOf(key)
  const row = place === undefined ? [] : [deep.keyspace.segment(place.writer, place.index)]
  const [sealed] = await readAll(deep, row)
  if (place === undefined || sealed === undefined) {
    // A segment that is missing was named when the others were looked at.
    if (!isCounted(writers, key)) deep.report({ key, kind: 'row_unexpected' })
    return
  }
  const opened = tryOpen(deep, place, sealed)
  if (opened === undefined || indexed(deep, { ...opened, ...place }).index.includes(key)) return
  deep.report({ key, kind: 'row_unexpected' })
}

async function reportMissing(deep: Deep, found: FoundWriter, tally: Tally): Promise<void> {
  for await (const segments of openSegments(deep, found)) {
    const keys = segments.flatMap(({ index }) => index).filter(tally.isSuspect)
    const values = await readAll(deep, keys)
    keys.forEach((key, at) => {
      if (values[at] === undefined) deep.report({ key, kind: 'row_missing' })
    })
  }
}
