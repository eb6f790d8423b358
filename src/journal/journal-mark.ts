import { canonicalBytes } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { Clock } from '../base/time.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { ControllerEntry } from '../ledger/entry.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Row, Store } from '../storage/store.ts'
import type { Place } from './journal-entry.ts'

/** Up to where a store was held against its journal, and how long its log was then at least. */
export interface Mark extends Place {
  readonly logSize: number
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

/** @throws {@link decryption_failed} for one that the controller never made */
function openMark(
  { keyspace, controller }: Pick<MarkDeps, 'keyspace' | 'controller'>,
  sealed: Uint8Array,
): Mark {
  const json = parseCanonical(controller.open(keyspace.journalMark, sealed)) as
    | (Mark & { readonly v: number })
    | undefined
  if (json?.v !== VERSION)
    throw new PrivityError('unsupported_format', { what: 'journal mark', version: json?.v ?? 0 })
  return { seq: json.seq, hash: json.hash, logSize: json.logSize }
}

/** The mark of a store; undefined when it was never used with a journal. */
export async function readMark(
  deps: Omit<MarkDeps, 'ledger' | 'clock'>,
): Promise<Mark | undefined> {
  const [sealed] = await deps.store.read([deps.keyspace.journalMark])
  return sealed === undefined ? undefined : openMark(deps, sealed)
}

/**
 * Moves the mark, never back: whoever opens the store next looks only at what came later. With rows that belong to
 * it, in one commit; false when the mark stood there already.
 */
export async function advanceMark(
  deps: MarkDeps,
  to: Place,
  also: { readonly event: ControllerEntry['event']; readonly put: readonly Row[] } | undefined,
): Promise<boolean> {
  const { keyspace, controller, ledger, clock } = deps
  // As long at least: a mark that was taken over from a later copy of the store says more than its log holds.
  const logSize = (await ledger.head()).range.size
  const { value } = await ledger.submit<boolean>({
    reads: [keyspace.journalMark],
    build: (rows) => {
      const stored = rows.get(keyspace.journalMark)
      const before = stored === undefined ? undefined : openMark(deps, stored)
      if (before !== undefined && before.seq >= to.seq && also === undefined)
        return { kind: 'done', value: false }
      const { seq, hash } = before === undefined || before.seq < to.seq ? to : before
      const mark = controller.seal(
        keyspace.journalMark,
        canonicalBytes({ v: VERSION, seq, hash, logSize }),
      )
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
