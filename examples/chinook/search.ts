import { existsSync, readFileSync } from 'node:fs'
import type { Customer } from './data.ts'

/** The files that are there, as bytes. */
export function readFiles(paths: readonly string[]): readonly Buffer[] {
  return paths.filter((path) => existsSync(path)).map((path) => readFileSync(path))
}

/** How often the texts stand in the files, in any spelling that a search by hand would try. */
export function countHits(files: readonly Buffer[], texts: readonly string[]): number {
  const needles = texts.flatMap(spellings)
  return files
    .flatMap((file) => needles.map((needle) => occurrences(file, needle)))
    .reduce((sum, count) => sum + count, 0)
}

/** What would give a customer away: short names stand in random bytes by chance, and are left out. */
export function tracesOf({ contact }: Customer): readonly string[] {
  const { email, firstName, lastName, phone = '', address } = contact
  const digits = phone.replace(/\D/g, '')
  return [email, firstName, lastName, phone, digits, address].filter((text) => text.length > 5)
}

/** UTF-8, UTF-16, hexadecimal and base64 of a text. */
function spellings(text: string): readonly Buffer[] {
  const bytes = Buffer.from(text, 'utf8')
  const hex = bytes.toString('hex')
  const written = new Set([
    hex,
    hex.toUpperCase(),
    ...[0, 1, 2].flatMap((at) => base64At(bytes, at)),
  ])
  return [
    bytes,
    Buffer.from(text, 'utf16le'),
    ...[...written].map((it) => Buffer.from(it, 'latin1')),
  ]
}

/** Base64 of bytes that begin at this place of a group of three; only what they alone decide. */
function base64At(bytes: Buffer, at: number): readonly string[] {
  const padded = Buffer.concat([Buffer.alloc(at), bytes])
  const first = Math.ceil((at * 8) / 6)
  const last = Math.floor((padded.length * 8) / 6)
  return (['base64', 'base64url'] as const).map((kind) => padded.toString(kind).slice(first, last))
}

function occurrences(file: Buffer, needle: Buffer): number {
  let count = 0
  for (let at = file.indexOf(needle); at >= 0; at = file.indexOf(needle, at + 1)) count += 1
  return count
}
