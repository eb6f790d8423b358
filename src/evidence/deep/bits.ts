/** A set of whole numbers below a size, at one bit each. */
export interface Bits {
  /** What is not below the size is passed over. */
  add(index: number): void
  has(index: number): boolean
  /** How many are in it. */
  readonly count: number
}

/** An empty set. */
export function createBits(size: number): Bits {
  const bytes = new Uint8Array(Math.ceil(size / 8))
  let count = 0
  function has(index: number): boolean {
    return ((bytes[Math.floor(index / 8)] ?? 0) & (1 << (index % 8))) !== 0
  }
  return {
    has,
    add: (index) => {
      if (index >= size || has(index)) return
      const at = Math.floor(index / 8)
      bytes[at] = (bytes[at] ?? 0) | (1 << (index % 8))
      count += 1
    },
    get count() {
      return count
    },
  }
}
