import { toBase64url } from '../base/bytes.ts'
import { canonicalBytes, type JsonObject } from '../base/canonical.ts'
import { isId } from '../base/id.ts'
import { isCount } from '../base/json-shape.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { ifOpens } from '../base/if-opens.ts'
import { sha256 } from '../crypto/hash.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Key } from '../storage/store.ts'
import { type ErasedPart, readNumbers, readPart } from './erased-part.ts'

/** What a journal is told of an erasure: that it is about to destroy, and that it is complete. */
export interface JournalNote {
  readonly kind: JournalKind
  readonly erasureId: string
  /** Random: a pseudonym. */
  readonly subjectId: string
  /** What of the person, in a word. */
  readonly scope: 'all' | 'part'
  readonly planHash: string
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Where it is remembered that the app's own id was of somebody who is erased. */
  readonly suppress?: string
  /** Ids of groups that somebody is taken out of, of whom a copy may say nothing any more. */
  readonly groups?: readonly string[]
  /** What is about to go; of a part only. A large one has several entries. */
  readonly part?: ErasedPart
  /** Numbers of the entries whose parts went, once all have; what others say did not happen. */
  readonly parts?: readonly number[]
}

/** A note in its place. */
export interface JournalEntry extends JournalNote {
  readonly seq: number
  /** Of the row before, as it is stored. */
  readonly prevHash: string
}

export type JournalKind = 'intent' | 'completed'

/** A place in the chain; the first is before all entries. */
export interface Place {
  readonly seq: number
  /** SHA-256 of its row as it is stored, base64url. */
  readonly hash: string
}

export const START: Place = { seq: 0, hash: '' }

type Sealer = Pick<ControllerKey, 'seal' | 'open'>

const VERSION = 1
/** Of entries about parts: who knows whole people only must not take one of these for that. */
const PART_VERSION = 2
const KINDS: ReadonlySet<unknown> = new Set<JournalKind>(['intent', 'completed'])
const TOKEN = /^[0-9a-f]{32}$/

/** How the chain names a row: sealed, so that the hash alone shows nothing. */
export function hashOf(row: Uint8Array): string {
  return toBase64url(sha256(row))
}

/** The row of an entry, sealed for its place. */
export function sealEntry(controller: Sealer, row: Key, entry: JournalEntry): Uint8Array {
  const v = entry.scope === 'part' ? PART_VERSION : VERSION
  return controller.seal(row, canonicalBytes({ v, ...entry } as unknown as JsonObject))
}

/** The row that says where the chain ends. */
export function sealPlace(controller: Sealer, row: Key, { seq, hash }: Place): Uint8Array {
  return controller.seal(row, canonicalBytes({ v: VERSION, seq, hash }))
}

/** Undefined for what the controller never wrote there. */
export function openEntry(
  controller: Sealer,
  row: Key,
  sealed: Uint8Array,
): JournalEntry | undefined {
  const json = openJson(controller, row, sealed) ?? {}
  const { kind, erasureId, subjectId, planHash, at, seq, prevHash } = json
  const isKnown = KINDS.has(kind) && isId(erasureId) && isId(subjectId) && isCount(seq)
  const isWhole = typeof planHash === 'string' && typeof prevHash === 'string' && isCount(at)
  const about = json['v'] === PART_VERSION ? partIn(json) : wholeIn(json)
  if (!isKnown || !isWhole || about === undefined) return undefined
  return { kind: kind as JournalKind, erasureId, subjectId, planHash, at, seq, prevHash, ...about }
}

/** Undefined for what the controller never wrote there. */
export function openPlace(controller: Sealer, row: Key, sealed: Uint8Array): Place | undefined {
  const { v, seq, hash } = openJson(controller, row, sealed) ?? {}
  return v === VERSION && isCount(seq) && typeof hash === 'string' ? { seq, hash } : undefined
}

type About = Pick<JournalNote, 'scope' | 'suppress' | 'groups' | 'part' | 'parts'>

function wholeIn({ suppress, groups }: JsonObject): About {
  const isToken = typeof suppress === 'string' && TOKEN.test(suppress)
  return {
    scope: 'all',
    ...(isToken ? { suppress } : {}),
    ...(Array.isArray(groups) ? { groups: groups.filter(isId) } : {}),
  }
}

/** One that does not say what went cannot be done again. */
function partIn(json: JsonObject): About | undefined {
  if (json['kind'] === 'intent') {
    const part = readPart(json['part'])
    return part === undefined ? undefined : { scope: 'part', part }
  }
  const parts = readNumbers(json['parts'])
  return parts === undefined ? undefined : { scope: 'part', parts }
}

function openJson(controller: Sealer, row: Key, sealed: Uint8Array): JsonObject | undefined {
  const json = ifOpens(() => parseCanonical(controller.open(row, sealed)) as JsonObject | undefined)
  const isKnown = json?.['v'] === VERSION || json?.['v'] === PART_VERSION
  return isKnown ? json : undefined
}
