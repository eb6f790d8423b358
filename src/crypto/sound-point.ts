const P = 2n ** 255n - 19n
/** The y of the points of order 8. */
const Y8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n
/** The y of every point of small order: with those as keys, signatures fit many messages, or all. */
const SMALL_ORDER: readonly bigint[] = [0n, 1n, P - 1n, Y8, P - Y8]
const SIGN = 2n ** 255n

/**
 * Tells whether the encoding of a point of Ed25519 means the same everywhere. RFC 8032 leaves it to
 * implementations whether points of small order and numbers not below the prime are refused, and the
 * runtimes differ; no honest signer makes either.
 */
export function isSoundPoint(bytes: Uint8Array): boolean {
  let encoded = 0n
  for (let at = bytes.length - 1; at >= 0; at -= 1)
    encoded = (encoded << 8n) | BigInt(bytes[at] ?? 0)
  const y = encoded % SIGN
  return y < P && !SMALL_ORDER.includes(y)
}
