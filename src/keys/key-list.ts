import { sameBytes } from '../base/bytes.ts'
import type { RingEntry } from './key-ring.ts'

/**
 * Which keys a person's document counts on, where the keys themselves are in a store of their own: version byte,
 * count (u16), then class (u16) and key id of each. What is wrapped there and not listed here is nobody's.
 */
export type KeyName = Pick<RingEntry, 'accessClass' | 'keyId'>

const VERSION = 1
const HEADER = 3
const KEY_ID_LENGTH = 8
const ENTRY = 2 + KEY_ID_LENGTH

/** The bytes of a list. */
export function encodeKeyList(names: readonly KeyName[]): Uint8Array {
  const bytes = new Uint8Array(HEADER + names.length * ENTRY)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, VERSION)
  view.setUint16(1, names.length)
  names.forEach(({ accessClass, keyId }, index) => {
    const start = HEADER + index * ENTRY
    view.setUint16(start, accessClass)
    bytes.set(keyId, start + 2)
  })
  return bytes
}

/** Reads a list; undefined unless every byte is accounted for. */
export function decodeKeyList(bytes: Uint8Array): readonly KeyName[] | undefined {
  if (bytes.length < HEADER || bytes[0] !== VERSION) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint16(1)
  if (bytes.length !== HEADER + count * ENTRY) return undefined
  return Array.from({ length: count }, (_, index) => {
    const start = HEADER + index * ENTRY
    return {
      accessClass: view.getUint16(start),
      keyId: bytes.subarray(start + 2, start + ENTRY),
    }
  })
}

/** Whether two names are of one key. */
export function isSameKey(a: KeyName, b: KeyName): boolean {
  return a.accessClass === b.accessClass && sameBytes(a.keyId, b.keyId)
}
