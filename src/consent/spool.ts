import { canonicalBytes } from '../base/canonical.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { randomId } from '../base/id.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { Clock } from '../base/time.ts'
import { afterConflicts } from '../base/tries.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { LegalBasis } from '../policy/legal-basis.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import { isUnreadable } from '../subjects/unreadable.ts'
import type { Key, Row, Store } from '../storage/store.ts'

/**
 * Withdrawals that came while the store was in quarantine. A person's no is never turned away; it is kept
 * beside the log, and recorded as soon as there is a log to record it in.
 */
export interface Spool {
  /**
   * Durable when it resolves, and recorded by whoever opens the store next.
   *
   * @throws {@link ledger_inconsistent} when the store was accepted meanwhile: others may have opened it already
   */
  keep(withdrawal: KeptWithdrawal): Promise<void>
  /** Records everything that was kept, oldest first, each at most once. */
  replay(record: RecordWithdrawal): Promise<void>
}

/** A withdrawal as it came. */
export interface KeptWithdrawal {
  readonly subjectId: string
  readonly purpose: string
  /** On which the purpose rested then; taken as it is now where that is not known. */
  readonly basis?: LegalBasis
  readonly operationId: string
}

/** Records a withdrawal in the log. */
export type RecordWithdrawal = (withdrawal: KeptWithdrawal) => Promise<void>

/** What spooling needs. */
export interface SpoolDeps {
  /** The store itself, in quarantine too. */
  readonly store: Store
  readonly keyspace: Keyspace
  readonly controller: Pick<ControllerKey, 'seal' | 'open'>
  readonly clock: Clock
  readonly ledger: Pick<Ledger, 'log' | 'quarantine'>
}

const VERSION = 1
/** An older copy may lack the person, an erased one has nothing left to withdraw from, and a group never had. */
const NOTHING_TO_WITHDRAW: ReadonlySet<string> = new Set(['not_found', 'erased', 'invalid_input'])
const PAGE = 100
/** Somebody without an anchor may go on writing to the store. */
const ATTEMPTS = 20
/** Milliseconds since the epoch in hexadecimal, so that keys are in order of time. */
const TIME_DIGITS = 12

/** A spool in the queue rows of the store. */
export function createSpool(deps: SpoolDeps): Spool {
  const { store, keyspace } = deps
  return {
    keep: (withdrawal) => {
      const row = toRow(deps, withdrawal)
      return afterConflicts(ATTEMPTS, () => keepBesideHead(deps, row))
    },
    replay: async (record) => {
      for await (const row of scanRows(store, keyspace.spool, { page: PAGE }))
        await replayOne(deps, row, record)
    },
  }
}

function toRow({ keyspace, controller, clock }: SpoolDeps, withdrawal: KeptWithdrawal): Row {
  const at = clock.now()
  const key = keyspace.spooled(`${at.toString(16).padStart(TIME_DIGITS, '0')}-${randomId()}`)
  const json = { v: VERSION, at, ...withdrawal }
  return [key, controller.seal(key, canonicalBytes(json))]
}

/** Conditional on the head: accepting changes it, and whoever opens the store then records what is kept by then. */
async function keepBesideHead(
  { store, ledger: { log, quarantine } }: SpoolDeps,
  row: Row,
): Promise<void> {
  const { contradiction } = quarantine
  const [head] = await store.read([log.keys.head])
  await log.head(head)
  if (head === undefined || log.origin !== contradiction?.origin)
    throw new PrivityError(
      'ledger_inconsistent',
      contradiction ?? { origin: log.origin, kind: 'head' },
    )
  await store.commit({
    checks: [
      [row[0], null],
      [log.keys.head, head],
    ],
    put: [row, [log.keys.head, head]],
    del: [],
  })
}

async function replayOne(
  { store, controller }: SpoolDeps,
  [key, sealed]: Row,
  record: RecordWithdrawal,
): Promise<void> {
  const kept = parseCanonical(controller.open(key, sealed)) as unknown as KeptWithdrawal
  if (await isSettled(record(kept))) await forget(store, key, sealed)
}

async function isSettled(recording: Promise<void>): Promise<boolean> {
  try {
    await recording
    return true
  } catch (error) {
    if (NOTHING_TO_WITHDRAW.has(isPrivityError(error) ? error.code : '')) return true
    // It is kept until the person opens again, or is erased; nobody can act on a consent that nobody can read.
    // Nor on one to a purpose that no policy of the store has: it waits for one that does.
    if (isUnreadable(error) || isPrivityError(error, 'not_declared')) return false
    throw error
  }
}

/** Two processes may replay at once: the operation id has it recorded once, and either may clear the row. */
async function forget(store: Store, key: Key, sealed: Uint8Array): Promise<void> {
  try {
    await store.commit({ checks: [[key, sealed]], put: [], del: [key] })
  } catch (error) {
    if (!isPrivityError(error, 'write_conflict')) throw error
  }
}
