import { toBase64url } from '../base/bytes.ts'
import { canonicalBytes } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { Clock } from '../base/time.ts'
import { rootOf } from '../crypto/merkle.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { ControllerEntry } from '../ledger/entry.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { rootAt } from '../ledger/prove.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Rows } from '../storage/participant.ts'
import { sameRow } from '../storage/same-row.ts'
import type { Key, Row, Store } from '../storage/store.ts'
import type { Journal } from './journal.ts'
import { type Place, START } from './journal-entry.ts'

/** Up to where a store was held against its journal, and how long its log was then at least. */
export interface Mark extends Place {
  readonly logSize: number
  /** The root of the log at that size: by it, a mark is told from that of another copy of the store. */
  readonly root?: string
  /** The furthest place that the store knows of: a journal that lacks it was set back. */
  readonly seen: Place
}

/** What a mark says of this store, and the row that says so. */
export interface OwnMark {
  readonly sealed: Uint8Array | undefined
  readonly mark: Mark
}

/** Moves on what a store knows of its journal, with a commit that is made anyway. */
export interface SeenMark {
  readonly key: Key
  /** Takes over what other processes know: the journal is held against it from then on. */
  look(rows: Rows): void
  /** The row, where more is known here than there. */
  put(rows: Rows): readonly Row[]
}

/** Where the mark is. */
export interface MarkDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly controller: Pick<ControllerKey, 'seal' | 'open'>
  readonly ledger: Ledger
  readonly clock: Clock
}

const VERSION = 1

/** Of a store that was never held against its journal. */
const NONE: Mark = { ...START, logSize: 0, seen: START }

/** @throws {@link decryption_failed} for one that the controller never made */
function openMark(
  { keyspace, controller }: Pick<MarkDeps, 'keyspace' | 'controller'>,
  sealed: Uint8Array,
): Mark {
  const json = parseCanonical(controller.open(keyspace.journalMark, sealed)) as
    | (Omit<Mark, 'seen'> & { readonly v: number; readonly seen?: Place })
    | undefined
  if (json?.v !== VERSION)
    throw new PrivityError('unsupported_format', { what: 'journal mark', version: json?.v ?? 0 })
  const { seq, hash, logSize, root, seen = { seq, hash } } = json
  return { seq, hash, logSize, seen, ...(root === undefined ? {} : { root }) }
}

/** The mark of a store; undefined when it was never used with a journal. */
export async function readMark(
  deps: Omit<MarkDeps, 'ledger' | 'clock'>,
): Promise<Mark | undefined> {
  const [sealed] = await deps.store.read([deps.keyspace.journalMark])
  return sealed === undefined ? undefined : openMark(deps, sealed)
}

/**
 * The mark, as far as it says anything here: what another copy of the store was held against is not done in this one.
 * That the journal had what was seen holds for any copy.
 */
export async function readOwnMark(deps: Omit<MarkDeps, 'clock'>): Promise<OwnMark> {
  const { store, keyspace, ledger } = deps
  const [sealed] = await store.read([keyspace.journalMark])
  if (sealed === undefined) return { sealed, mark: NONE }
  const mark = openMark(deps, sealed)
  const root = await rootAt(store, ledger.log, mark.logSize)
  return { sealed, mark: mark.root === root ? mark : seenIn(deps, sealed) }
}

/**
 * What erasures write of it: in the commit that destroys, so that from that moment on a journal that was set back to
 * before it is known to have been.
 */
export function createSeenMark(
  deps: Pick<MarkDeps, 'keyspace' | 'controller'>,
  journal: Pick<Journal, 'known' | 'expect'>,
): SeenMark {
  const key = deps.keyspace.journalMark
  function look(rows: Rows): Mark {
    const sealed = rows.get(key)
    const mark = sealed === undefined ? NONE : openMark(deps, sealed)
    journal.expect(mark.seen)
    return mark
  }
  return {
    key,
    look,
    put: (rows) => {
      const mark = look(rows)
      const seen = laterOf(mark.seen, journal.known())
      return seen === mark.seen ? [] : [[key, sealMark(deps, { ...mark, seen })]]
    },
  }
}

/**
 * Moves the mark, never back: whoever opens the store next looks only at what came later. With rows that belong to
 * it, in one commit; false when the mark stood there already.
 */
export async function advanceMark(
  deps: MarkDeps,
  { settled, seen }: { readonly settled: Place; readonly seen: Place },
  also: { readonly event: ControllerEntry['event']; readonly put: readonly Row[] } | undefined,
): Promise<boolean> {
  const { keyspace, ledger, clock } = deps
  const { range } = await ledger.head()
  // The log was as long at least: a mark that was taken over from another copy of the store has another root.
  const here = { logSize: range.size, root: toBase64url(rootOf(range)) }
  const known = await readOwnMark(deps)
  const { value } = await ledger.submit<boolean>({
    reads: [keyspace.journalMark, ...(also?.put ?? []).map(([key]) => key)],
    build: (rows) => {
      const stored = rows.get(keyspace.journalMark)
      const before = sameRow(stored, known.sealed) ? known.mark : seenIn(deps, stored)
      const isThere = before.seq >= settled.seq && before.seen.seq >= seen.seq
      if (stored !== undefined && isThere && also === undefined)
        return { kind: 'done', value: false }
      const { seq, hash } = laterOf(before, settled)
      const mark = sealMark(deps, { seq, hash, ...here, seen: laterOf(before.seen, seen) })
      const entry: ControllerEntry = {
        kind: 'controller',
        at: clock.now(),
        event: also?.event ?? { type: 'journal.checked', seq },
      }
      const put = [[keyspace.journalMark, mark] as const, ...(also?.put ?? [])]
      return { kind: 'change', change: { put, del: [], entry }, value: true }
    },
  })
  return value
}

/** Of a row that was not held against the log, only what holds for any copy of the store. */
function seenIn(
  deps: Pick<MarkDeps, 'keyspace' | 'controller'>,
  sealed: Uint8Array | undefined,
): Mark {
  return sealed === undefined ? NONE : { ...NONE, seen: openMark(deps, sealed).seen }
}

function sealMark(
  { keyspace, controller }: Pick<MarkDeps, 'keyspace' | 'controller'>,
  { seq, hash, logSize, root, seen }: Mark,
): Uint8Array {
  const place = { seq, hash, logSize, ...(root === undefined ? {} : { root }) }
  const json = { v: VERSION, ...place, seen: { seq: seen.seq, hash: seen.hash } }
  return controller.seal(keyspace.journalMark, canonicalBytes(json))
}

/** The first where both are as far. */
function laterOf(one: Place, other: Place): Place {
  return one.seq < other.seq ? other : one
}
