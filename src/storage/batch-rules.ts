import { invalidInput } from '../base/errors.ts'
import type { Batch, Key, ScanOptions, StoreLimits } from './store.ts'

/** Longest value, in bytes. */
export const MAX_VALUE_BYTES = 524_288
/** Most keys of one read. */
export const MAX_READ_KEYS = 10_000
/** Most rows of one page. */
export const MAX_SCAN_ROWS = 10_000

// Printable ASCII sorts alike as bytes, as UTF-16 and under the C collation; nothing else does.
const KEY = /^[\x21-\x7e]{1,256}$/
const PREFIX = /^[\x21-\x7e]{0,256}$/

/**
 * Refuses a batch that breaks a rule of the contract, before it has any effect.
 *
 * @throws {@link invalid_input} with the place and the rule, never the key or value.
 */
export function assertBatch({ checks, put, del }: Batch, limits: StoreLimits): void {
  if (put.length + del.length > limits.maxOps) throw invalidInput([], 'too_many_ops')
  const written = new Set<Key>()
  let bytes = 0
  for (const [key, value] of put) {
    const fault = faultOfWrite(key, written) ?? faultOfValue(value)
    if (fault !== undefined) throw invalidInput(['put', written.size], fault)
    written.add(key)
    bytes += value.length
  }
  if (bytes > limits.maxBytes) throw invalidInput(['put'], 'too_many_bytes')
  for (const key of del) {
    const fault = faultOfWrite(key, written)
    if (fault !== undefined) throw invalidInput(['del', written.size - put.length], fault)
    written.add(key)
  }
  assertChecks(checks, written)
}

/**
 * Refuses keys that break a rule, or too many of them.
 *
 * @throws {@link invalid_input} with the place and the rule, never the key.
 */
export function assertKeys(keys: readonly Key[]): void {
  if (keys.length > MAX_READ_KEYS) throw invalidInput([], 'too_many_keys')
  for (let index = 0; index < keys.length; index += 1) {
    if (!isKey(keys[index])) throw invalidInput([index], 'key')
  }
}

/**
 * Refuses a page whose prefix, start or size breaks a rule.
 *
 * @throws {@link invalid_input} with the place and the rule, never the key.
 */
export function assertScan(prefix: Key, { after, limit }: ScanOptions): void {
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) throw invalidInput(['prefix'], 'prefix')
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_SCAN_ROWS) {
    throw invalidInput(['limit'], 'out_of_range')
  }
  if (after === undefined) return
  if (!isKey(after)) throw invalidInput(['after'], 'key')
  if (!after.startsWith(prefix)) throw invalidInput(['after'], 'outside_prefix')
}

function assertChecks(checks: Batch['checks'], written: ReadonlySet<Key>): void {
  const seen = new Set<Key>()
  for (const [key, value] of checks) {
    const fault =
      faultOfCheck(key, seen, written) ?? (value === null ? undefined : faultOfValue(value))
    if (fault !== undefined) throw invalidInput(['checks', seen.size], fault)
    seen.add(key)
  }
}

function faultOfCheck(
  key: Key,
  seen: ReadonlySet<Key>,
  written: ReadonlySet<Key>,
): string | undefined {
  return faultOfWrite(key, seen) ?? (written.has(key) ? undefined : 'not_written')
}

function faultOfWrite(key: Key, earlier: ReadonlySet<Key>): string | undefined {
  if (!isKey(key)) return 'key'
  return earlier.has(key) ? 'repeated' : undefined
}

function faultOfValue(value: Uint8Array): string | undefined {
  if (!(value instanceof Uint8Array)) return 'not_bytes'
  return value.length > MAX_VALUE_BYTES ? 'too_long' : undefined
}

function isKey(key: unknown): key is Key {
  return typeof key === 'string' && KEY.test(key)
}
