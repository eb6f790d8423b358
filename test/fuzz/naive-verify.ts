import { createHash } from 'node:crypto'
import type { ConsistencyInput, InclusionInput } from '../../src/crypto/merkle.ts'

const LARGEST = 2n ** 63n

/** The root that a proof leads to: PATH of RFC 6962 section 2.1.1 read backwards, by recursion. */
export function rootFromPath(claim: InclusionInput): Uint8Array | undefined {
  const { leafHash, index, size, proof, root } = claim
  if (index < 0n || index >= size || size > LARGEST) return undefined
  return [leafHash, root, ...proof].every(isHash)
    ? climb(index, size, [leafHash, ...proof])
    : undefined
}

/** The roots that a proof leads to: PROOF of RFC 6962 section 2.1.2 read backwards, by recursion. */
export function grownRoots(claim: ConsistencyInput): Roots | undefined {
  const { size1, size2, root1, root2, proof } = claim
  if (size1 <= 0n || size1 > size2 || size2 > LARGEST) return undefined
  if (![root1, root2, ...proof].every(isHash)) return undefined
  return grow(size1, size2, { root1, proof, isWhole: true })
}

interface Roots {
  readonly root1: Uint8Array
  readonly root2: Uint8Array
}

interface Known {
  readonly root1: Uint8Array
  readonly proof: readonly Uint8Array[]
  /** Whether the subtree is the whole of the old tree, whose root needs no proof. */
  readonly isWhole: boolean
}

function climb(index: bigint, size: bigint, path: readonly Uint8Array[]): Uint8Array | undefined {
  if (size === 1n) return path.length === 1 ? path[0] : undefined
  const [k, last, rest] = [split(size), path.at(-1), path.slice(0, -1)]
  if (last === undefined || rest.length === 0) return undefined
  if (index < k) return join(climb(index, k, rest), last)
  return join(last, climb(index - k, size - k, rest))
}

function grow(m: bigint, n: bigint, known: Known): Roots | undefined {
  const { root1, proof, isWhole } = known
  const [last, rest] = [proof.at(-1), proof.slice(0, -1)]
  if (m === n) {
    const only = isWhole ? root1 : last
    if (only === undefined || proof.length !== (isWhole ? 0 : 1)) return undefined
    return { root1: only, root2: only }
  }
  const k = split(n)
  if (last === undefined) return undefined
  if (m <= k) {
    const left = grow(m, k, { ...known, proof: rest })
    const root2 = join(left?.root2, last)
    return left === undefined || root2 === undefined ? undefined : { root1: left.root1, root2 }
  }
  const right = grow(m - k, n - k, { root1, proof: rest, isWhole: false })
  const [old, grown] = [join(last, right?.root1), join(last, right?.root2)]
  return old === undefined || grown === undefined ? undefined : { root1: old, root2: grown }
}

/** The largest power of two smaller than n. */
function split(n: bigint): bigint {
  return 1n << BigInt((n - 1n).toString(2).length - 1)
}

function join(left: Uint8Array | undefined, right: Uint8Array | undefined): Uint8Array | undefined {
  if (left === undefined || right === undefined) return undefined
  return new Uint8Array(createHash('sha256').update('\x01').update(left).update(right).digest())
}

function isHash(bytes: Uint8Array): boolean {
  return bytes.length === 32
}
