import { invalidInput } from '../base/errors.ts'
import { pick } from '../base/members.ts'
import type { ContradictionKind } from '../ledger/quarantine.ts'
import type { Fault, FaultKind, Verification, VerifyOptions } from '../ledger/verify-log.ts'
import { CONTRADICTION_MEANINGS, FAULT_MEANINGS, type Meaning } from './fault-meanings.ts'
import type { LedgerFace } from './ledger-face.ts'

/** Something that is not as it was signed, and what that means. */
export interface Finding extends Meaning {
  /** What is wrong, as `ledger.verify` or the anchor calls it. */
  readonly kind: FaultKind | ContradictionKind
  /** How many of the kind were found. */
  readonly count: number
  /** Where: the row, and the leaf of its log. At most ten; none for what the anchor contradicts. */
  readonly places: readonly Pick<Fault, 'key' | 'index'>[]
}

/** What an operator has to know about a store. */
export interface FsckReport {
  /** Whether nothing was found. */
  readonly ok: boolean
  /** Leaves that were verified. */
  readonly size: bigint
  /** One for each kind, the ones that explain others first. */
  readonly findings: readonly Finding[]
  /** Entries of people who were erased and whom nobody could open; see {@link Verification}. Absent: none. */
  readonly unmarked?: bigint
}

const PLACES = 10

/**
 * Verifies the whole store as `ledger.verify({ deep: true })` does, and says of each kind of fault what it means and
 * what to do. It changes nothing. Of a store that its anchor contradicts, only the logs are verified.
 *
 * @throws {@link invalid_input} for what is no privity, and for wrong options
 * @example
 * ```ts
 * import { fsck } from 'privity'
 *
 * const { ok, findings } = await fsck(privity)
 * for (const { kind, count, meaning, advice } of findings) console.log(kind, count, meaning, advice)
 * ```
 */
export async function fsck(
  privity: { readonly ledger: Pick<LedgerFace, 'verify' | 'contradiction'> },
  options: Omit<VerifyOptions, 'deep'> = {},
): Promise<FsckReport> {
  const ledger = ledgerOf(privity)
  const { contradiction } = ledger
  const deep = contradiction === undefined
  const verified = await ledger.verify(deep ? { ...options, deep } : options)
  const { ok, size, faults, unmarked } = verified
  const found = [
    ...(contradiction === undefined ? [] : [contradictionFinding(contradiction.kind)]),
    ...findingsOf(faults),
  ]
  const told = unmarked === undefined ? {} : { unmarked }
  return { ok: ok && deep, size, findings: found, ...told }
}

function ledgerOf(privity: unknown): Pick<LedgerFace, 'verify' | 'contradiction'> {
  const { ledger } = pick(privity, ['ledger'], ['privity'])
  const { verify } = pick(ledger, ['verify'], ['privity', 'ledger'])
  if (typeof verify !== 'function') throw invalidInput(['privity'], 'not_a_privity')
  return ledger as Pick<LedgerFace, 'verify' | 'contradiction'>
}

function contradictionFinding(kind: ContradictionKind): Finding {
  return { kind, count: 1, places: [], ...CONTRADICTION_MEANINGS[kind] }
}

/** In the order of the table, which begins with what hides or leads to others. */
function findingsOf(faults: readonly Fault[]): readonly Finding[] {
  const kinds = Object.keys(FAULT_MEANINGS) as readonly FaultKind[]
  return kinds.flatMap((kind) => {
    const all = faults.filter((fault) => fault.kind === kind)
    if (all.length === 0) return []
    const places = all.slice(0, PLACES).map(placeOf)
    return [{ kind, count: all.length, places, ...FAULT_MEANINGS[kind] }]
  })
}

function placeOf({ key, index }: Fault): Pick<Fault, 'key' | 'index'> {
  return { ...(key === undefined ? {} : { key }), ...(index === undefined ? {} : { index }) }
}
