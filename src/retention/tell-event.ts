import * as z from 'zod/mini'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { isId } from '../base/id.ts'
import { parseInput } from '../base/parse.ts'
import { fromInstant, type Instant } from '../base/time.ts'
import { isOwnEvent } from '../policy/retention.ts'
import { parseSubjectId, parseWriteOptions } from '../subjects/write-options.ts'
import { recordReads } from '../vault/open-record.ts'
import { draftRecord } from '../vault/record-draft.ts'
import type { Target, Vault } from '../vault/vault.ts'
import { targetNamed } from './targets.ts'
import { wakeEnded } from './wake.ts'

/** What happened to a record, and when. */
export interface EventAsk<K extends string = string> {
  /** Name of the record type that declares the event. */
  readonly record: K
  /** Of a type that a person may have many of. */
  readonly recordId?: string
  /** One that the record declares. */
  readonly event: string
  /** From 1970 to 2100, also ahead. `null`: it has not happened after all. Default: now. */
  readonly at?: Instant | null
}

const eventAsk = z.strictObject({
  record: z.string(),
  recordId: z.optional(z.string()),
  event: z.string(),
  at: z.optional(z.nullable(z.string())),
})
/** 1 January 2100: what a policy keeps from then on can still be counted. */
const LATEST = 4_102_444_800_000

/**
 * Remembers in the head of a record when something happened to it, and moves its date in the due index.
 *
 * @throws {@link invalid_input} · @throws {@link not_declared} · @throws {@link not_found} · @throws {@link erased}
 */
export async function tellEvent(
  vault: Vault,
  subjectId: unknown,
  { ask, options }: { readonly ask: unknown; readonly options: unknown },
): Promise<void> {
  vault.people.deps.ledger.quarantine.check()
  const { record, recordId, event, at } = parseInput(eventAsk, ask)
  const id = parseSubjectId(subjectId)
  const target = targetNamed(vault, record)
  requireEvent(target, event)
  const which = parseRecordId(target, recordId)
  const time = typeof at === 'string' ? parseTime(at) : undefined
  const { operationId, signal, ifRevision } = parseWriteOptions(options)
  if (ifRevision !== undefined) throw invalidInput(['options', 'ifRevision'], 'unrecognized_keys')
  const told = { type: 'retention.event', record, event }
  await vault.people.change<null>({
    id,
    operationId,
    signal,
    policy: vault.policy.hash,
    request: { ...told, recordId: which ?? '', at: at === undefined ? 'now' : (time ?? null) },
    reads: recordReads(vault, target, { id, recordId: which }),
    apply: (draft, rows) => {
      const when = at === null ? undefined : (time ?? draft.at)
      const record = draftRecord(vault, target, { draft, rows, recordId: which })
      record.tell(event, when)
      wakeEnded(draft, vault.people.deps.keyspace, record.head)
      return { event: { ...told, at: when ?? null }, value: null }
    },
  })
}

function requireEvent({ record }: Target, event: string): void {
  const declared = record.retention?.events.filter(isOwnEvent) ?? []
  if (!declared.includes(event))
    throw new PrivityError('not_declared', { kind: 'event', path: ['event'], declared })
}

function parseRecordId({ record }: Target, recordId: string | undefined): string | undefined {
  if (!record.many && recordId === undefined) return undefined
  if (!record.many) throw invalidInput(['recordId'], 'not_a_many_record')
  if (recordId === undefined) throw invalidInput(['recordId'], 'required')
  if (!isId(recordId)) throw new PrivityError('not_found', { kind: 'record' })
  return recordId
}

function parseTime(at: string): number {
  const time = fromInstant(at)
  if (time === undefined) throw invalidInput(['at'], 'not_an_instant')
  if (time < 0) throw invalidInput(['at'], 'too_small')
  if (time > LATEST) throw invalidInput(['at'], 'too_big')
  return time
}
