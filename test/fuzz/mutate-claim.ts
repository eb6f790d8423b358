import fc from 'fast-check'

/** What both kinds of claims have: numbers, hashes that are trusted, hashes that prove. */
export interface Claim {
  readonly numbers: readonly bigint[]
  readonly trusted: readonly Uint8Array[]
  readonly proof: readonly Uint8Array[]
}

/** One change of a claim. */
export type ClaimChange = (claim: Claim) => Claim

type NumberEdit = (number: bigint) => bigint
type HashEdit = (hash: Uint8Array) => Uint8Array
type ListEdit = (list: readonly Uint8Array[], at: number) => readonly Uint8Array[]

const HUGE = [2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n, 10n ** 400n]
const NOTHING = new Uint8Array(0)

const place = fc.nat({ max: 1_000 })

/** A few changes on top of each other; hashes come from the pool, so that many of them are real. */
export function claimChanges(pool: readonly Uint8Array[]): fc.Arbitrary<readonly ClaimChange[]> {
  const one = fc.oneof(
    fc
      .tuple(place, numberEdit())
      .map(([at, to]) => on('numbers', (numbers) => edit(numbers, at, to))),
    fc
      .tuple(place, hashEdit(pool))
      .map(([at, to]) => on('trusted', (hashes) => edit(hashes, at, to))),
    fc
      .tuple(place, hashEdit(pool))
      .map(([at, to]) => on('proof', (hashes) => edit(hashes, at, to))),
    fc
      .tuple(place, listEdit(pool))
      .map(([at, to]) => on('proof', (hashes) => to(hashes, at % (hashes.length + 1)))),
  )
  return fc.array(one, { minLength: 1, maxLength: 3 })
}

function on<K extends keyof Claim>(part: K, change: (value: Claim[K]) => Claim[K]): ClaimChange {
  return (claim) => ({ ...claim, [part]: change(claim[part]) })
}

function numberEdit(): fc.Arbitrary<NumberEdit> {
  return fc.oneof(
    fc.integer({ min: -3, max: 3 }).map(
      (by): NumberEdit =>
        (number) =>
          number + BigInt(by),
    ),
    fc.nat({ max: 8 }).map(
      (bit): NumberEdit =>
        (number) =>
          number ^ (1n << BigInt(bit)),
    ),
    fc.constantFrom(...HUGE).map(
      (huge): NumberEdit =>
        () =>
          huge,
    ),
    fc.constantFrom<NumberEdit[]>(
      (number) => number * 2n,
      (number) => number / 2n,
      (number) => -number,
    ),
  )
}

function hashEdit(pool: readonly Uint8Array[]): fc.Arbitrary<HashEdit> {
  return fc.oneof(
    fc.nat({ max: 255 }).map(
      (bit): HashEdit =>
        (hash) =>
          flip(hash, bit),
    ),
    fc.constantFrom(...pool).map(
      (other): HashEdit =>
        () =>
          other,
    ),
    fc.constantFrom<HashEdit[]>(
      (hash) => hash.subarray(1),
      (hash) => Uint8Array.of(...hash, 0),
      () => NOTHING,
      () => new Uint8Array(32),
    ),
  )
}

function listEdit(pool: readonly Uint8Array[]): fc.Arbitrary<ListEdit> {
  return fc.oneof(
    fc.constantFrom(...pool).map(
      (other): ListEdit =>
        (list, at) =>
          list.toSpliced(at, 0, other),
    ),
    fc.constantFrom<ListEdit[]>(
      (list, at) => list.toSpliced(at, 1),
      (list, at) => list.slice(0, at),
      (list, at) => [...list.slice(at), ...list.slice(0, at)],
      (list) => list.toReversed(),
      (list) => [...list, ...list],
      (list) => Array.from({ length: 70 }, () => list[0] ?? NOTHING),
    ),
  )
}

function edit<T>(list: readonly T[], at: number, to: (item: T) => T): readonly T[] {
  const index = at % Math.max(list.length, 1)
  return list.map((item, position) => (position === index ? to(item) : item))
}

function flip(hash: Uint8Array, bit: number): Uint8Array {
  const flipped = Uint8Array.from(hash)
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return flipped
}
