import { concatBytes, fromUtf8, utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { MAX_VALUE_BYTES } from '../storage/batch-rules.ts'
import type { Key, Row } from '../storage/store.ts'
import type { ByteReader } from './byte-reader.ts'

/**
 * An exported store, all integers big-endian: magic (8 bytes), version (u16), tenant hash (16 hexadecimal
 * digits), rows in ascending order of their keys, each as length of the key (u16), length of the value (u32),
 * key without the tenant's prefix, value; an empty key (u16 0), the number of rows and of bytes in their values
 * (u64 each), and the SHA-256 of everything before it.
 */
export interface ExportHeader {
  readonly version: number
  readonly tenantHash: string
}

/** What the rows of an export amount to. */
export interface ExportTotals {
  /** How many rows there are in the export. */
  readonly rows: number
  /** Of all values. */
  readonly bytes: number
}

/** The version that this library writes. */
const EXPORT_VERSION = 1
/** What an export ends in: the counts and the hash. */
const COUNTS_LENGTH = 16
export const HASH_LENGTH = 32

/** As PNG has it: a transfer that strips the eighth bit or converts line ends breaks it. */
const MAGIC = Uint8Array.of(0x89, 0x50, 0x56, 0x59, 0x0d, 0x0a, 0x1a, 0x0a)
const TENANT_LENGTH = 16
const MAX_KEY = 256
const TENANT = /^[0-9a-f]{16}$/
const KEY = /^[\x21-\x7e]+$/

export function encodeHeader(tenantHash: string): Uint8Array {
  return concatBytes([MAGIC, u16(EXPORT_VERSION), utf8(tenantHash)])
}

/** @throws {@link unsupported_format} for what is no export, or one of a newer version */
export async function readHeader(reader: ByteReader): Promise<ExportHeader> {
  const magic = await reader.take(MAGIC.length)
  if (magic === undefined || !MAGIC.every((byte, at) => magic[at] === byte)) throw unsupported(0)
  const version = viewOf(await need(reader, 2)).getUint16(0)
  if (version !== EXPORT_VERSION) throw unsupported(version)
  const tenantHash = fromUtf8(await need(reader, TENANT_LENGTH)) ?? ''
  if (!TENANT.test(tenantHash)) throw damaged('changed')
  return { version, tenantHash }
}

/** The key is written without the prefix of the tenant. */
export function encodeRow(prefix: Key, [key, value]: Row): Uint8Array {
  const name = utf8(key.slice(prefix.length))
  return concatBytes([u16(name.length), u32(value.length), name, value])
}

/** The next row; undefined where the rows end. */
export async function readRow(reader: ByteReader, prefix: Key): Promise<Row | undefined> {
  const keyLength = viewOf(await need(reader, 2)).getUint16(0)
  if (keyLength === 0) return undefined
  const valueLength = viewOf(await need(reader, 4)).getUint32(0)
  // Before anything so long is waited for.
  if (keyLength + prefix.length > MAX_KEY || valueLength > MAX_VALUE_BYTES) throw damaged('changed')
  const key = fromUtf8(await need(reader, keyLength)) ?? ''
  if (!KEY.test(key)) throw damaged('changed')
  return [prefix + key, new Uint8Array(await need(reader, valueLength))]
}

/** The mark that rows end, and what they amount to. */
export function encodeTotals({ rows, bytes }: ExportTotals): Uint8Array {
  const counts = new Uint8Array(2 + COUNTS_LENGTH)
  const view = viewOf(counts)
  view.setBigUint64(2, BigInt(rows))
  view.setBigUint64(2 + COUNTS_LENGTH / 2, BigInt(bytes))
  return counts
}

export async function readTotals(reader: ByteReader): Promise<ExportTotals> {
  const view = viewOf(await need(reader, COUNTS_LENGTH))
  return {
    rows: Number(view.getBigUint64(0)),
    bytes: Number(view.getBigUint64(COUNTS_LENGTH / 2)),
  }
}

/** So many bytes, or the export ends too early. */
export async function need(reader: ByteReader, length: number): Promise<Uint8Array> {
  const bytes = await reader.take(length)
  if (bytes === undefined) throw damaged('truncated')
  return bytes
}

/** What is read is not what was written. */
export function damaged(how: 'truncated' | 'changed'): PrivityError<'store_corrupt'> {
  return new PrivityError('store_corrupt', { reason: `export_${how}` })
}

function unsupported(version: number): PrivityError<'unsupported_format'> {
  return new PrivityError('unsupported_format', { what: 'export', version })
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value)
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >> 24, value >> 16, value >> 8, value)
}
