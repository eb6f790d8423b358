import { invalidInput, isPrivityError, PrivityError } from '../base/errors.ts'
import { isId } from '../base/id.ts'
import { snapshotObject } from '../base/parse.ts'
import { type ParsedAsk, parseAsk } from '../permit/ask.ts'
import { denialsOfActor } from '../permit/decide.ts'
import { notPermitted } from '../permit/permit.ts'
import type { Found } from '../policy/accessor-types.ts'
import { parseReadOptions, parseSubjectId, parseWriteOptions } from '../subjects/write-options.ts'
import { logRefusalOf, readRecord, type ReadRequest } from './read.ts'
import type { Target, Vault } from './vault.ts'
import { findRecords, listRecords, parseWalkOptions } from './walk.ts'
import { parseSelect, parseWhere } from './where.ts'
import { createRecord, removeRecord, updateRecord } from './write.ts'

/** The record types of a policy as one actor sees them for one purpose. */
export type AnyAccessor = { readonly [record: string]: AnyRecordAccessor }
export type AnyRecordAccessor = {
  readonly [method: string]: (...args: readonly never[]) => unknown
}

/**
 * An accessor is bound to actor and purpose once; every call is decided anew.
 *
 * @throws {@link invalid_input} · @throws {@link not_declared}
 */
export function createAccessor(vault: Vault, ask: unknown): AnyAccessor {
  const parsed = parseAsk(vault.policy, ask)
  const records = [...vault.policy.records.values()].flatMap((record) => {
    const plan = record.plans.get(parsed.name)
    if (plan === undefined) return []
    const target: Target = { record, plan, type: vault.layouts.typeOf(record.name) }
    const bound: Bound = { vault, target, ask: parsed }
    return [
      [
        record.name,
        Object.freeze(record.many ? manyAccessor(bound) : singleAccessor(bound)),
      ] as const,
    ]
  })
  return Object.freeze(Object.fromEntries(records)) as unknown as AnyAccessor
}

interface Bound {
  readonly vault: Vault
  readonly target: Target
  readonly ask: ParsedAsk
}

function singleAccessor(bound: Bound): object {
  return {
    create: async (id: unknown, value: unknown, options?: unknown): Promise<void> => {
      await create(bound, id, { value, options })
    },
    read: (id: unknown, options?: unknown) => read(bound, { id }, options),
    select: async (id: unknown, keys: unknown, options?: unknown) =>
      read(bound, { id, keys: [keys] }, options),
    update: (id: unknown, changes: unknown, options?: unknown) =>
      update(bound, { id }, { changes, options }),
    ...walks(bound),
  }
}

function manyAccessor(bound: Bound): object {
  return {
    create: async (
      id: unknown,
      value: unknown,
      options?: unknown,
    ): Promise<{ readonly recordId: string }> => ({
      recordId: await create(bound, id, { value, options }),
    }),
    read: (id: unknown, recordId: unknown, options?: unknown) =>
      read(bound, { id, recordId }, options),
    select: (id: unknown, recordId: unknown, ...[keys, options]: readonly unknown[]) =>
      read(bound, { id, recordId, keys: [keys] }, options),
    update: (id: unknown, recordId: unknown, ...[changes, options]: readonly unknown[]) =>
      update(bound, { id, recordId }, { changes, options }),
    remove: (id: unknown, recordId: unknown, options?: unknown) =>
      remove(bound, { id, recordId }, options),
    ...walks(bound),
  }
}

function walks(bound: Bound): object {
  const { vault, target, ask } = bound
  return {
    find: async function* (where: unknown, options?: unknown): AsyncGenerator<Found<object>> {
      const search = parseWhere(target, where)
      const walk = { ask, search, options: parseWalkOptions(target, options) }
      requireAny(bound)
      yield* findRecords(vault, target, walk)
    },
    list: async function* (options?: unknown): AsyncGenerator<Found<object>> {
      const walk = { ask, options: parseWalkOptions(target, options) }
      requireAny(bound)
      yield* listRecords(vault, target, walk)
    },
  }
}

interface Which {
  readonly id: unknown
  readonly recordId?: unknown
  /** In a list of one, so that `undefined` as a wrong argument is told from none. */
  readonly keys?: readonly [unknown]
}

