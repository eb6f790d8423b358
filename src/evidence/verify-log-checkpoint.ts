import { fromUtf8 } from '../base/bytes.ts'
import { readCheckpoint } from '../crypto/checkpoint.ts'
import {
  judgeNote,
  type NoteKey,
  type NoteVerdict,
  parseNote,
  type SignedNote,
} from '../crypto/note.ts'
import { firstOrigin } from '../ledger/first-origin.ts'
import type { Archive } from './verify-archive.ts'
import type { LogState } from './verify-log-files.ts'

/** A log, and what it signed. */
export interface SignedState extends LogState {
  /** A signed note. */
  readonly checkpoint: string
  readonly note: SignedNote
}

/** Where a checkpoint is, of which log it must be, and who must have signed it. */
export interface CheckpointAsk {
  readonly name: string
  readonly origin: string
  /** Of the main log, which signs all of them with the same keys. */
  readonly keys: readonly NoteKey[]
}

const MAX_NOTE = 1_000_000

/** The text of a signed note. */
export async function takeNote(archive: Archive, name: string): Promise<string> {
  return fromUtf8(await archive.take(name, MAX_NOTE)) ?? ''
}

/** Reads the checkpoint of a log that belongs to the main one, or of that itself. */
export async function takeCheckpoint(archive: Archive, ask: CheckpointAsk): Promise<SignedState> {
  const signed = readSigned(await takeNote(archive, ask.name))
  if (signed === undefined) throw archive.refuse('malformed')
  if (firstOrigin(signed.origin) !== ask.origin) throw archive.refuse('wrong_origin')
  const verdict = await judgeSigned(signed, ask.keys)
  if (!verdict.ok) throw archive.refuse(verdict.reason)
  return signed
}

/** A checkpoint that nobody verified; undefined for anything else. */
export function readSigned(checkpoint: string): SignedState | undefined {
  const note = parseNote(checkpoint)
  const state = note === undefined ? undefined : readCheckpoint(note.text)
  return note === undefined || state === undefined ? undefined : { ...state, checkpoint, note }
}

/** Whether the keys signed under the name of the log. */
export function judgeSigned(
  { note, origin }: SignedState,
  keys: readonly NoteKey[],
): Promise<NoteVerdict> {
  return judgeNote(
    note,
    keys.map((key) => ({ ...key, name: origin })),
  )
}
