import { equalBytes } from '../base/bytes.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'
import { fingerprintOf } from '../ledger/anchoring.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Contradiction } from '../ledger/quarantine.ts'
import type { Store } from '../storage/store.ts'

/** What accepting needs. */
export interface AcceptDeps {
  readonly store: Store
  readonly ledger: Ledger
  readonly clock: Clock
}

/**
 * Goes on with a store that its anchor contradicts, under a new origin: its first entry commits to both
 * heads, and no checkpoint of the old origin is ever contradicted by one of the new. Of several who accept the
 * same, one does.
 *
 * @throws {@link invalid_transition} when there is nothing to accept
 * @throws {@link invalid_input} unless it is what the anchor remembers, of this very log
 * @throws {@link write_conflict} when the store was written to since the contradiction was found
 */
export async function acceptStore(deps: AcceptDeps, anchored: unknown): Promise<void> {
  const { contradiction } = deps.ledger.quarantine
  if (contradiction === undefined)
    throw new PrivityError('invalid_transition', {
      machine: 'ledger',
      from: 'consistent',
      event: 'accept',
    })
  // Named, so that nobody accepts what they have not seen.
  if (anchored !== contradiction.anchored) throw invalidInput(['anchored'], 'other_checkpoint')
  if (contradiction.kind === 'other_log') throw invalidInput(['anchored'], 'other_log')
  await enter(deps, contradiction)
}

async function enter(
  { store, ledger, clock }: AcceptDeps,
  { kind, origin, stored, anchored }: Contradiction,
): Promise<void> {
  const { log } = ledger
  const [bytes] = await store.read([log.keys.head])
  const { note, state } = await log.head(bytes)
  if (log.origin !== origin && state['succeeds'] === fingerprintOf(anchored)) return
  const event = { type: 'ledger.restored', kind, stored, anchored }
  await ledger.resolve<null>({
    reads: [log.keys.head],
    build: (rows) => {
      const head = rows.get(log.keys.head)
      // Nobody accepts what they have not seen, nor a second time what somebody else accepted.
      if (note !== stored || head === undefined || bytes === undefined || !equalBytes(head, bytes))
        throw new PrivityError('write_conflict', { attempts: 1 })
      const entry = { kind: 'controller', at: clock.now(), event, accepts: anchored } as const
      return { kind: 'change', change: { put: [], del: [], entry }, value: null }
    },
  })
}
