import { concatBytes, utf8 } from '../base/bytes.ts'

/** A signature over a checkpoint and the time at which it was seen (c2sp.org/tlog-cosignature). */
export interface Cosignature {
  /** Whole seconds since the epoch. */
  readonly seconds: number
  /** 64 bytes. */
  readonly signature: Uint8Array
}

const TIME_BYTES = 8
const SIGNATURE_BYTES = 64
/** The last second of the year 9999; the format goes on to 2^63 - 1, but an instant cannot. */
const MAX_SECONDS = 253_402_300_799

/** What a cosigner signs: a header of its own, so that it is never the signature of a log. */
export function cosignedMessage(text: string, seconds: number): Uint8Array {
  return utf8(`cosignature/v1\ntime ${seconds}\n${text}`)
}

/** The time as 8 bytes, the highest first, then the signature. */
export function encodeCosignature({ seconds, signature }: Cosignature): Uint8Array {
  const time = new Uint8Array(TIME_BYTES)
  new DataView(time.buffer).setBigUint64(0, BigInt(seconds))
  return concatBytes([time, signature])
}

/** Undefined unless it is 72 bytes and its time is before the year 10,000. */
export function decodeCosignature(bytes: Uint8Array): Cosignature | undefined {
  if (bytes.length !== TIME_BYTES + SIGNATURE_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const seconds = view.getBigUint64(0)
  if (seconds > MAX_SECONDS) return undefined
  return { seconds: Number(seconds), signature: bytes.slice(TIME_BYTES) }
}
