import { equalBytes, toBase64url, utf8 } from '../base/bytes.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { readCheckpoint } from '../crypto/checkpoint.ts'
import { sha256 } from '../crypto/hash.ts'
import { rootOf, verifyConsistency } from '../crypto/merkle.ts'
import { parseNote, type SignedNote, verifyNote } from '../crypto/note.ts'
import type { Anchor, ProveConsistency } from '../storage/anchor.ts'
import type { RollbackProtection } from './entry.ts'
import { type LogHead, splitOrigin } from './log-head.ts'
import type { ContradictionKind, Quarantine } from './quarantine.ts'

/** Keeps what an anchor in another trust domain remembers in step with the log. */
export interface Anchoring {
  /**
   * Holds store and anchor against each other. A store that is ahead rolls the anchor forward, with proof;
   * one that is behind, or has other entries, goes into quarantine.
   */
  settle(): Promise<RollbackProtection>
  /**
   * After a commit that followed the second checkpoint: `none` when the anchor could not be reached, in which case
   * a later call makes up for it.
   *
   * @throws {@link ledger_inconsistent} when the anchor knows another history
   */
  protect(note: string, follows?: string): Promise<RollbackProtection>
}

/** What anchoring needs. */
export interface AnchoringDeps {
  readonly anchor: Anchor | undefined
  readonly quarantine: Quarantine
  readonly log: AnchoredLog
}

/** The log as its anchor needs it. */
export interface AnchoredLog {
  /** As it is in the store now. */
  head(): Promise<LogHead>
  readonly origin: string
  /** Of all keys that ever signed. */
  readonly publicKeys: readonly Uint8Array[]
  prove: ProveConsistency
}

type Relation = 'same' | 'behind' | ContradictionKind

/** Other processes move the same anchor; each of them moves it forward, so this ends. */
const ATTEMPTS = 20

/** Without an anchor nothing is protected, and nothing is claimed to be. */
export function createAnchoring({ anchor, ...deps }: AnchoringDeps): Anchoring {
  if (anchor === undefined) return { settle: async () => 'none', protect: async () => 'none' }
  const state: State = { ...deps, anchor, known: undefined }
  return { settle: () => settle(state), protect: (note, follows) => protect(state, note, follows) }
}

/** Names what a restored log does not follow. */
export function fingerprintOf(note: string): string {
  return toBase64url(sha256(utf8(note)))
}

interface State extends AnchoringDeps {
  readonly anchor: Anchor
  /** What the anchor was last seen to remember. */
  known: string | undefined
}

async function settle(state: State): Promise<RollbackProtection> {
  const { anchor, log, quarantine } = state
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    // The anchor first: what another process commits in between puts the store ahead, never behind.
    const anchored = await anchor.read()
    const head = await log.head()
    const relation = await relate(log, head, anchored)
    if (relation === 'same') return remember(state, anchored)
    const found = relation === 'behind' ? await advance(state, anchored, head.note) : relation
    if (found === 'same') return remember(state, head.note)
    if (found === 'behind') continue
    // Another process may have committed, and been cosigned, since the head was read.
    if (relation === 'behind' && (await log.head()).range.size > head.range.size) continue
    const { origin } = log
    quarantine.enter({ kind: found, origin, stored: head.note, anchored: anchored ?? '' })
    quarantine.check()
  }
  throw new PrivityError('store_unavailable', { reason: 'anchor_busy', store: 'anchor' })
}

/** An anchor that looks for itself, such as a witness, may know of a contradiction that its copy here does not. */
async function advance(
  { anchor, log }: State,
  from: string | undefined,
  to: string,
): Promise<'same' | 'behind' | ContradictionKind> {
  try {
    return (await anchor.advance(from, to, log.prove)) ? 'same' : 'behind'
  } catch (error) {
    // Of the anchor alone: the store is as it was.
    if (isPrivityError(error, 'outcome_unknown'))
      throw new PrivityError('store_unavailable', { reason: 'timeout', store: 'anchor' })
    if (!isPrivityError(error, 'ledger_inconsistent')) throw error
    return error.details.kind === 'fork' ? 'fork' : 'anchor_ahead'
  }
}

/**
 * What was appended to the checkpoint that the anchor has follows it, and needs no proof. Anything else is held
 * against the anchor anew: others moved it, or the store was set back beneath this process, and what was appended
 * to the older copy may long be longer than what was lost.
 */
async function protect(
  state: State,
  note: string,
  follows: string | undefined,
): Promise<RollbackProtection> {
  try {
    const { known } = state
    if (known === note) return 'anchored'
    const isNext =
      known !== undefined && follows !== undefined && signedIn(known) === signedIn(follows)
    if (isNext && (await advance(state, known, note)) === 'same') return remember(state, note)
    return await settle(state)
  } catch (error) {
    if (isPrivityError(error, 'ledger_inconsistent')) throw error
    return 'none'
  }
}

/** An anchor may have added signatures. */
function signedIn(note: string): string | undefined {
  return parseNote(note)?.text
}

function remember(state: State, note: string | undefined): RollbackProtection {
  state.known = note
  return 'anchored'
}

async function relate(
  log: AnchoredLog,
  head: LogHead,
  anchored: string | undefined,
): Promise<Relation> {
  if (anchored === undefined) return 'behind'
  if (head.state['succeeds'] === fingerprintOf(anchored)) return 'behind'
  const note = parseNote(anchored)
  const remembered = note === undefined ? undefined : readCheckpoint(note.text)
  if (note === undefined || remembered === undefined)
    throw new PrivityError('store_corrupt', { reason: 'anchor', store: 'anchor' })
  const [stored, told] = [splitOrigin(log.origin), splitOrigin(remembered.origin)]
  if (stored.first !== told.first) return 'other_log'
  if (stored.generation !== told.generation)
    return told.generation > stored.generation ? 'anchor_ahead' : 'fork'
  const { size } = head.range
  if (remembered.size > size) return 'anchor_ahead'
  if (!(await isSigned(log, note))) return 'fork'
  const root2 = rootOf(head.range)
  if (remembered.size === size) return equalBytes(remembered.root, root2) ? 'same' : 'fork'
  const sizes = { size1: BigInt(remembered.size), size2: BigInt(size) }
  const proof = await log.prove(sizes.size1, sizes.size2)
  const grown = verifyConsistency({ ...sizes, root1: remembered.root, root2, proof })
  return grown ? 'behind' : 'fork'
}

async function isSigned({ origin, publicKeys }: AnchoredLog, note: SignedNote): Promise<boolean> {
  return verifyNote(
    note,
    publicKeys.map((publicKey) => ({ name: origin, publicKey })),
  )
}
