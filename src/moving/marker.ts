import { canonicalBytes } from '../base/canonical.ts'
import { randomId } from '../base/id.ts'
import { parseCanonical } from '../base/parse-canonical.ts'

/**
 * What stands in place of the store's own row until everything else is there. No version of a store is 0, so
 * nothing opens it, and nothing takes it for an empty one and makes a new store on top.
 */
export function newMarker(): Uint8Array {
  return canonicalBytes({ v: 0, importing: randomId() })
}

/** Tells whether a store's own row says that an import is not finished. */
export function isMarker(row: Uint8Array): boolean {
  const json = parseCanonical(row)
  return typeof json === 'object' && json !== null && 'importing' in json && json['v'] === 0
}