async function read(
  bound: Bound,
  { id, recordId, keys }: Which,
  options: unknown,
): Promise<object | undefined> {
  const { vault, target, ask } = bound
  const subjectId = parseSubjectId(id)
  const request: ReadRequest = {
    ask,
    action: 'read',
    id: subjectId,
    recordId: parseRecordId(target, recordId),
    ...parseReadOptions(options),
  }
  if (!seesAny(target)) await attempt(bound, subjectId, () => requireSight(target))
  if (keys === undefined) return readRecord(vault, target, request)
  const select = await attempt(bound, subjectId, () => parseSelect(target, keys[0]))
  return readRecord(vault, target, { ...request, select })
}

interface Creating {
  readonly value: unknown
  readonly options: unknown
}

async function create(bound: Bound, id: unknown, { value, options }: Creating): Promise<string> {
  const { vault, target, ask } = bound
  const subjectId = parseSubjectId(id)
  const parsed = parseWriteOptions(options)
  const fields = await attempt(bound, subjectId, () => {
    requireCoverage(target)
    return target.plan.parseCreate(value)
  })
  return createRecord(vault, target, {
    ask,
    id: subjectId,
    recordId: undefined,
    options: parsed,
    fields,
  })
}

interface Updating {
  readonly changes: unknown
  readonly options: unknown
}

async function update(bound: Bound, which: Which, { changes, options }: Updating): Promise<void> {
  const { vault, target, ask } = bound
  const { unset, ...rest } = asOptions(options)
  const id = parseSubjectId(which.id)
  const recordId = parseRecordId(target, which.recordId)
  const request = { ask, id, recordId, options: parseWriteOptions(rest) }
  const parsed = await attempt(bound, id, () => {
    requireSight(target)
    return target.plan.parseChanges(changes, unset as readonly string[] | undefined)
  })
  return updateRecord(vault, target, { ...request, changes: parsed })
}

async function remove(bound: Bound, which: Which, options: unknown): Promise<void> {
  const { vault, target, ask } = bound
  const id = parseSubjectId(which.id)
  const recordId = parseRecordId(target, which.recordId)
  const request = { ask, id, recordId, options: parseWriteOptions(options) }
  await attempt(bound, id, () => requireCoverage(target))
  return removeRecord(vault, target, request)
}

/** To ask for what a purpose does not see is an attempt on the person, and in the log as such. */
async function attempt<T>(
  { vault, target, ask }: Bound,
  id: string,
  parse: () => T | Promise<T>,
): Promise<T> {
  try {
    return await parse()
  } catch (error) {
    if (isPrivityError(error, 'not_permitted')) {
      await logRefusalOf(vault, { target, id, ask }, error.details.reasons)
    }
    throw error
  }
}

/** A purpose that does not see every required field can neither make a whole record nor end one. */
function requireCoverage(target: Target): void {
  requireSight(target)
  const { plan } = target
  if (!plan.coversRequired) throw notPermitted(plan.purpose, ['field_not_in_purpose'])
}

/** That somebody has a record, as of an illness, tells of them: a purpose that sees nothing of it is not told. */
function requireSight(target: Target): void {
  if (!seesAny(target)) throw notPermitted(target.plan.purpose, ['field_not_in_purpose'])
}

function seesAny({ plan }: Target): boolean {
  return plan.fields.length > 0
}

/** What stands against a walk whoever is met: an empty answer would be taken for nobody. */
function requireAny({ target, ask }: Bound): void {
  const denials = denialsOfActor({
    hasRole: ask.hasRole,
    requiresTask: ask.purpose.requiresTask === true,
    hasTask: ask.task !== undefined,
  })
  if (denials.length > 0) throw notPermitted(target.plan.purpose, denials)
  requireSight(target)
}

function parseRecordId({ record }: Target, recordId: unknown): string | undefined {
  if (!record.many) return undefined
  if (typeof recordId !== 'string') throw invalidInput(['recordId'], 'not_a_string')
  if (!isId(recordId)) throw new PrivityError('not_found', { kind: 'record' })
  return recordId
}

function asOptions(options: unknown): { readonly [name: string]: unknown } {
  return options === undefined ? {} : snapshotObject(options, ['options'])
}
