import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import { invalidInput } from '../base/errors.ts'
import { parseOptions } from '../base/parse-options.ts'
import { fromInstant, type Instant } from '../base/time.ts'
import type { Access } from './segment.ts'
import type { AccessPlace } from './walk-writer.ts'

/** Which accesses are asked for: those that fit everything that is given. */
export interface AccessFilter {
  /** Accesses to the data of this person: who looked at it. */
  readonly subjectId?: string
  /** Id of the actor. */
  readonly actor?: string
  /** Also one that only an older policy had. */
  readonly purpose?: string
  /** What was done, or `refused`. */
  readonly action?: Access['action']
  /** At this time or later. */
  readonly from?: Instant
  /** Before this time. */
  readonly to?: Instant
}

/** How far a query goes, and where it goes on. */
export interface AccessQueryOptions {
  /** Most records. Default: all. */
  readonly limit?: number
  /** Only what follows the record of this `cursor`. */
  readonly after?: string
  /** Ends the query with its reason. */
  readonly signal?: AbortSignal
}

/** A record's place in the order of all logs: by time, then by writer. */
export interface Cursor extends AccessPlace {
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** A query, checked. */
export interface ParsedQuery {
  readonly filter: Pick<AccessFilter, 'subjectId' | 'actor' | 'purpose' | 'action'>
  /** From this time on, and before that; milliseconds since the epoch. */
  readonly from: number
  readonly to: number
  readonly limit: number
  readonly after: Cursor | undefined
  readonly signal: AbortSignal | undefined
}

const text = z.string().check(
  z.minLength(1),
  z.maxLength(256),
  z.refine((value) => value.isWellFormed()),
)
const accessFilter = z.strictObject({
  subjectId: z.optional(z.string()),
  actor: z.optional(text),
  purpose: z.optional(text),
  action: z.optional(z.enum(['read', 'find', 'list', 'refused'])),
  from: z.optional(z.string()),
  to: z.optional(z.string()),
})
const queryOptions = z.strictObject({
  limit: z.optional(z.int().check(z.positive())),
  after: z.optional(z.string()),
  signal: abortSignal,
})
const CURSOR = /^(0|[1-9]\d{0,14})\.(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,14})\.(0|[1-9]\d{0,2})$/

/** @throws {@link invalid_input} */
export function parseQuery(filter: unknown, options: unknown): ParsedQuery {
  const { from, to, ...rest } = parseOptions(accessFilter, filter)
  const { limit, after, signal } = parseOptions(queryOptions, options)
  const range = {
    from: parseInstant('from', from) ?? 0,
    to: parseInstant('to', to) ?? Number.POSITIVE_INFINITY,
  }
  // Two dates in the wrong order must not read as "nobody looked".
  if (range.from >= range.to) throw invalidInput(['to'], 'not_after_from')
  return {
    filter: rest,
    ...range,
    limit: limit ?? Number.POSITIVE_INFINITY,
    after: after === undefined ? undefined : parseCursor(after),
    signal,
  }
}

/** The text of a cursor: opaque to an app. */
export function toCursor({ at, writer, index, position }: Cursor): string {
  return `${at}.${writer}.${index}.${position}`
}

function parseInstant(name: 'from' | 'to', given: Instant | undefined): number | undefined {
  if (given === undefined) return undefined
  const ms = fromInstant(given)
  if (ms === undefined) throw invalidInput([name], 'not_an_instant')
  return ms
}

function parseCursor(given: string): Cursor {
  const parts = CURSOR.exec(given)?.slice(1).map(Number)
  if (parts === undefined) throw invalidInput(['after'], 'not_a_cursor')
  const [at = 0, writer = 0, index = 0, position = 0] = parts
  return { at, writer, index, position }
}
