import { readErased } from '../../erasure/erased-index.ts'
import { type Fault, tell, type Verification, type VerifyOptions } from '../../ledger/verify-log.ts'
import type { Log } from '../../ledger/log.ts'
import type { LogKeys } from '../../storage/keyspace.ts'
import type { Key } from '../../storage/store.ts'
import { verifyAccesses } from './accesses.ts'
import { createControllerFold } from './controller-fold.ts'
import { verifyNoted } from './noted-logs.ts'
import { verifyControllerRows } from './controller-rows.ts'
import { type Deep, type DeepDeps, startDeep } from './deep.ts'
import { verifyKeyRows } from './key-rows.ts'
import { OUTSIDE, verifyOutside } from './outside.ts'
import { verifyPeople } from './people.ts'
import { findStrays } from './strays.ts'
import { createTally } from './tally.ts'
import { verifyBodiless } from './unmarked.ts'

/** What was verified already. */
export interface VerifiedLogs {
  /** Leaves of each log of entries, the main one first. */
  readonly sizes: readonly number[]
  /** Access logs, from the first. */
  readonly writers: readonly Log[]
  readonly faults: readonly Fault[]
}

/** All that a store holds but its logs of entries; into `w/` is looked by writer. */
const NAMES = ['a/', 'c/', 'k/', 'p/', ...OUTSIDE, 'w/'] as const
const LOG_NAMES = ['e/', 'head', 'n/'] as const

/**
 * Holds every row but those of queues against what the log committed to: the expected store is the fold of
 * the entries. Writers may go on meanwhile.
 */
export async function verifyDeep(
  deps: DeepDeps,
  { sizes, writers, faults }: VerifiedLogs,
  { unmarked: known, ...options }: Omit<VerifyOptions, 'deep'>,
): Promise<Pick<Verification, 'faults' | 'unmarked'>> {
  const deep = startDeep(deps, sizes, options)
  for (const fault of faults) deep.report(fault)
  const fold = createControllerFold(deep)
  await fold.advance()
  const before = await readErased(deps.people.deps)
  const tally = createTally()
  const { fenced, withheld } = await verifyPeople(deep, fold, tally)
  await verifyKeyRows(deep)
  await verifyOutside(deep, fold, tally)
  await verifyNoted(deep, fold, writers)
  await verifyAccesses(deep, writers)
  await verifyControllerRows(deep, fold, fenced)
  await fold.advance()
  const now = await readErased(deps.people.deps)
  const unmarked = verifyBodiless(deep, { before, now, withheld, fold, known })
  for await (const key of findStrays(deep.store, deep.keyspace.prefix, namesOf(deep))) {
    deep.report({ key, kind: 'row_unexpected' })
  }
  const total = sizes.reduce((sum, size) => sum + size, 0)
  tell(options, total, total)
  return { faults: deep.faults, ...(unmarked === 0n ? {} : { unmarked }) }
}

function namesOf({ logs, nameOf }: Deep): readonly string[] {
  return [
    ...NAMES,
    ...logs.flatMap(({ keys }) => LOG_NAMES.map((name) => nameOf(prefixOf(keys)) + name)),
  ]
}

function prefixOf({ head }: LogKeys): Key {
  return head.slice(0, -'head'.length)
}
