import type { JsonObject } from '../base/canonical.ts'
import { toInstant } from '../base/time.ts'
import type { KeyProvider } from '../keys/provider.ts'
import type { Exclusion } from './exclusion.ts'
import { hooksOf, type Job } from './job.ts'
import type { PartialFindings, PartialTotals } from './partial/findings.ts'
import type { PartialState } from './partial/state.ts'
import type { PlannedHook } from './plan.ts'
import type { Rule } from './selection.ts'

/** NIST SP 800-88r2 on rows that were deleted and overwritten. */
export const CLEAR = { standard: 'NIST SP 800-88r2 §3.1', sanitization: 'clear' } as const

/** Before the id of a legal hold, in what keeps something. */
const HOLD = 'hold:'
const NOTHING: PartialTotals = { values: 0, records: 0, lookupRows: 0, keys: 0 }
const NOT_LOOKED: PartialFindings = {
  isGone: false,
  isKeyGone: false,
  decryptProbes: 0,
  totals: NOTHING,
  exclusions: [],
}

/** Destroying keys, as a method of a certificate. */
export function cryptographicErase(
  provider: Pick<KeyProvider, 'id'>,
  keysDestroyed: number,
): JsonObject {
  return {
    kind: 'cryptographic_erase',
    standard: 'NIST SP 800-88r2 §3.2',
    sanitization: 'purge',
    cipher: 'ChaCha20-Poly1305',
    keyStrengthBits: 256,
    keyProvider: provider.id,
    keysDestroyed,
  }
}

/** A hook, as a method of a certificate. */
export function hookMethod({ hook, items }: PlannedHook): JsonObject {
  return { kind: 'hook', hook, items: items.length }
}

/** Who was told. What another system knows the person by is personal, and only counted. */
export function recipientOf({ hook, version, items }: PlannedHook): JsonObject {
  return { hook, ...(version === undefined ? {} : { version }), items: items.length }
}

/** What a certificate says where a part of a person was erased. */
export function partOf(
  job: Job & { readonly partial: PartialState },
  provider: Pick<KeyProvider, 'id'>,
): JsonObject {
  const { partial, found = NOT_LOOKED } = job
  const { totals, exclusions, decryptProbes } = found
  const { keys, values, records, lookupRows } = totals
  const hooks = hooksOf(job)
  const items = hooks.reduce((sum, hook) => sum + hook.items.length, 0)
  const isNothing = keys + values + records + lookupRows + items === 0
  return {
    scope: 'partial',
    selection: selectionOf(partial.rule),
    exclusions: exclusions.map(exclusionOf),
    holds: [...new Set(exclusions.flatMap(({ ground }) => holdOf(ground)))],
    closed: partial.closes === true,
    method: [
      cryptographicErase(provider, keys),
      { kind: 'physical_delete', ...CLEAR, records, fields: values },
      { kind: 'lookup_rows', ...CLEAR, rows: lookupRows },
      ...hooks.map(hookMethod),
    ],
    verification: {
      method: 'full',
      probed: ['fields', 'records', 'lookup_rows', 'keys', 'hooks'],
      hooks: hooks.length,
      decryptProbes,
      residual: 0,
      result: 'absent',
    },
    // A certificate of what was never there would be false.
    result: isNothing ? 'nothing_found' : 'completed',
    totals: { keys, records, fields: values, lookupRows },
  }
}

/** By names that the policy declares; ids of records are the person's. */
function selectionOf(rule: Rule): JsonObject {
  if (rule.kind !== 'records') return { ...rule }
  return {
    kind: rule.kind,
    records: rule.items.map(({ record, fieldIds }) => ({
      record,
      ...(fieldIds === undefined ? {} : { fields: fieldIds }),
    })),
  }
}

function exclusionOf({ what, count, ground, until }: Exclusion): JsonObject {
  return { what, count, ground, until: until === undefined ? null : toInstant(until) }
}

function holdOf(ground: string): readonly string[] {
  return ground.startsWith(HOLD) ? [ground.slice(HOLD.length)] : []
}
