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
import { heavier, type PolicyRows } from './former-purposes.ts'
import type { Receipts } from './receipt.ts'
import type { Spool } from './spool.ts'

/** What keeping withdrawals needs. */
export interface SpoolingDeps {
  readonly policy: CompiledPolicy
  readonly rows: PolicyRows
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
    const { purposes, policy } = await parseWithdrawal(deps.policy, deps.rows, input)
    const { operationId = randomId() } = parseWriteOptions(options)
    const outcomes = purposes.map((purpose) => {
      const { basis } = requirePurpose(policy, purpose)
      return { purpose, effect: 'kept' as const, basis }
    })
    for (const { purpose, basis } of outcomes) {
      const once = nameOf(operationId, purpose)
      await deps.spool.keep({ subjectId: id, purpose, basis, operationId: once })
    }
    const receipt = await acknowledge({ ...deps, policy }, { id, operationId, outcomes })
    return { receipt, outcomes }
  }
}

/** Records what was kept, as what it was when it was said: another basis since takes nothing away from it. */
export async function recordKept(
  { policy, spool }: Pick<SpoolingDeps, 'policy' | 'spool'>,
  consentUnder: (policy: CompiledPolicy) => Consent,
): Promise<void> {
  await spool.replay(async ({ subjectId, purpose: name, basis, operationId }) => {
    const is = policy.purposes.get(name)
    const was =
      is === undefined ? [] : [[name, heavier(is, { ...is, basis: basis ?? is.basis })] as const]
    const consent = consentUnder({ ...policy, purposes: new Map([...policy.purposes, ...was]) })
    await consent.withdraw(subjectId as SubjectId, { purposes: [name] }, { operationId })
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
