import type { SubjectId } from '../base/id.ts'
import type { WriteOptions } from '../policy/accessor-types.ts'
import type { RecordType } from '../policy/record-type.ts'
import { type DueOptions, type DueRecord, dueRecords } from './due-records.ts'
import {
  type Hold,
  type HoldAsk,
  type HoldReview,
  listHolds,
  placeHold,
  releaseHold,
  reviewHold,
} from './hold.ts'
import { type DueReview, dueReviews, type ReviewOptions } from './reviews.ts'
import { type SweepOptions, type SweepReport, sweep } from './sweep.ts'
import type { SweepDeps } from './sweep-person.ts'
import { type EventAsk, tellEvent } from './tell-event.ts'

/** When what has to go. */
export interface RetentionFace<R> {
  /**
   * Tells that something happened to a record that its retention is counted from. Told again, the later word counts.
   *
   * @throws {@link invalid_input} · @throws {@link not_declared} for an event that the record does not declare
   * @throws {@link not_found} · @throws {@link erased}
   */
  event(
    subjectId: SubjectId,
    ask: EventAsk<RetainedRecords<R>>,
    options?: RetentionWriteOptions,
  ): Promise<void>
  /**
   * What falls due, the earliest first, with what has to stay by law. Changes nothing. What does not open is told
   * last, as an error.
   *
   * @throws {@link invalid_input}
   */
  due(options?: DueOptions): AsyncIterable<DueRecord>
  /**
   * Erases or anonymises everything that is due now: fields at their end, data whose last purpose has ended, and
   * people of whom something had to stay. For a job of the app, once a day or more often.
   *
   * @throws {@link invalid_input}
   */
  sweep(options?: SweepOptions): Promise<SweepReport>
  /**
   * Keeps data from every erasure and every sweep until the hold is released, also beyond its review date.
   *
   * @throws {@link invalid_input} · @throws {@link not_declared} · @throws {@link not_found} · @throws {@link erased}
   */
  hold(
    subjectId: SubjectId,
    ask: HoldAsk,
    options?: RetentionWriteOptions,
  ): Promise<{ readonly holdId: string }>
  /** Says that a hold is still needed, and when to look again. @throws {@link not_found} */
  reviewHold(
    subjectId: SubjectId,
    review: HoldReview,
    options?: RetentionWriteOptions,
  ): Promise<void>
  /** Ends a hold: what could not be erased because of it is due at once. @throws {@link not_found} */
  releaseHold(subjectId: SubjectId, holdId: string, options?: RetentionWriteOptions): Promise<void>
  /** Holds whose review date has come, of everybody. @throws {@link invalid_input} */
  reviews(options?: ReviewOptions): AsyncIterable<DueReview>
  /** The holds of a person, the oldest first. @throws {@link not_found} · @throws {@link erased} */
  holds(subjectId: SubjectId): Promise<readonly Hold[]>
}

/** Options of what retention changes. */
export type RetentionWriteOptions = Omit<WriteOptions, 'ifRevision'>

/** Names of the records that have events of their own. */
export type RetainedRecords<R> = {
  [K in keyof R]: R[K] extends RecordType<infer _F, { readonly events: readonly string[] }>
    ? K
    : never
}[keyof R] &
  string

/** Retention over a vault. */
export function createRetention(deps: SweepDeps): RetentionFace<never> {
  const { vault } = deps
  return {
    event: (subjectId, ask, options) => tellEvent(vault, subjectId, { ask, options }),
    due: (options) => dueRecords(vault, options),
    sweep: (options) => sweep(deps, options),
    hold: (subjectId, ask, options) => placeHold(vault, subjectId, { ask, options }),
    reviewHold: (subjectId, ask, options) => reviewHold(vault, subjectId, { ask, options }),
    releaseHold: (subjectId, holdId, options) => releaseHold(vault, subjectId, { holdId, options }),
    reviews: (options) => dueReviews(vault, options),
    holds: (subjectId) => listHolds(vault, subjectId),
  }
}
