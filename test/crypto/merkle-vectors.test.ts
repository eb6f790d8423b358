import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { verifyConsistency, verifyInclusion } from '../../src/crypto/merkle.ts'

/** One published probe; sizes are decimal because some do not fit a double. */
type Probe = InclusionProbe | ConsistencyProbe

interface InclusionProbe extends AnyProbe {
  readonly kind: 'inclusion'
  readonly leafIdx: string
  readonly treeSize: string
  readonly root: string
  readonly leafHash: string
}

interface ConsistencyProbe extends AnyProbe {
  readonly kind: 'consistency'
  readonly size1: string
  readonly size2: string
  readonly root1: string
  readonly root2: string
}

interface AnyProbe {
  readonly name: string
  readonly proof: readonly string[]
  readonly wantErr: boolean
}

const PROBES: readonly Probe[] = JSON.parse(
  readFileSync(new URL('../vectors/merkle/probes.json', import.meta.url), 'utf8'),
)
/** Two roots of 12 bytes: the published verifier leaves it to its caller that roots are hashes. */
const NO_HASHES = 'consistency/additional/sizes are equal (one) and proof is empty'

function verdictOf(probe: Probe): boolean {
  const proof = probe.proof.map(bytes)
  if (probe.kind === 'inclusion') {
    const [index, size] = [BigInt(probe.leafIdx), BigInt(probe.treeSize)]
    const [root, leafHash] = [bytes(probe.root), bytes(probe.leafHash)]
    return verifyInclusion({ index, size, root, leafHash, proof })
  }
  const [size1, size2] = [BigInt(probe.size1), BigInt(probe.size2)]
  const [root1, root2] = [bytes(probe.root1), bytes(probe.root2)]
  return verifyConsistency({ size1, size2, root1, root2, proof })
}

function bytes(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}

test('there are 98 published probes of each kind, and some of each verdict', () => {
  expect(PROBES.filter(({ kind }) => kind === 'inclusion')).toHaveLength(98)
  expect(PROBES.filter(({ kind }) => kind === 'consistency')).toHaveLength(98)
  expect(PROBES.filter(({ wantErr }) => !wantErr)).toHaveLength(12)
})

describe('the published verdict is given on', () => {
  test.for(PROBES.filter(({ name }) => name !== NO_HASHES))('$name', (probe) => {
    expect(verdictOf(probe)).toBe(!probe.wantErr)
  })
})

test('equal roots prove nothing when they are no hashes', () => {
  const probe = PROBES.find(({ name }) => name === NO_HASHES)
  expect(probe?.wantErr).toBe(false)
  expect(probe === undefined || verdictOf(probe)).toBe(false)
})
