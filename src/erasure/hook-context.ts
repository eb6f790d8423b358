import { PrivityError } from '../base/errors.ts'
import { notPermitted } from '../permit/permit.ts'
import type { CompiledField, CompiledRecord } from '../policy/compiled.ts'
import type { Person } from '../subjects/person.ts'
import { ensureKnown, findRecord, openRecord, type RecordType } from '../vault/open-record.ts'
import type { Vault } from '../vault/vault.ts'
import type { ErasureHook, HookContext } from './hook.ts'

/** What one erasure gives to its hooks. */
export interface ContextInput {
  readonly erasureId: string
  readonly subjectId: string
  readonly externalId: string | undefined
  /** Absent once the keys are destroyed. */
  readonly person: Person | undefined
  readonly signal: AbortSignal | undefined
}

/** Under which name the reads of hooks are logged. */
const PURPOSE = 'erasure'

/** Contexts for one step; once it is over they open nothing any more, whoever kept one. */
export interface HookContexts {
  of(hook: ErasureHook): HookContext
  revoke(): void
}

/** The context of each hook of one erasure. */
export function hookContexts(vault: Vault, input: ContextInput): HookContexts {
  const { erasureId, subjectId, externalId } = input
  let { person } = input
  return {
    of: (hook) => ({
      erasureId,
      subjectId,
      ...(externalId === undefined ? {} : { externalId }),
      signal: input.signal ?? new AbortController().signal,
      read: (record, fields) => read(vault, { hook, person }, { record, fields }),
    }),
    revoke: () => {
      person = undefined
    },
  }
}

interface Reader {
  readonly hook: ErasureHook
  readonly person: Person | undefined
}

interface Wanted {
  readonly record: string
  readonly fields: readonly string[]
}

async function read(
  vault: Vault,
  { hook, person }: Reader,
  wanted: Wanted,
): Promise<{ readonly [field: string]: unknown } | undefined> {
  if (hook.needsPlaintext !== true || person === undefined)
    throw notPermitted(PURPOSE, ['field_not_in_purpose'])
  const type = requireType(vault, wanted.record)
  const fields = wanted.fields.map((name) => requireField(type.record, name))
  if (person.head.singles[String(type.type)] === undefined) return undefined
  const rows = { recordId: undefined, page: undefined, row: undefined }
  const record = findRecord(vault, type, { person, rows })
  await ensureKnown(vault, { person, record, purpose: undefined })
  const { values, classes } = openRecord(vault, type, { person, record, fields })
  await vault.audit.record({
    pseudonym: person.head.pseudonym,
    actor: { id: `hook:${hook.id}`, roles: [] },
    purpose: PURPOSE,
    action: 'read',
    record: type.record.name,
    classes,
    head: person.head.sequence,
    at: vault.people.deps.clock.now(),
  })
  return Object.freeze(Object.fromEntries(fields.map(({ id, name }) => [name, values.get(id)])))
}

function requireType({ policy, layouts }: Vault, name: string): RecordType {
  const record = policy.records.get(name)
  if (record === undefined)
    throw new PrivityError('not_declared', {
      kind: 'record',
      path: [],
      declared: [...policy.records.keys()],
    })
  if (record.many) throw new PrivityError('not_supported', { what: 'hook_read_many' })
  return { record, type: layouts.typeOf(name) }
}

function requireField({ fields }: CompiledRecord, name: string): CompiledField {
  const field = fields.find((candidate) => candidate.name === name)
  if (field !== undefined) return field
  throw new PrivityError('not_declared', {
    kind: 'field',
    path: [],
    declared: fields.map((candidate) => candidate.name),
  })
}
