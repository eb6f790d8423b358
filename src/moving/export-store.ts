import { concatBytes, sameBytes } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { createRunningHash, type RunningHash } from '../crypto/running-hash.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Row, Store } from '../storage/store.ts'
import { encodeHeader, encodeRow, encodeTotals } from './format.ts'
import { isMarker } from './marker.ts'
import { type MoveOptions, type ParsedMove, parseMove } from './move-options.ts'

/** Rows of a page: 64 MiB if each is as large as a row may be. */
const PAGE = 128
/** Bytes after which what was gathered is handed out. */
const CHUNK = 65_536

/**
 * Everything that a store holds of one tenant, byte by byte as it is, sealed, for {@link importStore} into any
 * other store: as of one moment, or not at all. Opens the store and leaves it open. Whoever has the
 * stream has a copy of the database: it is worth as much protection.
 *
 * @throws {@link invalid_input} for wrong arguments
 * @throws {@link not_found} when nothing of the tenant is there
 * @throws {@link write_conflict} when rows changed meanwhile: the stream is not finished, and cannot be imported
 * @throws {@link unsupported_format} for a store whose own import was never finished
 * @example
 * ```ts
 * import { exportStore, importStore } from 'privity'
 * import { memoryStore } from 'privity/memory'
 *
 * const target = memoryStore()
 * await importStore(target, exportStore(store, { tenant: 'acme' }), { tenant: 'acme' })
 * ```
 */
export function exportStore(store: Store, options: MoveOptions): AsyncIterable<Uint8Array> {
  return write(parseMove(store, options))
}

async function* write(move: ParsedMove): AsyncGenerator<Uint8Array> {
  const { store, keyspace, signal } = move
  signal?.throwIfAborted()
  await store.open()
  await assertWhole(move)
  const hash = createRunningHash()
  const seen = createRunningHash()
  let [rows, bytes] = [0, 0]
  let parts: Uint8Array[] = [encodeHeader(move.tenantHash)]
  let held = 0
  for await (const row of rowsOf(move)) {
    const encoded = encodeRow(keyspace.prefix, row)
    seen.update(encoded)
    parts.push(encoded)
    held += encoded.length
    rows += 1
    bytes += row[1].length
    if (held < CHUNK) continue
    yield hashed(hash, parts)
    parts = []
    held = 0
    move.tell(rows, bytes)
  }
  parts.push(encodeTotals({ rows, bytes }))
  yield hashed(hash, parts)
  await assertUnchanged(move, seen.digest())
  yield hash.digest()
  move.tell(rows, bytes)
}

function hashed(hash: RunningHash, parts: readonly Uint8Array[]): Uint8Array {
  const chunk = concatBytes(parts)
  hash.update(chunk)
  return chunk
}

/** Aborts between pages. */
async function* rowsOf({ store, keyspace, signal }: ParsedMove): AsyncGenerator<Row> {
  let count = 0
  for await (const row of scanRows(store, keyspace.prefix, { page: PAGE })) {
    if (count % PAGE === 0) signal?.throwIfAborted()
    count += 1
    yield row
  }
}

async function assertWhole({ store, keyspace }: ParsedMove): Promise<void> {
  const [row] = await store.read([keyspace.store])
  if (row === undefined) throw new PrivityError('not_found', { kind: 'store' })
  if (isMarker(row)) throw new PrivityError('unsupported_format', { what: 'store', version: 0 })
}

/**
 * Pages are moments of their own. A row that is the same when all are read again was so at the moment between the
 * two readings, and that is the moment of the export.
 */
async function assertUnchanged(move: ParsedMove, first: Uint8Array): Promise<void> {
  const again = createRunningHash()
  for await (const row of rowsOf(move)) again.update(encodeRow(move.keyspace.prefix, row))
  if (!sameBytes(again.digest(), first)) throw new PrivityError('write_conflict', { attempts: 1 })
}
