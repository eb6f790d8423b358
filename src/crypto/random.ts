// One call of the platform's generator fills no more than this.
const QUOTA = 65_536
const POOL_BYTES = 1_024
/** Longer ones are rare, and asked for alone. */
const LONGEST_POOLED = 64

/** Random bytes to come; what was handed out, and everything between two turns, is zeros. */
const pool = /* @__PURE__ */ new Uint8Array(POOL_BYTES)
let used = POOL_BYTES
let asked = 0

/**
 * Fresh random bytes from the platform's cryptographic generator. Asking it costs several microseconds however
 * little one asks for, and a batch needs hundreds of nonces: after the first of a turn they come from a pool,
 * which is overwritten as it is used and is empty before anything else runs.
 */
export function randomBytes(length: number): Uint8Array {
  if (length > LONGEST_POOLED || isFirstOfTurn()) return ask(length)
  if (used + length > POOL_BYTES) refill()
  const taken = pool.slice(used, used + length)
  pool.fill(0, used, used + length)
  used += length
  return taken
}

function refill(): void {
  crypto.getRandomValues(pool)
  used = 0
}

function isFirstOfTurn(): boolean {
  asked += 1
  if (asked > 1) return false
  queueMicrotask(forget)
  return true
}

function forget(): void {
  pool.fill(0)
  used = POOL_BYTES
  asked = 0
}

function ask(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let start = 0; start < length; start += QUOTA) {
    crypto.getRandomValues(bytes.subarray(start, start + QUOTA))
  }
  return bytes
}
