import { fromUtf8 } from './bytes.ts'
import type { JsonValue } from './canonical.ts'
import { ownJson } from './own-json.ts'

/** Reads canonical JSON (RFC 8785); `undefined` unless writing the value again gives the same bytes. */
export function parseCanonical(bytes: Uint8Array): JsonValue | undefined {
  const text = fromUtf8(bytes)
  if (text === undefined) return undefined
  try {
    const value: JsonValue = JSON.parse(text)
    return ownJson(value) === text ? value : undefined
  } catch {
    return undefined
  }
}
