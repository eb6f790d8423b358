import { invalidInput } from '../base/errors.ts'
import type { Shard } from '../ledger/shard.ts'
import { consistencyProof } from '../ledger/prove.ts'
import type { Store } from '../storage/store.ts'

/** Shows that an entry is in the log of a checkpoint. */
export interface Inclusion {
  /** Number of the leaf, from 0. */
  readonly index: bigint
  /** Of the log in `checkpoint`. */
  readonly size: bigint
  /** The bytes whose hash the proof starts from. */
  readonly leaf: Uint8Array
  /** Hashes of 32 bytes, as `verifyInclusion` takes them. */
  readonly proof: readonly Uint8Array[]
  /** Signed note of the log, which the proof leads to. */
  readonly checkpoint: string
}

/** Shows that the log at one size is the log at a smaller one with entries appended. */
export interface Consistency {
  /** Leaves of the older tree. */
  readonly size1: bigint
  /** Leaves of the newer tree. */
  readonly size2: bigint
  /** Hashes of 32 bytes, as `verifyConsistency` takes them. */
  readonly proof: readonly Uint8Array[]
}

/** @throws {@link invalid_input} unless the log has such an entry */
export async function proveInclusion(shard: Shard, index: unknown): Promise<Inclusion> {
  const at = parseCount(index, 'index')
  const { range } = await shard.head()
  if (at >= range.size) throw invalidInput(['index'], 'too_big')
  const { size, leaf, inclusion, checkpoint } = await shard.prover()(at)
  return { index: BigInt(at), size: BigInt(size), leaf, proof: inclusion(), checkpoint }
}

/** @throws {@link invalid_input} unless the log has both sizes, the smaller first */
export async function proveConsistency(
  { store, shard }: ProofDeps,
  size1: unknown,
  size2: unknown,
): Promise<Consistency> {
  const from = parseCount(size1, 'size1')
  const { range } = await shard.head()
  const to = size2 === undefined ? range.size : parseCount(size2, 'size2')
  if (to > range.size) throw invalidInput(['size2'], 'too_big')
  if (from > to) throw invalidInput(['size1'], 'too_big')
  const proof = await consistencyProof(store, shard.log, { size1: from, size2: to })
  return { size1: BigInt(from), size2: BigInt(to), proof }
}

/** What proofs need. */
export interface ProofDeps {
  readonly store: Store
  readonly shard: Shard
}

function parseCount(count: unknown, name: string): number {
  if (typeof count !== 'bigint') throw invalidInput([name], 'not_a_bigint')
  if (count < 0n) throw invalidInput([name], 'too_small')
  if (count > BigInt(Number.MAX_SAFE_INTEGER)) throw invalidInput([name], 'too_big')
  return Number(count)
}
