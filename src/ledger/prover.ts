import { PrivityError } from '../base/errors.ts'
import type { Store } from '../storage/store.ts'
import type { EntryReceipt, RollbackProtection } from './entry.ts'
import type { Log } from './log.ts'
import { inclusionProof } from './prove.ts'

/**
 * Shows that entries are in a log, all under the checkpoint that was the newest when the first was asked for.
 *
 * @throws {@link ledger_inconsistent} when a row that is needed is missing or was changed
 */
export type Prover = (index: number) => Promise<Placed>

/** Where an entry stands, proven against a checkpoint. */
export type Placed = Omit<EntryReceipt, 'sequence' | 'follows'>

/** What proving needs. */
export interface ProverDeps {
  readonly store: Pick<Store, 'read'>
  readonly log: Log
  /** How far an entry that this checkpoint covers is protected. */
  protect(checkpoint: string): Promise<RollbackProtection>
}

type Newest = Pick<Placed, 'origin' | 'size' | 'checkpoint' | 'rollbackProtection'>

/** A prover over a log. */
export function createProver(deps: ProverDeps): Prover {
  const { store, log } = deps
  let newest: Newest | undefined
  return async (index) => {
    newest ??= await readNewest(deps)
    const proof = await inclusionProof(store, log, { index, size: newest.size })
    const [leaf] = await store.read([log.keys.leaf(index)])
    if (leaf === undefined) throw inconsistent(log, 'leaf_missing')
    return { ...newest, index, leaf, inclusion: () => proof }
  }
}

async function readNewest({ store, log, protect }: ProverDeps): Promise<Newest> {
  const [bytes] = await store.read([log.keys.head])
  if (bytes === undefined) throw inconsistent(log, 'head')
  const { range, note } = await log.head(bytes)
  const rollbackProtection = await protect(note)
  return { origin: log.origin, size: range.size, checkpoint: note, rollbackProtection }
}

function inconsistent({ origin }: Log, kind: string): PrivityError {
  return new PrivityError('ledger_inconsistent', { origin, kind })
}
