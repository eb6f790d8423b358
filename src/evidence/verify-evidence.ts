import type { JsonValue } from '../base/canonical.ts'
import type { Instant } from '../base/time.ts'
import type { Jwks } from '../crypto/verify-jws.ts'
import { judgeNote, type NoteKey, parseNote, parseVerifierKeys } from '../crypto/note.ts'
import { firstOrigin } from '../ledger/first-origin.ts'
import { type Manifest, parseManifest } from './manifest.ts'
import { folderOf } from './tiles.ts'
import { type DisclosedAccess, verifyAccesses } from './verify-accesses.ts'
import { type Archive, openArchive } from './verify-archive.ts'
import { createBodyCheck, type DisclosedEntry } from './verify-bodies.ts'
import type { EvidenceSource } from './verify-bytes.ts'
import {
  judgeSigned,
  readSigned,
  type SignedState,
  takeCheckpoint,
  takeNote,
} from './verify-log-checkpoint.ts'
import { type LogCheck, verifyLogFiles } from './verify-log-files.ts'
import { type Refusal, RefusalError, refuse } from './verify-refusal.ts'

/** What a bundle of evidence is held against, and who hears of what is in it. */
export interface EvidenceTrust {
  /** Name of the log. Default: the one that the bundle says, if one of the keys has this name. */
  readonly origin?: string
  /** C2SP verifier keys of the log, got by a way that does not lead through the bundle. */
  readonly verifierKeys: readonly string[]
  /**
   * Older checkpoints that the verifier kept, at most one for each log: it must be that log, with entries
   * appended. They must be signed by the log, under `verifierKeys` too.
   */
  readonly checkpoint?: string | readonly string[]
  /** Ends the verification with its reason. */
  readonly signal?: AbortSignal
  /** Called with how many leaves are verified. What it throws is ignored. */
  readonly onProgress?: (done: bigint, of: bigint) => void
  /** Called with each disclosed entry, once it is verified, and waited for. What it throws ends the verification. */
  readonly onBody?: (entry: DisclosedEntry) => void | Promise<void>
  /** As `onBody`, with each access to a disclosed person. */
  readonly onAccess?: (access: DisclosedAccess) => void | Promise<void>
}

/** What was verified. */
export interface Evidence {
  /** The main log, then those that it shares the people with, if there are any. */
  readonly logs: readonly EvidenceLog[]
  /** What the log says of when it was exported. */
  readonly exportedAt: Instant
  /** Keys that verify receipts and certificates (RFC 7517), as the log says. */
  readonly jwks: Jwks
  /** The disclosed people; `entries` are all that the log has about them up to this checkpoint. */
  readonly subjects: readonly EvidenceSubject[]
  /**
   * How many entries about no single person there are: all that the log has up to this checkpoint, or none if
   * they are not disclosed.
   */
  readonly controllerEntries: number
}

/** A log of which every leaf was verified. */
export interface EvidenceLog {
  /** Names the log. */
  readonly origin: string
  /** Leaves that were verified. */
  readonly size: bigint
  /** 32 bytes. */
  readonly root: Uint8Array
  /** Signed note, worth keeping for the next verification. */
  readonly checkpoint: string
}

/** A person whose entries and accesses were disclosed. */
export interface EvidenceSubject {
  /** Random id of the person. */
  readonly id: string
  /** How many entries were disclosed: all that there are. */
  readonly entries: number
  /** How many accesses to their data were disclosed. */
  readonly accesses: number
}

/** What a verifier found. */
export type EvidenceVerdict =
  | { readonly ok: true; readonly evidence: Evidence }
  | ({ readonly ok: false } & Refusal)

/**
 * Verifies a bundle of evidence offline, in one pass and with one file in memory at a time: every leaf against
 * the signed root, every disclosed body against its leaf, and that no entry of a disclosed person was left out.
 * Never throws on what it is given to verify.
 *
 * It says what the log committed to; not that everything was logged, nor that the checkpoint is the newest.
 *
 * @throws the reason of the signal once it aborts, and what `onBody` or `onAccess` throws
 * @example
 * ```ts
 * import { verifyEvidence } from 'privity/verify'
 *
 * const verdict = await verifyEvidence(new Uint8Array(0), { verifierKeys: [] })
 * if (!verdict.ok) console.log(verdict.reason) // truncated
 * ```
 */
export async function verifyEvidence(
  bundle: EvidenceSource,
  trust: EvidenceTrust,
): Promise<EvidenceVerdict> {
  const thrown: unknown[] = []
  try {
    return { ok: true, evidence: await verify(bundle, trust, thrown) }
  } catch (error) {
    if (error instanceof RefusalError) return { ok: false, ...error.refusal }
    if (thrown.includes(error) || isReasonOf(trust, error)) throw error
    // What a caller of JavaScript passes may throw when it is read.
    return { ok: false, reason: 'unreadable' }
  }
}

