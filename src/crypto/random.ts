// One call of the platform's generator fills no more than this.
const QUOTA = 65_536
const POOL_BYTES = 1_024
/** Longer ones are rare, and asked for alone. */
const LONGEST_POOLED = 64

interface Pool {
  readonly bytes: Uint8Array
  readonly used: number
}

let pool: Pool | undefined
let asked = 0

/**
 * Fresh random bytes from the platform's cryptographic generator. Asking it costs several microseconds however
 * little one asks for, and a batch needs hundreds of nonces: after the first of a turn they come from a pool,
 * which is overwritten as it is used and is gone before anything else runs.
 */
export function randomBytes(length: number): Uint8Array {
  if (length > LONGEST_POOLED || isFirstOfTurn()) return ask(length)
  const { bytes, used } = poolFor(length)
  const taken = bytes.slice(used, used + length)
  bytes.fill(0, used, used + length)
  pool = { bytes, used: used + length }
  return taken
}

function poolFor(length: number): Pool {
  if (pool !== undefined && pool.used + length <= POOL_BYTES) return pool
  pool?.bytes.fill(0)
  return { bytes: ask(POOL_BYTES), used: 0 }
}

function isFirstOfTurn(): boolean {
  asked += 1
  if (asked > 1) return false
  queueMicrotask(forget)
  return true
}

function forget(): void {
  pool?.bytes.fill(0)
  pool = undefined
  asked = 0
}

function ask(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let start = 0; start < length; start += QUOTA) {
    crypto.getRandomValues(bytes.subarray(start, start + QUOTA))
  }
  return bytes
}
