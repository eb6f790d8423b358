import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import { invalidInput } from '../base/errors.ts'
import type { SubjectId } from '../base/id.ts'
import { parseOptions } from '../base/parse-options.ts'
import { fromInstant, type Instant, toInstant } from '../base/time.ts'
import type { Head } from '../subjects/head.ts'
import type { Vault } from '../vault/vault.ts'
import { walkDue } from './walk-due.ts'

/** A hold that somebody has to look at. */
export interface DueReview {
  /** Whose data is held. */
  readonly subjectId: SubjectId
  /** For `reviewHold` and `releaseHold`. */
  readonly holdId: string
  /** The word that was given for the hold. */
  readonly matter: string
  /** When somebody had to look. */
  readonly reviewAt: Instant
}

/** Which of them. */
export interface ReviewOptions {
  /** Up to and with this moment. Default: now. */
  readonly before?: Instant
  /** Ends the listing with its reason. */
  readonly signal?: AbortSignal
}

const reviewOptions = z.strictObject({
  before: z.optional(z.string()),
  signal: abortSignal,
})

/** Holds whose review date has come; people who do not open are left out, and the first error comes last. */
export async function* dueReviews(vault: Vault, options: unknown): AsyncGenerator<DueReview> {
  const { before, signal } = parseOptions(reviewOptions, options)
  const until = before === undefined ? vault.people.now() : fromInstant(before)
  if (until === undefined) throw invalidInput(['before'], 'not_an_instant')
  const errors: unknown[] = []
  for await (const row of walkDue(vault.people, { before: until, signal })) {
    if ('error' in row) errors.push(row.error)
    else if (row.record === undefined) yield* reviewsOf(row.person, until)
  }
  if (errors.length > 0) throw errors[0]
}

function reviewsOf(
  { id, head }: { readonly id: string; readonly head: Pick<Head, 'holds'> },
  until: number,
): readonly DueReview[] {
  return Object.entries(head.holds ?? {})
    .filter(([, { reviewAt }]) => reviewAt <= until)
    .map(([holdId, { matter, reviewAt }]) =>
      Object.freeze({
        subjectId: id as SubjectId,
        holdId,
        matter,
        reviewAt: toInstant(reviewAt),
      }),
    )
}
