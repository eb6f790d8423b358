// One call of the platform's generator fills no more than this.
const QUOTA = 65_536

/** Fresh random bytes from the platform's cryptographic generator. */
export function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let start = 0; start < length; start += QUOTA) {
    crypto.getRandomValues(bytes.subarray(start, start + QUOTA))
  }
  return bytes
}
