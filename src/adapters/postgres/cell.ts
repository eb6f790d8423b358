import { fromHex } from '../../base/bytes.ts'
import { PrivityError } from '../../base/errors.ts'

/** A value as the server sent it, in the text format. */
export type Cell = string | null

const OCTAL = /\\(?:\\|([0-3][0-7]{2}))/g

/** The text in a cell; empty for NULL. */
export function textOf(cell: unknown): string {
  return typeof cell === 'string' ? cell : ''
}

/** The bytes in a cell, as an array that nobody else holds. */
export function bytesOf(cell: unknown): Uint8Array {
  if (typeof cell !== 'string') throw new PrivityError('store_corrupt', { reason: 'schema' })
  return cell.startsWith('\\x') ? hexadecimal(cell.slice(2)) : escaped(cell)
}

function hexadecimal(digits: string): Uint8Array {
  // A small Buffer is a view of a pool, so it is copied.
  const bytes =
    typeof Buffer === 'function' ? new Uint8Array(Buffer.from(digits, 'hex')) : fromHex(digits)
  if (bytes?.length === digits.length / 2) return bytes
  throw new PrivityError('store_corrupt', { reason: 'schema' })
}

/** What a server sends when its `bytea_output` is `escape`. */
function escaped(text: string): Uint8Array {
  const plain = text.replace(OCTAL, (_, digits?: string) =>
    digits === undefined ? '\\' : String.fromCharCode(Number.parseInt(digits, 8)),
  )
  return Uint8Array.from(plain, (character) => character.charCodeAt(0))
}
