import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import { invalidInput } from '../base/errors.ts'
import { parseOptions } from '../base/parse-options.ts'

/** Options of a write, checked. */
export interface ParsedWriteOptions {
  readonly operationId?: string
  readonly signal?: AbortSignal
  readonly ifRevision?: number
}

const writeOptions = z.strictObject({
  signal: abortSignal,
  operationId: z.optional(
    z.string().check(
      z.minLength(1),
      z.maxLength(256),
      z.refine((id) => id.isWellFormed()),
    ),
  ),
  ifRevision: z.optional(z.int().check(z.nonnegative())),
})
const readOptions = z.strictObject({ signal: abortSignal })

/** @throws {@link invalid_input} */
export function parseWriteOptions(options: unknown): ParsedWriteOptions {
  return parseOptions(writeOptions, options)
}

/** @throws {@link invalid_input} */
export function parseReadOptions(options: unknown): { readonly signal?: AbortSignal } {
  return parseOptions(readOptions, options)
}

/** @throws {@link invalid_input} */
export function parseSubjectId(id: unknown): string {
  if (typeof id === 'string') return id
  throw invalidInput(['subjectId'], 'not_a_string')
}
