import type { ErasedIndex } from '../../erasure/erased-index.ts'
import { type Fault, MAX_FAULTS } from '../../ledger/verify-log.ts'
import type { Key } from '../../storage/store.ts'
import type { ControllerFold, Unmarked } from './controller-fold.ts'
import type { Deep, DeepLog } from './deep.ts'

/** Which leaves have no body, and what may account for that. */
export interface Bodiless {
  readonly before: ErasedIndex
  readonly now: ErasedIndex
  /** Bodies that this process could not open, because their keys are not released to it. */
  readonly withheld: number
  readonly fold: Pick<ControllerFold, 'unmarked'>
  /** Bodies of people whom nobody could open, as many as the caller knows of. */
  readonly known: bigint | undefined
}

interface Missing {
  readonly leaves: readonly { readonly index: bigint; readonly key: Key }[]
  readonly count: number
  /** Of leaves that were written after the last of those people was erased. */
  readonly late: number
}

const NONE: Unmarked = { count: 0, below: 0 }

/** Every leaf has a body, or lost it to an erasure; none has both. As many as lost it without a mark, as the log says. */
export function verifyBodiless(deep: Deep, bodiless: Bodiless): bigint {
  const { withheld, fold } = bodiless
  const passed: Missing[] = []
  for (const log of deep.logs) {
    const { count, below } = fold.unmarked.logs.get(log.number) ?? NONE
    const missing = lookForMissing(deep, { log, below }, bodiless)
    // To which of them the bodies belong that could not be opened here, nobody can tell.
    const isExcused = missing.count <= count + withheld && (withheld > 0 || missing.late === 0)
    if (isExcused) passed.push(missing)
    else reportAll(deep, missing, 'body_missing')
  }
  return verifyUnmarked(deep, bodiless, passed)
}

/** As many leaves as the erasures say, and as whoever asks knows of. */
function verifyUnmarked(
  deep: Deep,
  { withheld, fold, known }: Bodiless,
  passed: readonly Missing[],
): bigint {
  const { logs, entries } = fold.unmarked
  const total = [...logs.values()].reduce((sum, { count }) => sum + count, 0)
  const found = passed.reduce((sum, { count }) => sum + count, 0)
  const isKnown = known === undefined || known === BigInt(total)
  if (isKnown && (withheld > 0 || found === total || passed.length < deep.logs.length))
    return BigInt(total)
  if (entries.length === 0) deep.report({ kind: 'body_unmarked' })
  for (const key of entries) deep.report({ key, kind: 'body_unmarked' })
  if (withheld === 0) for (const missing of passed) reportAll(deep, missing, 'body_unmarked')
  return BigInt(total)
}

function lookForMissing(
  deep: Deep,
  { log, below }: { readonly log: DeepLog; readonly below: number },
  { before, now }: Pick<Bodiless, 'before' | 'now'>,
): Missing {
  const { number, keys, size, accounted } = log
  const leaves: Missing['leaves'][number][] = []
  let [count, late] = [0, 0]
  for (let index = 0; index < size; index += 1) {
    const isThere = accounted.has(index)
    const leaf = { index: BigInt(index), key: keys.leaf(index) }
    if (isThere && before.has(index, number)) deep.report({ ...leaf, kind: 'row_unexpected' })
    if (isThere || now.has(index, number)) continue
    count += 1
    if (index >= below) late += 1
    if (leaves.length < MAX_FAULTS) leaves.push(leaf)
  }
  return { leaves, count, late }
}

function reportAll(deep: Deep, { leaves }: Missing, kind: Fault['kind']): void {
  for (const leaf of leaves) deep.report({ ...leaf, kind })
}
