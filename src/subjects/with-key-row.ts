import { sameBytes } from '../base/bytes.ts'
import { isPrivityError } from '../base/errors.ts'
import type { RingEntry } from '../keys/key-ring.ts'
import type { PersonKeys } from '../keys/person-keys.ts'
import type { Entry, EntryReceipt } from '../ledger/entry.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Committed, Participant } from '../storage/participant.ts'
import type { Held, KeyRow } from './key-row.ts'
import type { KeyRows } from './key-rows.ts'

/** What was done, or the keys that have to be in the key store first. */
export type Outcome<T> = { readonly done: T } | { readonly lacks: readonly RingEntry[] }

/** What working with keys needs. */
export interface WithKeysDeps {
  readonly keys: PersonKeys
  readonly keyRows: KeyRows | undefined
}

/** Whose keys, and their row if it was just read. */
export interface WhoseKeys {
  readonly id: string
  readonly row?: KeyRow | undefined
}

/** Not provably without effect: what was added may be in use. */
const DOUBTFUL: ReadonlySet<string> = new Set(['outcome_unknown', 'store_corrupt'])

/**
 * Runs on a person's key row; again on a newer one, since another process may just have added the key that a
 * document counts on. Without a key store, once.
 */
export async function withKeyRow<T>(
  deps: WithKeysDeps,
  whose: WhoseKeys,
  run: (held: Held | undefined) => T | Promise<T>,
): Promise<T> {
  const { keyRows } = deps
  if (keyRows === undefined) return run(undefined)
  return provideKeys({ ...deps, keyRows }, whose, async (held) => ({ done: await run(held) }))
}

/** Submits an operation about a person; what it lacks is in the key store before anything counts on it. */
export async function submitWithKeys<T>(
  deps: WithKeysDeps & { readonly ledger: Ledger },
  id: string,
  participantOf: (held: Held | undefined) => Participant<Entry, Outcome<T>>,
): Promise<Committed<T, EntryReceipt>> {
  const { keyRows, ledger } = deps
  async function submit(held: Held | undefined): Promise<Outcome<Committed<T, EntryReceipt>>> {
    const { value, receipt } = await ledger.of(id).submit(participantOf(held))
    return 'lacks' in value ? value : { done: { value: value.done, receipt } }
  }
  if (keyRows !== undefined) return provideKeys({ ...deps, keyRows }, { id }, submit)
  const outcome = await submit(undefined)
  if ('done' in outcome) return outcome.done
  throw new TypeError('keys within a document are never lacking')
}

type KeyStoreDeps = WithKeysDeps & { readonly keyRows: KeyRows }

async function provideKeys<T>(
  { keys, keyRows }: KeyStoreDeps,
  { id, row }: WhoseKeys,
  run: (held: Held) => Promise<Outcome<T>>,
): Promise<T> {
  let held: Held = { row: row ?? (await keyRows.read(id)), offered: [], isSettled: false }
  try {
    for (;;) {
      const now = held
      const outcome = await orNewer(keyRows, { id, held }, () => keys.meet(() => run(now)))
      if ('done' in outcome) return outcome.done
      if ('held' in outcome) held = outcome.held
      else {
        const added = await keyRows.add(id, outcome.lacks)
        held = { row: added, offered: [...held.offered, ...outcome.lacks], isSettled: false }
      }
    }
  } catch (error) {
    if (isPrivityError(error) && !DOUBTFUL.has(error.code)) await takeBack(keyRows, id, held)
    throw error
  }
}

/** A key that is missing is looked for once more, in a row that was read after the document. */
async function orNewer<T>(
  keyRows: KeyRows,
  { id, held }: { readonly id: string; readonly held: Held },
  run: () => Promise<Outcome<T>>,
): Promise<Outcome<T> | { readonly held: Held }> {
  try {
    return await run()
  } catch (error) {
    if (!isPrivityError(error, 'key_unknown')) throw error
    const row = await keyRows.read(id)
    const isSame = isEqual(row.bytes, held.row.bytes)
    if (isSame && held.isSettled) throw error
    return { held: { ...held, row, isSettled: isSame } }
  }
}

/** Nobody counts on them: what stays behind is harmless, and goes with the person. */
async function takeBack(keyRows: KeyRows, id: string, { offered }: Held): Promise<void> {
  if (offered.length > 0) await keyRows.remove(id, offered).catch(() => undefined)
}

function isEqual(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameBytes(a, b)
}
