import * as z from 'zod/mini'
import type { JsonObject } from '../base/canonical.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { isId, randomId } from '../base/id.ts'
import { parseInput } from '../base/parse.ts'
import { fromInstant, type Instant, toInstant } from '../base/time.ts'
import { reasonWord } from '../erasure/reason.ts'
import { erasureScope, ruleItems, type ScopedRecord } from '../erasure/scope.ts'
import type { Draft } from '../subjects/draft.ts'
import { setDue } from '../subjects/due.ts'
import type { HeldItem, HoldFact } from '../subjects/head.ts'
import { parseSubjectId, parseWriteOptions } from '../subjects/write-options.ts'
import type { Vault } from '../vault/vault.ts'
import { wake } from './wake.ts'

/** What is held back from every erasure, and for what matter. */
export interface HoldAsk {
  /** A word, not a sentence: it is in the log and in certificates. E.g. `claim-2026-17`. */
  readonly matter: string
  /** When somebody has to look whether it is still needed. It holds until it is released all the same. */
  readonly reviewAt: Instant
  /** Default: everything of the person. */
  readonly records?: readonly ScopedRecord[]
}

/** That a hold is still needed. */
export interface HoldReview {
  /** As `hold` gave it. */
  readonly holdId: string
  /** When somebody has to look again. */
  readonly reviewAt: Instant
}

/** A legal hold. */
export interface Hold {
  /** For `reviewHold` and `releaseHold`. */
  readonly holdId: string
  /** The word that was given for it. */
  readonly matter: string
  /** When it was placed. */
  readonly placedAt: Instant
  /** When somebody has to look whether it is still needed. */
  readonly reviewAt: Instant
  /** Absent: everything of the person. */
  readonly records?: readonly ScopedRecord[]
}

/** Names the date at which a hold has to be looked at. */
const REVIEW = 'hold/'
const MAX_HOLDS = 64
const EVENTS = { place: 'hold.placed', review: 'hold.reviewed', release: 'hold.released' } as const

const holdAsk = z.strictObject({
  matter: reasonWord,
  reviewAt: z.string(),
  records: z.exactOptional(z.unknown()),
})
const reviewAsk = z.strictObject({ holdId: z.string(), reviewAt: z.string() })

interface Call {
  readonly ask?: unknown
  readonly holdId?: unknown
  readonly options: unknown
}

/** Places a hold; resolves to its id. */
export async function placeHold(
  vault: Vault,
  subjectId: unknown,
  { ask, options }: Call,
): Promise<{ readonly holdId: string }> {
  const { matter, reviewAt, records } = parseInput(holdAsk, ask)
  const review = parseReview(vault, reviewAt)
  const items = records === undefined ? undefined : parseItems(vault, records)
  const request = { matter, reviewAt: review, ...(items === undefined ? {} : { items }) }
  const holdId = await changeHold(vault, subjectId, {
    options,
    type: EVENTS.place,
    request: request as unknown as JsonObject,
    apply: (draft) => {
      const holds = draft.head.holds ?? {}
      if (Object.keys(holds).length >= MAX_HOLDS) throw invalidInput(['holds'], 'too_many')
      return { holdId: randomId(), fact: { ...request, at: draft.at } }
    },
  })
  return { holdId }
}

/** Says that a hold is still needed, and when to look again. */
export async function reviewHold(
  vault: Vault,
  subjectId: unknown,
  { ask, options }: Call,
): Promise<void> {
  const { holdId, reviewAt } = parseInput(reviewAsk, ask)
  const review = parseReview(vault, reviewAt)
  const id = parseHoldId(holdId)
  await changeHold(vault, subjectId, {
    options,
    type: EVENTS.review,
    request: { holdId: id, reviewAt: review },
    apply: (draft) => ({ holdId: id, fact: { ...requireHold(draft, id), reviewAt: review } }),
  })
}

