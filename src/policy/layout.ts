import { toHex } from '../base/bytes.ts'
import { canonicalBytes } from '../base/canonical.ts'
import { sha256 } from '../crypto/hash.ts'
import type { Layout } from './compiled.ts'

const ID_BYTES = 8

/** The layout of a record type; its id depends on its content only. */
export function layoutOf(
  record: string,
  fields: readonly { readonly id: string; readonly classKey: string }[],
): Layout {
  const classes = Object.freeze(Object.fromEntries(fields.map((it) => [it.id, it.classKey])))
  const digest = sha256(canonicalBytes({ record, classes }))
  return Object.freeze({ id: toHex(digest.subarray(0, ID_BYTES)), record, classes })
}
