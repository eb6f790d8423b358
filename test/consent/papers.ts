import { CompactSign } from 'jose'
import { utf8 } from '../../src/base/bytes.ts'
import { canonicalBytes, type JsonObject } from '../../src/base/canonical.ts'
import { createReceipts, type ProvenRecord, type Receipts } from '../../src/consent/receipt.ts'
import { formatCheckpoint } from '../../src/crypto/checkpoint.ts'
import { type PublicJwk, toJwk } from '../../src/crypto/jose.ts'
import type { Jwks } from '../../src/crypto/verify-jws.ts'
import { foldHashes, leafHash, type NodeId, nodeHash } from '../../src/crypto/merkle.ts'
import { consistencyPath, inclusionPath, perfectNodes } from '../../src/crypto/merkle-path.ts'
import { signNote, toVerifierKey } from '../../src/crypto/note.ts'
import { importPrivateKey } from '../../src/crypto/private-key.ts'
import { generateSigningKey, type SigningKey } from '../../src/crypto/signature.ts'

/**
 * An app that signs receipts, and the log that it keeps, without a store: so that what no store would ever
 * hand out can be signed as well.
 */
export interface Office {
  readonly receipts: Receipts
  readonly jwk: PublicJwk
  /** What a verifier is given: keys of the receipts, and of the log. */
  readonly trust: { readonly jwks: Jwks; readonly verifierKeys: readonly string[] }
  /** Signs any header over any bytes with the key of the receipts. */
  sign(header: object, payload: Uint8Array): Promise<string>
  /** Signs a payload as a receipt or a bundle. */
  seal(typ: string, payload: JsonObject): Promise<string>
  /** Of the log, or of one that differs in its first leaf. */
  checkpoint(size: number, fork?: { readonly firstLeaf: string }): Promise<string>
  consistency(size1: number, size2: number): readonly Uint8Array[]
  /** A decision at a place in the log, proven at a size. */
  entry(place: EntryPlace): Promise<ProvenRecord>
}

export interface EntryPlace {
  readonly subjectId: string
  readonly index: number
  readonly size: number
  readonly receiptId: string
  readonly previousReceiptId?: string
}

export const ORIGIN = 'privity/00112233445566778899aabbccddeeff'
export const ANNA_ID: string = 'a'.repeat(32)
export const BRAM_ID: string = 'b'.repeat(32)

/** Opens an office; the seed of its log is always the same, its keys never are. */
export async function openOffice(): Promise<Office> {
  const [jws, note] = await Promise.all([generateSigningKey(), generateSigningKey()])
  const jwk = await toJwk(jws.key.publicKey)
  const { handle } = await importPrivateKey(jws.secret)
  const sign: Office['sign'] = (header, payload) =>
    new CompactSign(payload)
      .setProtectedHeader({ alg: 'EdDSA', kid: jwk.kid, ...header })
      .sign(handle)
  const checkpoint: Office['checkpoint'] = (size, fork) => checkpointOf(note.key, size, fork)
  return {
    receipts: createReceipts({ key: () => jws.secret, durability: 'power-loss' }),
    jwk,
    trust: {
      jwks: { keys: [jwk] },
      verifierKeys: [toVerifierKey({ name: ORIGIN, publicKey: note.key.publicKey })],
    },
    sign,
    seal: (typ, payload) => sign({ typ }, canonicalBytes(payload)),
    checkpoint,
    consistency: (size1, size2) => consistencyPath(size1, size2).map((nodes) => hashOf(nodes)),
    entry: async ({ subjectId, index, size, receiptId, previousReceiptId }) => ({
      record: recordOf(subjectId, receiptId, previousReceiptId),
      placed: {
        origin: ORIGIN,
        index,
        size,
        leaf: leafAt(index),
        inclusion: () => inclusionPath(index, size).map((nodes) => hashOf(nodes)),
        checkpoint: await checkpoint(size),
        rollbackProtection: 'none',
      },
    }),
  }
}

/** A record as `toRecord` writes it. */
export function recordOf(
  subjectId: string,
  receiptId: string,
  previousReceiptId?: string,
): JsonObject {
  return {
    schemaVersion: 'privity.consent/1',
    receiptId,
    ...(previousReceiptId === undefined ? {} : { previousReceiptId }),
    type: 'consent.given',
    subject: { ref: subjectId },
    controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
    occurredAt: '2026-11-21T09:00:00.250Z',
    purposes: [
      {
        purpose: 'marketing',
        state: 'given',
        basis: 'consent',
        description: 'Send you offers by e-mail',
        dpv: 'dpv:DirectMarketing',
        validUntil: '2028-11-21T09:00:00.250Z',
      },
    ],
    notice: { id: 'privacy', ordinal: 1, version: '4', hash: 'sha256:x', language: 'en' },
    method: { channel: 'web', control: 'checkbox', servedId: 'p2.00' },
    servedAt: '2026-11-21T09:00:00.000Z',
    policy: 'cG9saWN5',
  }
}

/** The bytes of a leaf of the log. */
function leafAt(index: number): Uint8Array {
  return utf8(`leaf ${index}`)
}

interface Fork {
  readonly firstLeaf: string
}

function hashOf(nodes: readonly NodeId[], fork?: Fork): Uint8Array {
  return foldHashes(nodes.map((node) => subtree(node, fork)))
}

function subtree({ level, index }: NodeId, fork?: Fork): Uint8Array {
  const isForked = fork !== undefined && index === 0
  if (level === 0) return leafHash(isForked ? utf8(fork.firstLeaf) : leafAt(index))
  const below = level - 1
  return nodeHash(
    subtree({ level: below, index: index * 2 }, fork),
    subtree({ level: below, index: index * 2 + 1 }, fork),
  )
}

function checkpointOf(key: SigningKey, size: number, fork?: Fork): Promise<string> {
  const root = hashOf(perfectNodes([0, size]), fork)
  return signNote(formatCheckpoint({ origin: ORIGIN, size, root }), ORIGIN, key)
}
