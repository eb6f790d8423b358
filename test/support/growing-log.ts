import { utf8 } from '../../src/base/bytes.ts'
import { formatCheckpoint } from '../../src/crypto/checkpoint.ts'
import { type NoteKey, signNote } from '../../src/crypto/note.ts'
import type { SigningKey } from '../../src/crypto/signature.ts'
import type { ProveConsistency } from '../../src/storage/anchor.ts'
import { consistencyProof, treeHash } from '../crypto/naive-tree.ts'
import { fixedKey } from './fixed-key.ts'

/** A log that has every size at once; another `branch` has other leaves from the fourth on. */
export interface GrowingLog {
  readonly origin: string
  readonly key: NoteKey
  /** Signed note of the log with so many leaves. */
  checkpoint(size: number): Promise<string>
  readonly prove: ProveConsistency
}

/** Leaves that all branches share. */
const SHARED = 3

export async function growingLog(
  options: { readonly origin?: string; readonly branch?: string } = {},
): Promise<GrowingLog> {
  const { origin = 'example.com/log', branch = '' } = options
  const signer: SigningKey = await fixedKey(1)
  function leaves(size: number): readonly Uint8Array[] {
    return Array.from({ length: size }, (_, index) =>
      utf8(index < SHARED ? `leaf ${index}` : `leaf ${index}${branch}`),
    )
  }
  return {
    origin,
    key: { name: origin, publicKey: signer.publicKey },
    checkpoint: (size) =>
      signNote(formatCheckpoint({ origin, size, root: treeHash(leaves(size)) }), origin, signer),
    prove: async (size1, size2) => consistencyProof(Number(size1), leaves(Number(size2))),
  }
}
