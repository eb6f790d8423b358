import type { Instant } from '../base/time.ts'
import { readTreeHead, type TreeHead } from './checkpoint.ts'
import { judgeNote, parseNote, parseVerifierKeys } from './note.ts'

/** What a checkpoint is held against. */
export interface CheckpointTrust {
  /** Name of the log. */
  readonly origin: string
  /** Verifier keys (c2sp.org/signed-note) of the log or of witnesses: types 0x01 and 0x04. */
  readonly keys: readonly string[]
}

/** Why a checkpoint is not to be believed. */
export type CheckpointReason =
  | 'malformed'
  | 'wrong_origin'
  | 'invalid_keys'
  | 'unknown_key'
  | 'bad_signature'

/** What a verifier found; `cosignedAt` is the earliest time that a witness among the keys vouches for. */
export type CheckpointVerdict =
  | { readonly ok: true; readonly checkpoint: TreeHead; readonly cosignedAt?: Instant }
  | { readonly ok: false; readonly reason: CheckpointReason }

const MS = 1_000

/**
 * Reads a signed checkpoint without believing it: nothing is verified. Undefined for anything else, and
 * never an exception.
 *
 * @example
 * ```ts
 * import { parseCheckpoint } from 'privity/verify'
 *
 * const root = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='
 * const line = '— example.com/log Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5'
 * parseCheckpoint(`example.com/log\n3\n${root}\n\n${line}\n`)?.size // 3n
 * ```
 */
export function parseCheckpoint(note: string): TreeHead | undefined {
  const text = typeof note === 'string' ? parseNote(note)?.text : undefined
  return text === undefined ? undefined : readTreeHead(text)
}

/**
 * Verifies a signed checkpoint offline: at least one of the keys signed it, and none of them falsely. Never
 * throws on what it is given to verify.
 *
 * It says what the log committed to, and with a witness that the log did not contradict itself until then;
 * not that the checkpoint is the newest.
 *
 * @example
 * ```ts
 * import { verifyCheckpoint } from 'privity/verify'
 *
 * const trust = {
 *   origin: 'example.com/behind-the-sofa',
 *   keys: ['example.com/foo+530a903a+Aa9XixJ9M2RULWd1MbHXKzcP6GELvTVUtxVtF0E5Eowj'],
 * }
 * const verdict = await verifyCheckpoint('', trust)
 * if (!verdict.ok) console.log(verdict.reason) // malformed
 * ```
 */
export async function verifyCheckpoint(
  note: string,
  trust: CheckpointTrust,
): Promise<CheckpointVerdict> {
  try {
    return await verify(note, trust)
  } catch {
    // What a caller of JavaScript passes for keys may throw when it is read.
    return { ok: false, reason: 'invalid_keys' }
  }
}

async function verify(note: string, trust: CheckpointTrust): Promise<CheckpointVerdict> {
  const keys = parseVerifierKeys(trust.keys)
  if (keys === undefined) return { ok: false, reason: 'invalid_keys' }
  const parsed = typeof note === 'string' ? parseNote(note) : undefined
  const checkpoint = parsed === undefined ? undefined : readTreeHead(parsed.text)
  if (parsed === undefined || checkpoint === undefined) return { ok: false, reason: 'malformed' }
  if (checkpoint.origin !== trust.origin) return { ok: false, reason: 'wrong_origin' }
  const verdict = await judgeNote(parsed, keys)
  if (!verdict.ok) return verdict
  const { cosignedAt: seconds } = verdict
  if (seconds === undefined) return { ok: true, checkpoint }
  return { ok: true, checkpoint, cosignedAt: new Date(seconds * MS).toISOString() }
}
