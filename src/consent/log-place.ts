import { fromBase64 } from '../base/bytes.ts'
import type { JsonValue } from '../base/canonical.ts'
import { bytesOf, isCount, isJsonObject, readList } from '../base/json-shape.ts'
import type { TreeHead } from '../crypto/checkpoint.ts'
import { leafHash, verifyConsistency, verifyInclusion } from '../crypto/merkle.ts'
import { parseCheckpoint, verifyCheckpoint } from '../crypto/verify-checkpoint.ts'
import { firstOrigin } from '../ledger/first-origin.ts'

/** What a verifier trusts about the log. */
export interface LogTrust {
  /**
   * Verifier keys (c2sp.org/signed-note) of the log: one of them must have signed the checkpoint, and none falsely.
   * Those of witnesses may be among them, and do not stand in for the log. Default: the checkpoint is taken as it is.
   */
  readonly verifierKeys?: readonly string[]
  /** A signed checkpoint of the same log from elsewhere, for which they are needed: both must agree. */
  readonly checkpoint?: string
  /** RFC 6962 consistency proof between that checkpoint and the one in the document, if their sizes differ. */
  readonly consistency?: readonly Uint8Array[]
}

/**
 * How far the log was looked at: `none`, as the document has no proof; `included` under the checkpoint that it
 * brings; or included under one that is `signed` by a trusted key.
 */
export interface LogVerdict {
  /** How far the log was looked at. */
  readonly verified: 'none' | 'included' | 'signed'
}

/** Why the log part of a document was refused. */
export type LogReason = 'not_in_log' | 'checkpoint_not_signed' | 'checkpoints_disagree'

/** A checkpoint that leaves can be held against. */
export type OpenedCheckpoint =
  | { readonly ok: true; readonly head: TreeHead; readonly verified: 'included' | 'signed' }
  | { readonly ok: false; readonly reason: LogReason }

/** Reads the checkpoint of a document, and holds it against what is trusted. */
export async function openCheckpoint(
  log: JsonValue | undefined,
  trust: LogTrust,
): Promise<OpenedCheckpoint> {
  const { origin, size, checkpoint } = asObject(log)
  const note = String(checkpoint)
  const head = parseCheckpoint(note)
  if (head === undefined || size !== Number(head.size)) return refused('not_in_log')
  // A certificate names the log as it was called at first.
  if (head.origin !== origin && firstOrigin(head.origin) !== origin) return refused('not_in_log')
  const { verifierKeys: keys, checkpoint: known, consistency } = trust
  if (keys === undefined) {
    return known === undefined
      ? { ok: true, head, verified: 'included' }
      : refused('checkpoint_not_signed')
  }
  const { origin: name } = head
  // The document names its log itself: only a key of that name makes it one that is trusted.
  const own = keys.filter((key) => key.startsWith(`${name}+`))
  for (const needed of [keys, own])
    if (!(await verifyCheckpoint(note, { origin: name, keys: needed })).ok)
      return refused('checkpoint_not_signed')
  const signed = { ok: true, head, verified: 'signed' } as const
  if (known === undefined) return signed
  const other = await verifyCheckpoint(known, { origin: name, keys: own })
  if (!other.ok) return refused('checkpoint_not_signed')
  return agree(head, other.checkpoint, consistency) ? signed : refused('checkpoints_disagree')
}

/** Tells whether the leaf of a document stands under a checkpoint where the document says it does. */
export function isIncluded(place: JsonValue | undefined, { size, root }: TreeHead): boolean {
  const { index, leaf, proof } = asObject(place)
  const bytes = bytesOf(leaf)
  const hashes = readList(proof, (hash) =>
    typeof hash === 'string' ? fromBase64(hash) : undefined,
  )
  if (bytes === undefined || hashes === undefined || !isCount(index)) return false
  return verifyInclusion({
    leafHash: leafHash(bytes),
    index: BigInt(index),
    size,
    proof: hashes,
    root,
  })
}

/** The members of a JSON object; none of anything else. */
export function asObject(value: JsonValue | undefined): {
  readonly [name: string]: JsonValue | undefined
} {
  return isJsonObject(value) ? value : {}
}

/** Of two sizes that nothing connects, nobody knows whether they are of one history. */
function agree(a: TreeHead, b: TreeHead, proof: readonly Uint8Array[] = []): boolean {
  const [{ size: size1, root: root1 }, { size: size2, root: root2 }] =
    a.size < b.size ? [a, b] : [b, a]
  return verifyConsistency({ size1, size2, root1, root2, proof: size1 < size2 ? proof : [] })
}

function refused(reason: LogReason): { readonly ok: false; readonly reason: LogReason } {
  return { ok: false, reason }
}
