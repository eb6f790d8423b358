import type { JsonObject } from '../base/canonical.ts'
import { toInstant } from '../base/time.ts'
import type { KeyProvider } from '../keys/provider.ts'
import type { Exclusion } from './exclusion.ts'
import { hooksOf, type Job } from './job.ts'
import type { PartialFindings, PartialTotals } from './partial/findings.ts'
import type { PartialState } from './partial/state.ts'
import type { PlannedHook } from './plan.ts'
import { referenceMethods, referenceTotals } from './references/tell.ts'

/** NIST SP 800-88r2 on rows that were deleted and overwritten. */
export const CLEAR = { standard: 'NIST SP 800-88r2 §3.1', sanitization: 'clear' } as const

/** Before the id of a legal hold, in what keeps something. */
const HOLD = 'hold:'
const PROBED = ['fields', 'records', 'lookup_rows', 'keys', 'hooks'] as const
const NOTHING: PartialTotals = { values: 0, records: 0, lookupRows: 0, keys: 0 }
const NOT_LOOKED: PartialFindings = {
  isGone: false,
  isKeyGone: false,
  decryptProbes: 0,
  totals: NOTHING,
  parts: [],
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

/** Taking somebody out of groups, as a method of a certificate; none where there was no group. */
export function leaveMethods({ groups = [] }: Job): readonly JsonObject[] {
  return groups.length === 0 ? [] : [{ kind: 'leave_groups', groups: groups.length }]
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
  const { partial } = job
  // Of somebody who is not in this copy, the plan says why.
  const found = job.found ?? { ...NOT_LOOKED, exclusions: partial.exclusions }
  const { totals, decryptProbes } = found
  const exclusions = [...found.exclusions, ...(job.cleared?.exclusions ?? [])]
  const { keys, values, records, lookupRows } = totals
  const hooks = hooksOf(job)
  const items = hooks.reduce((sum, hook) => sum + hook.items.length, 0)
  const references = referenceTotals(job)
  const isNothing =
    keys + values + records + lookupRows + items + (references.references ?? 0) === 0
  return {
    scope: 'partial',
    selection: selectionOf(partial),
    ...exclusionsOf(exclusions),
    closed: partial.closes === true,
    method: [
      cryptographicErase(provider, keys),
      { kind: 'physical_delete', ...CLEAR, records, fields: values },
      { kind: 'lookup_rows', ...CLEAR, rows: lookupRows },
      ...leaveMethods(job),
      ...referenceMethods(job),
      ...hooks.map(hookMethod),
    ],
    verification: {
      method: job.found === undefined ? 'none' : 'full',
      probed: job.found === undefined ? [] : probedOf(job),
      hooks: hooks.length,
      decryptProbes,
      residual: 0,
      result: job.found === undefined ? 'nobody' : 'absent',
    },
    // A certificate of what was never there would be false.
    result: isNothing ? 'nothing_found' : 'completed',
    totals: { keys, records, fields: values, lookupRows, ...references },
  }
}

/** What stays, and the legal holds among its grounds. */
export function exclusionsOf(exclusions: readonly Exclusion[]): JsonObject {
  return {
    exclusions: exclusions.map(exclusionOf),
    holds: [...new Set(exclusions.flatMap(({ ground }) => holdOf(ground)))],
  }
}

/** By names that the policy declares; ids of records are the person's. */
function selectionOf(partial: PartialState): JsonObject {
  const { rule } = partial
  if (rule.kind === 'replayed') {
    const records = (partial.named ?? []).map(({ record, fieldIds }) => ({
      record,
      ...(fieldIds === undefined ? {} : { fields: fieldIds }),
    }))
    return { kind: rule.kind, records }
  }
  if (rule.kind === 'purpose') return { kind: rule.kind, purpose: rule.purpose }
  if (rule.kind === 'special') return { kind: rule.kind, special: rule.special }
  if (rule.kind !== 'records') return { kind: rule.kind }
  return {
    kind: rule.kind,
    records: rule.items.map(({ record, fieldIds }) => ({
      record,
      ...(fieldIds === undefined ? {} : { fields: fieldIds }),
    })),
  }
}

function probedOf({ cleared }: Job): readonly string[] {
  return cleared === undefined ? PROBED : [...PROBED, 'references']
}

function exclusionOf({ what, count, ground, until }: Exclusion): JsonObject {
  return { what, count, ground, until: until === undefined ? null : toInstant(until) }
}

function holdOf(ground: string): readonly string[] {
  return ground.startsWith(HOLD) ? [ground.slice(HOLD.length)] : []
}
