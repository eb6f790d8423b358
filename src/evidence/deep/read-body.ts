import { fromUtf8 } from '../../base/bytes.ts'
import type { JsonObject } from '../../base/canonical.ts'
import { commitmentOf, splitBody } from '../../ledger/entry.ts'

/** What the body of an entry says. */
export interface ReadBody {
  readonly index: number
  readonly sequence: number
  readonly event: JsonObject
  /** Digest of the document before; null for the first of a person, and for what is about none. */
  readonly replaces: string | null
  /**
   * Name and digest of every row that was put, and null for those that were deleted; where the entry looked at it, also
   * what the row was before: null where there was none.
   */
  readonly rows: readonly (readonly [name: string, digest: string | null, before?: string | null])[]
  /** What its leaf says of it. */
  readonly commitment: Uint8Array
}

/** Reads an opened body; undefined when it is of no version that is known here. */
export function readBody(plaintext: Uint8Array): ReadBody | undefined {
  const { secret, body } = splitBody(plaintext)
  // Authenticated bytes of this library: parsed without a schema.
  const { v, index, sequence, event, replaces, rows } = JSON.parse(fromUtf8(body) ?? '{}')
  if (v !== 1) return undefined
  return {
    index,
    sequence,
    event,
    replaces,
    rows,
    commitment: commitmentOf(secret, body),
  }
}
