import { concatBytes } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import type { PersonKeys } from './person-keys.ts'

/** Which key of its own a row holds, and the class that it is wrapped for. */
export interface StoredKeySlot {
  readonly accessClass: number
  /** Bound to the wrapped key: filed as another one it does not unwrap. */
  readonly label: string
}

const EPOCH_BYTES = 4

/** The row of a key that belongs to a class as a whole: its epoch (u32), then the wrapped key. */
export function encodeStoredKey(
  keys: Pick<PersonKeys, 'epoch' | 'wrap'>,
  { accessClass, label }: StoredKeySlot,
  key: Uint8Array,
): Uint8Array {
  const epoch = new Uint8Array(EPOCH_BYTES)
  new DataView(epoch.buffer).setUint32(0, keys.epoch)
  return concatBytes([epoch, keys.wrap({ epoch: keys.epoch, accessClass }, label, key)])
}

/**
 * The key of a row.
 *
 * @throws {@link key_unavailable} · @throws {@link key_unreadable}
 * @throws {@link unsupported_format} for a row that is too short to have an epoch
 */
export function decodeStoredKey(
  keys: Pick<PersonKeys, 'unwrap'>,
  { accessClass, label }: StoredKeySlot,
  row: Uint8Array,
): Uint8Array {
  return keys.unwrap({ epoch: epochOf(row), accessClass }, label, row.subarray(EPOCH_BYTES))
}

/**
 * Epoch that the key of a row is wrapped under.
 *
 * @throws {@link unsupported_format} for a row that is too short to have one
 */
export function epochOf(row: Uint8Array): number {
  if (row.length < EPOCH_BYTES)
    throw new PrivityError('unsupported_format', { what: 'stored key', version: 0 })
  return new DataView(row.buffer, row.byteOffset, row.byteLength).getUint32(0)
}
