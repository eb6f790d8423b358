import { fromHex, lengthPrefixed, utf8 } from '../base/bytes.ts'
import { unwrapBytes, wrapBytes } from '../crypto/wrap.ts'

/**
 * A person's keys, wrapped, one per access class: version byte, count (u16), then entries of fixed length.
 * It is clear by design: what it holds opens only under the key of its epoch and class.
 */
export interface RingEntry {
  readonly accessClass: number
  readonly generation: number
  readonly epoch: number
  readonly keyId: Uint8Array
  readonly wrapped: Uint8Array
}

/** Who a wrapped key belongs to: filed under another person it does not unwrap. */
export interface RingOwner {
  readonly storeId: string
  readonly personId: string
}

/** The keys of one class, the newest last. */
export function keysOfClass(ring: readonly RingEntry[], accessClass: number): readonly RingEntry[] {
  return ring
    .filter((entry) => entry.accessClass === accessClass)
    .sort((a, b) => a.generation - b.generation)
}

const VERSION = 1
const HEADER = 3
const KEY_ID_LENGTH = 8
/** Nonce, key and tag of XChaCha20-Poly1305. */
const WRAPPED_LENGTH = 24 + 32 + 16
/** Class, generation, epoch. */
const NUMBERS = 2 + 4 + 4
const ENTRY = NUMBERS + KEY_ID_LENGTH + WRAPPED_LENGTH
const LABEL = utf8('privity/ring/v1')

/** The bytes of a key ring. */
export function encodeRing(entries: readonly RingEntry[]): Uint8Array {
  const bytes = new Uint8Array(HEADER + entries.length * ENTRY)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, VERSION)
  view.setUint16(1, entries.length)
  entries.forEach(({ accessClass, generation, epoch, keyId, wrapped }, index) => {
    const start = HEADER + index * ENTRY
    view.setUint16(start, accessClass)
    view.setUint32(start + 2, generation)
    view.setUint32(start + 6, epoch)
    bytes.set(keyId, start + NUMBERS)
    bytes.set(wrapped, start + NUMBERS + KEY_ID_LENGTH)
  })
  return bytes
}

/** Reads a key ring; undefined unless every byte is accounted for. */
export function decodeRing(bytes: Uint8Array): readonly RingEntry[] | undefined {
  if (bytes.length < HEADER || bytes[0] !== VERSION) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint16(1)
  if (bytes.length !== HEADER + count * ENTRY) return undefined
  const entries: RingEntry[] = []
  for (let start = HEADER; start < bytes.length; start += ENTRY) {
    entries.push({
      accessClass: view.getUint16(start),
      generation: view.getUint32(start + 2),
      epoch: view.getUint32(start + 6),
      keyId: bytes.subarray(start + NUMBERS, start + NUMBERS + KEY_ID_LENGTH),
      wrapped: bytes.subarray(start + NUMBERS + KEY_ID_LENGTH, start + ENTRY),
    })
  }
  return entries
}

/** Wraps a person's key under the key of its epoch and class. */
export function wrapPersonKey(
  key: Uint8Array,
  kek: Uint8Array,
  slot: RingOwner & Omit<RingEntry, 'wrapped'>,
): RingEntry {
  const { accessClass, generation, epoch, keyId } = slot
  return {
    accessClass,
    generation,
    epoch,
    keyId,
    wrapped: wrapBytes(kek, key, associatedData(slot)),
  }
}

/** The person's key; undefined when the entry was changed or moved. */
export function unwrapPersonKey(
  kek: Uint8Array,
  entry: RingEntry & RingOwner,
): Uint8Array | undefined {
  return unwrapBytes(kek, entry.wrapped, associatedData(entry))
}

function associatedData(slot: RingOwner & Omit<RingEntry, 'wrapped'>): Uint8Array {
  const owner = [slot.storeId, slot.personId].map((id) => fromHex(id) ?? new Uint8Array(0))
  return lengthPrefixed([LABEL, ...owner, numbers(slot), slot.keyId])
}

function numbers({
  accessClass,
  generation,
  epoch,
}: Pick<RingEntry, 'accessClass' | 'generation' | 'epoch'>): Uint8Array {
  const bytes = new Uint8Array(NUMBERS)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, accessClass)
  view.setUint32(2, generation)
  view.setUint32(6, epoch)
  return bytes
}
