import { toBase64url, toHex, utf8 } from '../base/bytes.ts'
import { canonicalBytes } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { sha256 } from '../crypto/hash.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Key } from '../storage/store.ts'

/** Every version of one notice, oldest first. */
export interface NoticeBook {
  readonly id: string
  readonly versions: readonly NoticeVersion[]
}

/** One published version. */
export interface NoticeVersion {
  readonly version: string
  /** Commits to id, version and the exact text in every language. */
  readonly hash: string
  readonly change: 'material' | 'editorial'
  /** Milliseconds since the epoch. */
  readonly at: number
  /** SHA-256 of the text by language. */
  readonly texts: { readonly [language: string]: string }
}

/** Newest material version of every notice, by id: the one row that tells whether a consent is stale. */
export interface NoticeRegister {
  readonly material: { readonly [id: string]: number }
  /** How many versions there are: a book that has others was set back. */
  readonly versions: { readonly [id: string]: number }
}

/** Before the first. */
export const NO_NOTICES: NoticeRegister = { material: {}, versions: {} }

/** Where the rows of notices are and what seals them. */
export interface NoticeRows {
  readonly keyspace: Keyspace
  readonly controller: ControllerKey
}

/** The row of a notice; its key does not show the id. */
export function bookKey({ keyspace }: NoticeRows, id: string): Key {
  return keyspace.notice(toHex(sha256(utf8(`privity/notice/v1/${id}`)).subarray(0, 16)))
}

/** Content address of a version. */
export function noticeHash(
  id: string,
  version: string,
  texts: { readonly [language: string]: string },
): string {
  return `sha256:${toBase64url(sha256(canonicalBytes({ id, version, texts })))}`
}

/** Content address of one text. */
export function textHash(text: string): string {
  return toBase64url(sha256(utf8(text)))
}

/** Seals the versions of a notice. */
export function sealBook(rows: NoticeRows, book: NoticeBook): Uint8Array {
  return rows.controller.seal(bookKey(rows, book.id), canonicalBytes({ v: 1, ...book }))
}

/** @throws {@link decryption_failed} when the row was changed */
export function openBook(rows: NoticeRows, id: string, sealed: Uint8Array | undefined): NoticeBook {
  if (sealed === undefined) return { id, versions: [] }
  return open<NoticeBook>(rows, bookKey(rows, id), sealed)
}

/** Seals the register. */
export function sealRegister(
  { keyspace, controller }: NoticeRows,
  register: NoticeRegister,
): Uint8Array {
  return controller.seal(keyspace.noticeRegister, canonicalBytes({ v: 1, ...register }))
}

/** @throws {@link decryption_failed} when the row was changed · @throws {@link store_corrupt} when it is gone */
export function openRegister(rows: NoticeRows, sealed: Uint8Array | undefined): NoticeRegister {
  // It is there from the first commit on.
  if (sealed === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  return open<NoticeRegister>(rows, rows.keyspace.noticeRegister, sealed)
}

/** A batch hands out a row once: a hundred decisions on one notice open it once. */
const opened = new WeakMap<Uint8Array, { readonly key: Key; readonly json: unknown }>()

function open<T>(rows: NoticeRows, key: Key, sealed: Uint8Array): T {
  const known = opened.get(sealed)
  if (known?.key === key) return known.json as T
  const json = decode<T>(rows, key, sealed)
  opened.set(sealed, { key, json })
  return json
}

function decode<T>({ controller }: NoticeRows, key: Key, sealed: Uint8Array): T {
  const json = parseCanonical(controller.open(key, sealed)) as
    | ({ readonly v: number } & T)
    | undefined
  if (json?.v !== 1)
    throw new PrivityError('unsupported_format', { what: 'notice', version: json?.v ?? 0 })
  return json
}
