import { toHex, utf8 } from '../base/bytes.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { isId, randomId, type SubjectId } from '../base/id.ts'
import type { Clock } from '../base/time.ts'
import { sha256 } from '../crypto/hash.ts'
import type { Quarantine } from '../ledger/quarantine.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import { parseSubjectId, parseWriteOptions } from '../subjects/write-options.ts'
import type { Consent } from './consent.ts'
import { parseWithdrawal, requirePurpose } from './consent-input.ts'
import { receiptIdOf, toEvent, toRecord } from './decision-event.ts'
import type { Receipts } from './receipt.ts'
import type { Spool } from './spool.ts'

/** What keeping withdrawals needs. */
export interface SpoolingDeps {
  readonly policy: CompiledPolicy
  readonly spool: Spool
  readonly receipts: Receipts
  readonly clock: Clock
  readonly quarantine: Quarantine
  /** Names the log. */
  readonly origin: string
}

/** Consent whose withdrawals are kept while the store is in quarantine. */
export function withSpool(consent: Consent, deps: SpoolingDeps): Consent {
  const keep = spoolWithdrawals(deps)
  return {
    ...consent,
    withdraw: async (subjectId, input, options) => {
      if (deps.quarantine.contradiction !== undefined) return keep(subjectId, input, options)
      // An id in any case: what is kept again after a lost answer is recorded once.
      const parsed = parseWriteOptions(options)
      const once = { ...parsed, operationId: parsed.operationId ?? randomId() }
      try {
        return await consent.withdraw(subjectId, input, once)
      } catch (error) {
        // Without a quarantine others go on reading: what is not recorded must not seem to be.
        if (deps.quarantine.contradiction === undefined) throw error
        if (!isPrivityError(error, 'ledger_inconsistent')) throw error
        return keep(subjectId, input, once)
      }
    },
  }
}

/** A withdrawal that cannot be recorded yet; nobody can tell whether such a person is registered. */
export function spoolWithdrawals(deps: SpoolingDeps): Consent['withdraw'] {
  return async (subjectId, input, options) => {
    const id = parseSubjectId(subjectId)
    if (!isId(id)) throw new PrivityError('not_found', { kind: 'subject' })
    const purposes = parseWithdrawal(deps.policy, input)
    const { operationId = randomId() } = parseWriteOptions(options)
    for (const purpose of purposes)
      await deps.spool.keep({ subjectId: id, purpose, operationId: nameOf(operationId, purpose) })
    const outcomes = purposes.map((purpose) => {
      const { basis } = requirePurpose(deps.policy, purpose)
      return { purpose, effect: 'kept' as const, basis }
    })
    return { receipt: await acknowledge(deps, { id, operationId, outcomes }), outcomes }
  }
}

/** Records what was kept; what the running policy does not know stays, for one that does. */
export async function recordKept(
  { policy, spool }: Pick<SpoolingDeps, 'policy' | 'spool'>,
  consent: Consent,
): Promise<void> {
  await spool.replay(async ({ subjectId, purpose, operationId }) => {
    if (!policy.purposes.has(purpose)) return false
    await consent.withdraw(subjectId as SubjectId, { purposes: [purpose] }, { operationId })
    return true
  })
}

/** Each purpose is an operation of its own. */
function nameOf(operationId: string, purpose: string): string {
  return toHex(sha256(utf8(`${operationId}/${purpose}`)))
}

type Outcomes = Awaited<ReturnType<Consent['withdraw']>>['outcomes']

interface Kept {
  readonly id: string
  readonly operationId: string
  readonly outcomes: Outcomes
}

async function acknowledge(
  { policy, receipts, clock, origin }: SpoolingDeps,
  { id: subjectId, operationId, outcomes }: Kept,
): Promise<string> {
  const at = clock.now()
  const decisions = outcomes.map(
    ({ purpose, basis }) => ({ purpose, state: 'recorded', basis }) as const,
  )
  const receiptId = receiptIdOf(origin, `${subjectId}/kept/${operationId}`, at)
  const event = toEvent(policy, { receiptId, at, decisions }, { type: 'consent.withdrawal_kept' })
  return receipts.acknowledge(toRecord({ subjectId, at, event }))
}
