import { canonicalBytes } from '../base/canonical.ts'
import { invalidInput } from '../base/errors.ts'
import type { StoredFields } from './compiled.ts'

// In bytes of canonical JSON; a row of a store holds twice that.
const MAX_RECORD_BYTES = 262_144

/**
 * Refuses a record that is too big to store, for example after changes were merged into it; `kept` is
 * what the record holds beside these fields, in bytes.
 *
 * @throws {@link invalid_input} with `too_big`.
 */
export function assertRecordSize(fields: StoredFields, kept = 0): void {
  // Never more than three bytes per unit; most records are far below, and this is cheaper.
  if (kept + JSON.stringify(fields).length * 3 <= MAX_RECORD_BYTES) return
  if (kept + canonicalBytes(fields).length > MAX_RECORD_BYTES) throw invalidInput([], 'too_big')
}
