import { fromUtf8 } from '../base/bytes.ts'
import { readCheckpoint } from '../crypto/checkpoint.ts'
import { judgeNote, type NoteKey, parseNote, type SignedNote } from '../crypto/note.ts'
import type { Archive } from './verify-archive.ts'
import type { LogState } from './verify-log-files.ts'

/** A log, and what it signed. */
export interface SignedState extends LogState {
  /** A signed note. */
  readonly checkpoint: string
}

/** Where a checkpoint is, of which log it must be, and who must have signed it. */
export interface CheckpointAsk {
  readonly name: string
  readonly origin: string
  /** Of the main log, which signs all of them with the same keys. */
  readonly keys: readonly NoteKey[]
}

const MAX_NOTE = 1_000_000
/** An accepted copy of a store goes on under names of its own. */
const RESTORED = /\/restored\/[1-9]\d*$/

/** The name that a log had at first. */
export function firstOrigin(origin: string): string {
  return origin.replace(RESTORED, '')
}

/** Reads a signed note. */
export async function takeNote(
  archive: Archive,
  name: string,
): Promise<{ readonly text: string; readonly note: SignedNote }> {
  const text = fromUtf8(await archive.take(name, MAX_NOTE))
  const note = text === undefined ? undefined : parseNote(text)
  if (text === undefined || note === undefined) throw archive.refuse('malformed')
  return { text, note }
}

/** Reads the checkpoint of a log that belongs to the main one, or of that itself. */
export async function takeCheckpoint(archive: Archive, ask: CheckpointAsk): Promise<SignedState> {
  const { text, note } = await takeNote(archive, ask.name)
  const signed = readCheckpoint(note.text)
  if (signed === undefined) throw archive.refuse('malformed')
  if (firstOrigin(signed.origin) !== ask.origin) throw archive.refuse('wrong_origin')
  const keys = ask.keys.map((key) => ({ ...key, name: signed.origin }))
  const verdict = await judgeNote(note, keys)
  if (!verdict.ok) throw archive.refuse(verdict.reason)
  return { ...signed, checkpoint: text }
}
