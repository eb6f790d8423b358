/** A plain view of bytes that a platform call returned, for example of a Buffer; no copy. */
export function fromPlatform(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Bytes as WebCrypto takes them. It refuses shared memory, which another thread could change
 * between check and use, so only that is copied.
 */
export function toPlatform(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return isUnshared(bytes) ? bytes : bytes.slice()
}

function isUnshared(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
}
