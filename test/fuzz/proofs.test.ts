import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { memoryStore } from 'privity/memory'
import { verifyCertificate, verifyReceipt } from 'privity/verify'
import { utf8 } from '../../src/base/bytes.ts'
import { formatCheckpoint, readTreeHead } from '../../src/crypto/checkpoint.ts'
import { leafHash, verifyConsistency, verifyInclusion } from '../../src/crypto/merkle.ts'
import {
  addCosignature,
  formatSignature,
  parseNote,
  parseVerifierKey,
  signNote,
  toVerifierKey,
} from '../../src/crypto/note.ts'
import { verifyCheckpoint } from '../../src/crypto/verify-checkpoint.ts'
import { auditPath, consistencyProof, treeHash } from '../crypto/naive-tree.ts'
import { giveOnWeb, openAcme } from '../support/acme.ts'
import { fixedKey } from '../support/fixed-key.ts'
import { changes, mutate, mutateToken, tokenChanges } from './mutate.ts'
import { type Claim, claimChanges } from './mutate-claim.ts'
import { grownRoots, rootFromPath } from './naive-verify.ts'

const SEED = 20_261_122
const SLOW = { timeout: 60_000 }
const ORIGIN = 'example.com/log'
const NOTHING = new Uint8Array(0)

/** How many mutations of each kind of evidence are tried. */
const RUNS = {
  notes: 15_000,
  heads: 20_000,
  keys: 20_000,
  inclusion: 20_000,
  consistency: 20_000,
  receipts: 10_000,
  certificates: 10_000,
} as const

/** Runs all mutations of a kind under the seed; nothing that is tried may throw. */
async function hold<T>(
  kind: keyof typeof RUNS,
  arbitrary: fc.Arbitrary<T>,
  run: (value: T) => unknown,
): Promise<void> {
  const property = fc.asyncProperty(arbitrary, async (value) => {
    await run(value)
  })
  await fc.assert(property, { numRuns: RUNS[kind], seed: SEED })
}

test('more than 100,000 mutations are tried', () => {
  expect(Object.values(RUNS).reduce((sum, runs) => sum + runs, 0)).toBeGreaterThan(100_000)
})

describe(`of a signed checkpoint, changed under the seed ${SEED}`, () => {
  let note: string
  let other: string
  let keys: readonly string[]

  beforeAll(async () => {
    const [log, witness, stranger] = await Promise.all([fixedKey(1), fixedKey(2), fixedKey(3)])
    const [text, next] = [3, 5].map((size) =>
      formatCheckpoint({ origin: ORIGIN, size, root: leafHash(utf8(`${size}`)) }),
    )
    const cosigner = { name: 'example.com/witness', key: witness, seconds: 1_800_000_000 }
    note = await addCosignature(await signNote(text ?? '', ORIGIN, log), cosigner)
    other = await signNote(next ?? '', ORIGIN, stranger)
    keys = [
      toVerifierKey({ name: ORIGIN, publicKey: log.publicKey }),
      toVerifierKey({ ...cosigner, publicKey: witness.publicKey, algorithm: 'cosignature' }),
    ]
  })

  /** Lines by one of the keys; lines of strangers may come and go, as the format says. */
  function knownLines(signed: string): readonly string[] {
    const ids = keys.map((key) => key.split('+', 2).join('+'))
    const lines = parseNote(signed)?.signatures ?? []
    return lines
      .filter(({ name, keyId }) => ids.includes(`${name}+${Buffer.from(keyId).toString('hex')}`))
      .map(formatSignature)
  }

  test('nothing is accepted but its text under whole signatures', SLOW, async () => {
    await hold('notes', changes, async (list) => {
      const mutated = mutate(note, list, other)
      const verdict = await verifyCheckpoint(mutated, { origin: ORIGIN, keys })
      if (!verdict.ok) return
      expect(parseNote(mutated)?.text).toBe(parseNote(note)?.text)
      expect(knownLines(note)).toEqual(expect.arrayContaining([...knownLines(mutated)]))
      expect(knownLines(mutated).length).toBeGreaterThan(0)
    })
  })

  test('the three lines have one spelling', SLOW, async () => {
    const [text = '', next = ''] = [note, other].map((signed) => parseNote(signed)?.text)
    await hold('heads', changes, (list) => {
      const mutated = mutate(text, list, next)
      const head = readTreeHead(mutated)
      if (head !== undefined) expect(formatCheckpoint(head)).toBe(mutated)
    })
  })

  test('no verifier key is read but the two that there are', SLOW, async () => {
    const [log = '', witness = ''] = keys
    await hold('keys', changes, (list) => {
      const mutated = mutate(log, list, witness)
      if (parseVerifierKey(mutated) !== undefined) expect(keys).toContain(mutated)
    })
  })
})