/** Ends a hold; what could not be erased because of it falls due at once. */
export async function releaseHold(
  vault: Vault,
  subjectId: unknown,
  { holdId, options }: Call,
): Promise<void> {
  const id = parseHoldId(holdId)
  await changeHold(vault, subjectId, {
    options,
    type: EVENTS.release,
    request: { holdId: id },
    apply: (draft) => {
      requireHold(draft, id)
      return { holdId: id, fact: undefined }
    },
  })
}

/** The holds of a person, the oldest first. */
export async function listHolds(vault: Vault, subjectId: unknown): Promise<readonly Hold[]> {
  const { person } = await vault.people.read(parseSubjectId(subjectId))
  return Object.entries(person.head.holds ?? {})
    .toSorted(([, a], [, b]) => a.at - b.at)
    .map(([holdId, { matter, at, reviewAt, items }]) =>
      Object.freeze({
        holdId,
        matter,
        placedAt: toInstant(at),
        reviewAt: toInstant(reviewAt),
        ...(items === undefined ? {} : { records: items.map((item) => toScoped(vault, item)) }),
      }),
    )
}

interface Change {
  readonly options: unknown
  readonly type: string
  readonly request: JsonObject
  apply(draft: Draft): { readonly holdId: string; readonly fact: HoldFact | undefined }
}

async function changeHold(
  { people }: Vault,
  subjectId: unknown,
  { options, type, request, apply }: Change,
): Promise<string> {
  const id = parseSubjectId(subjectId)
  const { operationId, signal, ifRevision } = parseWriteOptions(options)
  if (ifRevision !== undefined) throw invalidInput(['options', 'ifRevision'], 'unrecognized_keys')
  const { value } = await people.change<string>({
    id,
    operationId,
    signal,
    request: { type, ...request },
    apply: (draft) => {
      const { holdId, fact } = apply(draft)
      setHold(draft, holdId, fact)
      const { keyspace } = people.deps
      setDue(draft, keyspace, { name: `${REVIEW}${holdId}`, at: fact?.reviewAt })
      if (fact === undefined) wake(draft, keyspace)
      return { event: { type, ...request, holdId }, value: holdId }
    },
  })
  return value
}

function setHold(draft: Draft, holdId: string, fact: HoldFact | undefined): void {
  const { holds = {}, ...head } = draft.head
  const { [holdId]: _, ...others } = holds
  const left = fact === undefined ? others : { ...others, [holdId]: fact }
  draft.head = Object.keys(left).length === 0 ? head : { ...head, holds: left }
}

function requireHold({ head }: Draft, holdId: string): HoldFact {
  const hold = Object.hasOwn(head.holds ?? {}, holdId) ? head.holds?.[holdId] : undefined
  if (hold === undefined) throw new PrivityError('not_found', { kind: 'hold' })
  return hold
}

function parseHoldId(holdId: unknown): string {
  if (typeof holdId !== 'string') throw invalidInput(['holdId'], 'not_a_string')
  if (!isId(holdId)) throw new PrivityError('not_found', { kind: 'hold' })
  return holdId
}

/** A review that has passed would be none. */
function parseReview({ people }: Vault, reviewAt: string): number {
  const at = fromInstant(reviewAt)
  if (at === undefined) throw invalidInput(['reviewAt'], 'not_an_instant')
  if (at <= people.now()) throw invalidInput(['reviewAt'], 'not_in_the_future')
  return at
}

function parseItems({ policy }: Vault, records: unknown): readonly HeldItem[] {
  const scope = parseInput(erasureScope, { records })
  return 'records' in scope ? ruleItems(policy, scope.records, ['records']) : []
}

/** A field that the running policy has not is named by its id. */
function toScoped({ policy }: Vault, { record, recordId, fieldIds }: HeldItem): ScopedRecord {
  const known = policy.records.get(record)?.fields ?? []
  const fields = fieldIds?.map((id) => known.find((field) => field.id === id)?.name ?? id)
  return {
    record,
    ...(recordId === undefined ? {} : { recordId }),
    ...(fields === undefined ? {} : { fields }),
  }
}