async function verify(
  bundle: EvidenceSource,
  trust: EvidenceTrust,
  thrown: unknown[],
): Promise<Evidence> {
  trust.signal?.throwIfAborted()
  const known = parseVerifierKeys(trust.verifierKeys)
  if (known === undefined) throw refuse('invalid_keys')
  const kept = parseKept(trust)
  const archive = openArchive(bundle, trust.signal)
  try {
    const { manifest, keys } = await takeManifest(archive, trust, known)
    const noted: Noted = new Map()
    const onBody = passOn(trust.onBody, thrown)
    const bodies = await createBodyCheck(manifest, async (entry) => {
      note(noted, entry.body['event'])
      await onBody(entry)
    })
    const tell: LogCheck['tell'] = (done, of) =>
      ignoreThrown(() => trust.onProgress?.(BigInt(done), BigInt(of)))
    const logs = await verifyLogs(archive, { manifest, keys, kept, noted, bodies, tell })
    const { people, controllerEntries } = bodies.close(archive)
    const onAccess = passOn(trust.onAccess, thrown)
    const accesses = await verifyAccesses(archive, { manifest, people, keys, onAccess })
    await archive.end()
    const { exportedAt, jwks } = manifest
    return {
      exportedAt,
      jwks,
      logs: logs.map(({ size, note, ...log }) => ({ ...log, size: BigInt(size) })),
      controllerEntries,
      subjects: people.map(({ id, entries }, at) => ({ id, entries, accesses: accesses[at] ?? 0 })),
    }
  } finally {
    archive.close()
  }
}

/** Signed by the log itself: a witness knows nothing of it. */
async function takeManifest(
  archive: Archive,
  trust: EvidenceTrust,
  known: readonly NoteKey[],
): Promise<{ readonly manifest: Manifest; readonly keys: readonly NoteKey[] }> {
  const note = parseNote(await takeNote(archive, 'manifest'))
  const manifest = note === undefined ? undefined : parseManifest(note.text)
  if (note === undefined || manifest === undefined) throw archive.refuse('malformed')
  const { origin } = manifest
  if (trust.origin !== undefined && trust.origin !== origin) throw archive.refuse('wrong_origin')
  const keys = known.filter(({ name, algorithm }) => name === origin && algorithm === 'ed25519')
  const verdict = await judgeNote(note, keys)
  if (!verdict.ok) throw archive.refuse(verdict.reason)
  return { manifest, keys }
}

interface LogsCheck extends Pick<LogCheck, 'bodies' | 'tell'> {
  readonly manifest: Manifest
  readonly keys: readonly NoteKey[]
  readonly kept: readonly SignedState[]
  /** What the main log knows of the further ones, by their numbers. */
  readonly noted: Noted
}

type Noted = Map<JsonValue | undefined, SignedState>

/** The main log, then those that it shares the people with. */
async function verifyLogs(archive: Archive, check: LogsCheck): Promise<readonly SignedState[]> {
  const { manifest, keys, kept, noted, bodies, tell } = check
  const first = firstOrigin(manifest.origin)
  const logs: SignedState[] = []
  const unknown = new Set(kept)
  for (const [number, size] of manifest.sizes.entries()) {
    const folder = folderOf(number)
    // A log is named as its folder is.
    const origin = `${first}/${folder}`.slice(0, -1)
    const signed = await takeCheckpoint(archive, { name: `${folder}checkpoint`, origin, keys })
    if (signed.size !== size) throw archive.refuse('malformed')
    if (number === 0 && signed.origin !== manifest.origin) throw archive.refuse('wrong_origin')
    const own = kept.filter((one) => firstOrigin(one.origin) === origin)
    for (const one of own) {
      if (!(await judgeSigned(one, keys)).ok) throw refuse('checkpoint_not_signed')
      unknown.delete(one)
    }
    const older = [own, noted.get(number) ?? []].flat()
    if (older.some((one) => one.size > size)) throw archive.refuse('rolled_back')
    await verifyLogFiles(archive, { folder, signed, kept: older, bodies, tell })
    logs.push(signed)
  }
  if (unknown.size > 0) throw refuse('wrong_origin')
  return logs
}

/** The main log commits to what it knows of the others. */
function note(noted: Noted, event: JsonValue | undefined): void {
  const { type, shard, note } = Object(event)
  const signed = type === 'shard.noted' ? readSigned(String(note)) : undefined
  if (signed !== undefined) noted.set(shard, signed)
}

function parseKept({ checkpoint = [] }: EvidenceTrust): readonly SignedState[] {
  return [checkpoint].flat().map((note) => {
    const signed = readSigned(String(note))
    if (signed === undefined) throw refuse('malformed')
    return signed
  })
}

/** Who watches has no say. */
function ignoreThrown(watch: () => void): void {
  try {
    watch()
  } catch {
    return
  }
}

/** What the app's callback throws is remembered as its own. */
function passOn<T>(
  callback: ((value: T) => void | Promise<void>) | undefined,
  thrown: unknown[],
): (value: T) => Promise<void> {
  return async (value) => {
    try {
      await callback?.(value)
    } catch (error) {
      thrown.push(error)
      throw error
    }
  }
}

function isReasonOf(trust: EvidenceTrust, error: unknown): boolean {
  return trust?.signal?.aborted === true && trust.signal.reason === error
}