describe(`of a proof, changed under the seed ${SEED}`, () => {
  const LEAVES = Array.from({ length: 40 }, (_, index) => utf8(`leaf ${index}`))
  const SIZES = [1, 2, 3, 4, 5, 7, 8, 13, 16, 21, 32, 33, 40]
  const ROOTS = LEAVES.map((_, index) => treeHash(LEAVES.slice(0, index + 1)))
  const HASHES = LEAVES.map(leafHash)
  const POOL = [...ROOTS.slice(0, 16), ...HASHES.slice(0, 16)]

  const inclusions = SIZES.flatMap((size) =>
    HASHES.slice(0, size).map(
      (hash, index): Claim => ({
        numbers: [BigInt(index), BigInt(size)],
        trusted: [hash, ROOTS[size - 1] ?? NOTHING],
        proof: auditPath(index, LEAVES.slice(0, size)),
      }),
    ),
  )
  const growths = SIZES.flatMap((size) =>
    ROOTS.slice(0, size).map(
      (root, index): Claim => ({
        numbers: [BigInt(index + 1), BigInt(size)],
        trusted: [root, ROOTS[size - 1] ?? NOTHING],
        proof: consistencyProof(index + 1, LEAVES.slice(0, size)),
      }),
    ),
  )

  function casesOf(claims: readonly Claim[]): fc.Arbitrary<readonly [Claim, Claim]> {
    return fc
      .tuple(fc.constantFrom(...claims), claimChanges(POOL))
      .map(([claim, list]) => [claim, list.reduce((changed, each) => each(changed), claim)])
  }

  function toInclusion({ numbers, trusted, proof }: Claim): Parameters<typeof verifyInclusion>[0] {
    const [index = -1n, size = -1n] = numbers
    const [leaf = NOTHING, root = NOTHING] = trusted
    return { index, size, leafHash: leaf, root, proof }
  }

  function toConsistency(claim: Claim): Parameters<typeof verifyConsistency>[0] {
    const [size1 = -1n, size2 = -1n] = claim.numbers
    const [root1 = NOTHING, root2 = NOTHING] = claim.trusted
    return { size1, size2, root1, root2, proof: claim.proof }
  }

  test('of inclusion, the verdict is that of the definition', SLOW, async () => {
    await hold('inclusion', casesOf(inclusions), ([claim, mutated]) => {
      const input = toInclusion(mutated)
      const naive = rootFromPath(input)
      const accepted = verifyInclusion(input)
      expect(accepted).toBe(naive !== undefined && isSame([naive], [input.root]))
      // For the leaf and the root that somebody trusts, no other proof exists.
      if (accepted && isSame(mutated.trusted, claim.trusted))
        expect(isSame(mutated.proof, claim.proof)).toBe(true)
    })
  })

  test('of consistency, the verdict is that of the definition', SLOW, async () => {
    await hold('consistency', casesOf(growths), ([claim, mutated]) => {
      const input = toConsistency(mutated)
      const naive = grownRoots(input)
      const accepted = verifyConsistency(input)
      const roots = [input.root1, input.root2]
      expect(accepted).toBe(naive !== undefined && isSame([naive.root1, naive.root2], roots))
      if (accepted && isSame(mutated.trusted, claim.trusted))
        expect(isSame(mutated.proof, claim.proof)).toBe(true)
    })
  })
})

describe(`of a token, changed under the seed ${SEED}`, () => {
  let receipt: string
  let certificate: string
  let trust: Parameters<typeof verifyReceipt>[1]

  beforeAll(async () => {
    const acme = await openAcme(memoryStore())
    const { id } = await acme.subjects.register({ jurisdiction: 'NL' })
    receipt = (await giveOnWeb(acme, id, ['marketing'])).receipt
    certificate = await acme.erasure.erase(id, { reason: 'subject_request' })
    trust = { jwks: acme.ledger.publicKeys.jwks }
    await acme.close()
  }, SLOW.timeout)

  test('a receipt is accepted byte for byte only', SLOW, async () => {
    await hold('receipts', tokenChanges, async (change) => {
      const mutated = mutateToken(receipt, change, certificate)
      expect((await verifyReceipt(mutated, trust)).ok).toBe(mutated === receipt)
    })
  })

  test('a certificate is accepted byte for byte only', SLOW, async () => {
    await hold('certificates', tokenChanges, async (change) => {
      const mutated = mutateToken(certificate, change, receipt)
      expect((await verifyCertificate(mutated, trust)).ok).toBe(mutated === certificate)
    })
  })
})

function isSame(some: readonly Uint8Array[], others: readonly Uint8Array[]): boolean {
  return (
    some.length === others.length &&
    some.every((bytes, at) => Buffer.from(bytes).equals(others[at] ?? NOTHING))
  )
}
