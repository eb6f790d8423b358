import { sameBytes } from '../base/bytes.ts'
import { invalidInput, isPrivityError, PrivityError } from '../base/errors.ts'
import { systemClock } from '../base/time.ts'
import { backoff } from '../storage/patience.ts'
import type { Batch, Key, Row, Store } from '../storage/store.ts'
import { type ByteReader, createByteReader } from './byte-reader.ts'
import {
  damaged,
  type ExportTotals,
  HASH_LENGTH,
  need,
  readHeader,
  readRow,
  readTotals,
} from './format.ts'
import { isMarker, newMarker } from './marker.ts'
import { type MoveOptions, type ParsedMove, parseMove } from './move-options.ts'

/** Keeps a batch small in any store: below what one may be at least. */
const BATCH_ROWS = 500
const BATCH_BYTES = 524_288
const ATTEMPTS = 6

interface Import extends ParsedMove {
  /** Of this import: a batch of another one no longer applies. */
  readonly marker: Uint8Array
}

interface Taken extends ExportTotals {
  /** The store's own row, which is written last. */
  readonly own: Uint8Array | undefined
}

/**
 * Writes what {@link exportStore} gave into a store that has nothing of the tenant, byte by byte. Until all of it
 * is there and is what was exported, nothing opens it; an import that was broken off is begun anew by the next
 * one. Opens the store and leaves it open. The hash finds accidents; forgery is found by `ledger.verify`.
 *
 * @throws {@link invalid_input} for wrong arguments, and for an export of another tenant
 * @throws {@link invalid_transition} when the store has rows of the tenant
 * @throws {@link unsupported_format} for what is no export, or one of a newer version
 * @throws {@link store_corrupt} for an export that was cut off or changed
 * @throws {@link write_conflict} when another import took over
 * @example
 * ```ts
 * import { exportStore, importStore } from 'privity'
 * import { memoryStore } from 'privity/memory'
 *
 * const copy = memoryStore()
 * const { rows } = await importStore(copy, exportStore(store, { tenant: 'acme' }), { tenant: 'acme' })
 * ```
 */
export async function importStore(
  store: Store,
  source: AsyncIterable<Uint8Array>,
  options: MoveOptions,
): Promise<ExportTotals> {
  const move = parseMove(store, options)
  if (typeof source !== 'object' || source === null || !(Symbol.asyncIterator in source))
    throw invalidInput(['source'], 'not_a_stream')
  const reader = createByteReader(source)
  try {
    return await read(move, reader)
  } finally {
    await reader.close().catch(() => undefined)
  }
}

async function read(move: ParsedMove, reader: ByteReader): Promise<ExportTotals> {
  move.signal?.throwIfAborted()
  // What is refused at once leaves no trace.
  const { tenantHash } = await readHeader(reader)
  if (tenantHash !== move.tenantHash) throw invalidInput(['tenant'], 'other_tenant')
  await move.store.open()
  const running: Import = { ...move, marker: newMarker() }
  await begin(running)
  const { rows, bytes, own } = await writeRows(running, reader)
  const totals = await readTotals(reader)
  const expected = reader.digest()
  const hash = await need(reader, HASH_LENGTH)
  const isRight = sameBytes(hash, expected) && totals.rows === rows && totals.bytes === bytes
  if (!isRight || own === undefined || (await reader.take(1)) !== undefined)
    throw damaged('changed')
  move.signal?.throwIfAborted()
  await finish(running, own)
  move.tell(rows, bytes)
  return totals
}

/** Takes the place of the store's own row, and removes what an import that was broken off left. */
async function begin(running: Import): Promise<void> {
  const { store, keyspace, marker } = running
  const [row] = await store.read([keyspace.store])
  if (row !== undefined && !isMarker(row)) throw notEmpty()
  const [first] = await store.scan(keyspace.prefix, { limit: 1 })
  if (row === undefined && first !== undefined) throw notEmpty()
  const checks = [[keyspace.store, row ?? null]] as const
  await send(running, { checks, put: [[keyspace.store, marker]], del: [] })
  for (;;) {
    const rows = await store.scan(keyspace.prefix, { limit: BATCH_ROWS })
    const left = rows.map(([key]) => key).filter((key) => key !== keyspace.store)
    if (left.length === 0) return
    await send(running, { ...held(running), del: left })
  }
}

async function writeRows(running: Import, reader: ByteReader): Promise<Taken> {
  const { keyspace, signal } = running
  const totals = { rows: 0, bytes: 0 }
  let own: Uint8Array | undefined
  let batch: Row[] = []
  let size = 0
  let last: Key = ''
  for (let row = await readRow(reader, keyspace.prefix); row !== undefined; ) {
    const [key, value] = row
    if (key <= last) throw damaged('changed')
    last = key
    totals.rows += 1
    totals.bytes += value.length
    if (batch.length === BATCH_ROWS || (batch.length > 0 && size + value.length > BATCH_BYTES)) {
      await flush(running, batch, totals)
      batch = []
      size = 0
      signal?.throwIfAborted()
    }
    if (key === keyspace.store) own = value
    else {
      batch.push(row)
      size += value.length
    }
    row = await readRow(reader, keyspace.prefix)
  }
  if (batch.length > 0) await flush(running, batch, totals)
  return { ...totals, own }
}

async function flush(running: Import, rows: readonly Row[], totals: ExportTotals): Promise<void> {
  const { checks, put } = held(running)
  await send(running, { checks, put: [...put, ...rows], del: [] })
  running.tell(totals.rows, totals.bytes)
}

/** Holds the marker against other imports. */
function held({ keyspace, marker }: Import): Pick<Batch, 'checks' | 'put'> {
  return { checks: [[keyspace.store, marker]], put: [[keyspace.store, marker]] }
}

async function finish(running: Import, own: Uint8Array): Promise<void> {
  const { keyspace, marker } = running
  await send(running, { checks: [[keyspace.store, marker]], put: [[keyspace.store, own]], del: [] })
}

/** Until it is known to be applied: every batch may come twice, for it writes the same again. */
async function send(running: Import, batch: Batch): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await running.store.commit(batch)
      return
    } catch (error) {
      if (isPrivityError(error, 'write_conflict') && (await isApplied(running, batch))) return
      const mayPass =
        isPrivityError(error, 'outcome_unknown') || isPrivityError(error, 'store_unavailable')
      if (!mayPass || attempt === ATTEMPTS) throw error
      await systemClock().wait(backoff(attempt), running.signal)
    }
  }
}

/** A batch that moved the store's own row on was applied when that row is there. */
async function isApplied({ store, keyspace }: Import, { put, checks }: Batch): Promise<boolean> {
  const wrote = put.find(([key]) => key === keyspace.store)?.[1]
  const [row] = await store.read([keyspace.store])
  const expected = checks[0]?.[1]
  const moves = wrote !== undefined && (expected == null || !sameBytes(wrote, expected))
  return moves && row !== undefined && sameBytes(row, wrote)
}

function notEmpty(): PrivityError<'invalid_transition'> {
  return new PrivityError('invalid_transition', {
    machine: 'import',
    from: 'not_empty',
    event: 'begin',
  })
}
