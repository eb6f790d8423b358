import { isPrivityError, PrivityError } from '../base/errors.ts'
import { inPages } from '../base/in-pages.ts'
import { notPermitted } from '../permit/permit.ts'
import type { CompiledField, CompiledRecord } from '../policy/compiled.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Person } from '../subjects/person.ts'
import {
  ensureKnown,
  findRecord,
  openRecord,
  recordReads,
  type RecordRows,
  type RecordType,
} from '../vault/open-record.ts'
import type { Vault } from '../vault/vault.ts'
import { readFence } from './fence.ts'
import type { ErasureHook, HookContext, HookRecord, HookScope } from './hook.ts'

/** What one erasure gives to its hooks. */
export interface ContextInput {
  readonly erasureId: string
  readonly subjectId: string
  readonly externalId: string | undefined
  /** Absent: everything. */
  readonly scope?: HookScope | undefined
  /** Absent once the keys are destroyed. */
  readonly person: Person | undefined
  readonly signal: AbortSignal | undefined
}

/** Under which name the reads of hooks are logged. */
const PURPOSE = 'erasure'
/** Records that are opened for one entry in the log of accesses. */
const PAGE = 64

/** Contexts for one step; once it is over they open nothing any more, whoever kept one. */
export interface HookContexts {
  of(hook: ErasureHook): HookContext
  revoke(): void
}

/** The context of each hook of one erasure. */
export function hookContexts(vault: Vault, input: ContextInput): HookContexts {
  const { erasureId, subjectId, externalId, scope } = input
  let { person } = input
  return {
    of: (hook) => {
      const reader: Reader = { hook, person: () => person }
      return {
        erasureId,
        subjectId,
        ...(externalId === undefined ? {} : { externalId }),
        ...(scope === undefined ? {} : { scope }),
        signal: input.signal ?? new AbortController().signal,
        read: (record, fields) => read(vault, reader, { record, fields }),
        list: (record, fields) => list(vault, reader, { record, fields }),
      }
    },
    revoke: () => {
      person = undefined
    },
  }
}

interface Reader {
  readonly hook: ErasureHook
  /** Undefined as soon as nothing may be read any more. */
  person(): Person | undefined
}

interface Wanted {
  readonly record: string
  readonly fields: readonly string[]
}

async function read(
  vault: Vault,
  reader: Reader,
  wanted: Wanted,
): Promise<{ readonly [field: string]: unknown } | undefined> {
  const person = requirePerson(reader)
  const { type, fields } = requireType(vault, wanted, { many: false })
  if (person.head.singles[String(type.type)] === undefined) return undefined
  const rows = { recordId: undefined, page: undefined, row: undefined }
  const opened = await open(vault, type, { person, rows, fields })
  await log(vault, type, { reader, person, action: 'read', classes: opened.classes })
  return opened.values
}

async function* list(
  vault: Vault,
  reader: Reader,
  wanted: Wanted,
): AsyncGenerator<HookRecord, void> {
  const { type, fields } = requireType(vault, wanted, { many: true })
  const { store, keyspace } = vault.people.deps
  const prefix = keyspace.records(requirePerson(reader).id, type.type)
  for await (const rows of inPages(scanRows(store, prefix, { page: PAGE }), PAGE)) {
    const ids = rows.map(([key]) => key.slice(prefix.length))
    yield* await openPage(vault, type, { reader, fields, ids })
  }
}

interface Page {
  readonly reader: Reader
  readonly fields: readonly CompiledField[]
  readonly ids: readonly string[]
}

/** Opens some records and logs that once, before anything of them is handed out. */
async function openPage(
  vault: Vault,
  type: RecordType,
  { reader, fields, ids }: Page,
): Promise<readonly HookRecord[]> {
  const person = requirePerson(reader)
  const classes = new Set<number>()
  const records: HookRecord[] = []
  for (const recordId of ids) {
    const opened = await openOne(vault, type, { person, recordId, fields })
    if (opened === undefined) continue
    for (const accessClass of opened.classes) classes.add(accessClass)
    records.push(Object.freeze({ recordId, fields: opened.values }))
  }
  await log(vault, type, { reader, person, action: 'list', classes: [...classes] })
  return records
}

/** Before there is a fence others write on: the rows are read with the document that says how to open them. */
async function openOne(
  vault: Vault,
  type: RecordType,
  {
    person: known,
    recordId,
    fields,
  }: {
    readonly person: Person
    readonly recordId: string
    readonly fields: readonly CompiledField[]
  },
): Promise<Opened | undefined> {
  const { people } = vault
  const keys = recordReads(vault, type, { id: known.id, recordId })
  const isFenced = readFence(people.deps, known.id, known.document) !== undefined
  const { person, rows } = isFenced
    ? { person: known, rows: await people.deps.store.read(keys) }
    : await people.read(known.id, keys)
  const [page, row] = rows
  try {
    return await open(vault, type, { person, rows: { recordId, page, row }, fields })
  } catch (error) {
    // Removed since its key was read.
    if (isPrivityError(error, 'not_found') && !isFenced) return undefined
    throw error
  }
}

interface Opened {
  readonly values: { readonly [field: string]: unknown }
  readonly classes: readonly number[]
}

async function open(
  vault: Vault,
  type: RecordType,
  {
    person,
    rows,
    fields,
  }: {
    readonly person: Person
    readonly rows: RecordRows
    readonly fields: readonly CompiledField[]
  },
): Promise<Opened> {
  const record = findRecord(vault, type, { person, rows })
  await ensureKnown(vault, { person, record, purpose: undefined })
  const { values, classes } = openRecord(vault, type, { person, record, fields })
  const named = fields.map(({ id, name }) => [name, values.get(id)] as const)
  return { values: Object.freeze(Object.fromEntries(named)), classes }
}

async function log(
  { audit, people }: Vault,
  { record }: RecordType,
  {
    reader,
    person,
    action,
    classes,
  }: {
    readonly reader: Reader
    readonly person: Person
    readonly action: 'read' | 'list'
    readonly classes: readonly number[]
  },
): Promise<void> {
  await audit.record({
    pseudonym: person.head.pseudonym,
    actor: { id: `hook:${reader.hook.id}`, roles: [] },
    purpose: PURPOSE,
    action,
    record: record.name,
    classes,
    head: person.head.sequence,
    at: people.deps.clock.now(),
  })
}

function requirePerson({ hook, person }: Reader): Person {
  const open = hook.needsPlaintext === true ? person() : undefined
  if (open === undefined) throw notPermitted(PURPOSE, ['field_not_in_purpose'])
  return open
}

interface RequiredType {
  readonly type: RecordType
  readonly fields: readonly CompiledField[]
}

function requireType(
  { policy, layouts }: Vault,
  { record: name, fields }: Wanted,
  { many }: { readonly many: boolean },
): RequiredType {
  const record = policy.records.get(name)
  if (record === undefined)
    throw new PrivityError('not_declared', {
      kind: 'record',
      path: [],
      declared: [...policy.records.keys()],
    })
  if (record.many !== many)
    throw new PrivityError('not_supported', { what: many ? 'hook_list_single' : 'hook_read_many' })
  return {
    type: { record, type: layouts.typeOf(name) },
    fields: fields.map((field) => requireField(record, field)),
  }
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
