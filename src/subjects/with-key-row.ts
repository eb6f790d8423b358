import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'
import type { RingEntry } from '../keys/key-ring.ts'
import type { PersonKeys } from '../keys/person-keys.ts'
import type { Entry, EntryReceipt } from '../ledger/entry.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Committed, Participant } from '../storage/participant.ts'
import { PATIENCE } from '../storage/patience.ts'
import type { Held, KeyRow } from './key-row.ts'
import type { KeyRows } from './key-rows.ts'
import { sameRow } from '../storage/same-row.ts'

/** What was done, or the keys that have to be in the key store first. */
export type Outcome<T> = { readonly done: T } | { readonly lacks: readonly RingEntry[] }

/** What working with keys needs. */
export interface WithKeysDeps {
  readonly keys: PersonKeys
  readonly keyRows: KeyRows | undefined
  readonly clock: Clock
}

/** Whose keys, and their row if it was just read. */
export interface WhoseKeys {
  readonly id: string
  readonly row?: KeyRow | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs on a person's key row; again on a newer one, since another process may just have added the key that a
 * document counts on. With a key store or without, keys of an epoch that was not met before are fetched.
 */
export async function withKeyRow<T>(
  deps: WithKeysDeps,
  whose: WhoseKeys,
  run: (held: Held | undefined) => T | Promise<T>,
): Promise<T> {
  const { keys, keyRows } = deps
  if (keyRows === undefined) return keys.meet(() => run(undefined))
  return provideKeys({ ...deps, keyRows }, whose, async (held) => ({ done: await run(held) }))
}

/** Submits an operation about a person; what it lacks is in the key store before anything counts on it. */
export async function submitWithKeys<T>(
  deps: WithKeysDeps & { readonly ledger: Ledger },
  { id, signal }: Pick<WhoseKeys, 'id' | 'signal'>,
  participantOf: (held: Held | undefined) => Participant<Entry, Outcome<T>>,
): Promise<Committed<T, EntryReceipt>> {
  const { keyRows, ledger } = deps
  async function submit(held: Held | undefined): Promise<Outcome<Committed<T, EntryReceipt>>> {
    const { value, receipt } = await ledger.of(id).submit(participantOf(held))
    return 'lacks' in value ? value : { done: { value: value.done, receipt } }
  }
  if (keyRows !== undefined) return provideKeys({ ...deps, keyRows }, { id, signal }, submit)
  const outcome = await submit(undefined)
  if ('done' in outcome) return outcome.done
  throw new TypeError('keys within a document are never lacking')
}

type KeyStoreDeps = WithKeysDeps & { readonly keyRows: KeyRows }

/** Others who write the same person all the time have been faster as often as that. */
const ATTEMPTS = 64

/**
 * Keys that were added stay, whatever comes of it: an attempt that is taken for lost may land late, and what nobody
 * counts on is harmless and goes with the person.
 */
async function provideKeys<T>(
  { keys, keyRows, clock }: KeyStoreDeps,
  { id, row, signal }: WhoseKeys,
  run: (held: Held) => Promise<Outcome<T>>,
): Promise<T> {
  let held: Held = { row: row ?? (await keyRows.read(id)), offered: [], isSettled: false }
  const deadline = clock.now() + PATIENCE
  for (let attempt = 1; ; attempt += 1) {
    const now = held
    const outcome = await orNewer(keyRows, { id, held }, () => keys.meet(() => run(now)))
    if ('done' in outcome) return outcome.done
    signal?.throwIfAborted()
    const isLate = attempt > 1 && clock.now() >= deadline
    if (isLate || attempt >= ATTEMPTS)
      throw new PrivityError('write_conflict', { attempts: attempt })
    if ('held' in outcome) held = outcome.held
    else {
      const added = await keyRows.add(id, outcome.lacks, signal)
      held = { row: added, offered: [...held.offered, ...outcome.lacks], isSettled: false }
    }
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
    const isSame = sameRow(row.bytes, held.row.bytes)
    if (isSame && held.isSettled) throw error
    return { held: { ...held, row, isSettled: isSame } }
  }
}
