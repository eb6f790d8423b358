import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import { callback } from '../base/callback.ts'
import { invalidInput } from '../base/errors.ts'
import type { SubjectId } from '../base/id.ts'
import { parseOptions } from '../base/parse-options.ts'

/** What a bundle of evidence holds beside the blinded log, and how its making is watched and stopped. */
export interface ExportOptions {
  /** People whose entries and accesses are disclosed, at most 1,000. Default: nobody's. */
  readonly subjects?: readonly SubjectId[]
  /**
   * `controller`: the entries about no single person, such as policies, notices and erasures, whose
   * rows name the ids of the people erased. Default: none.
   */
  readonly disclose?: readonly 'controller'[]
  /** Ends the archive with its reason. */
  readonly signal?: AbortSignal
  /** Called with how many leaves are written. What it throws is ignored. */
  readonly onProgress?: (done: bigint, of: bigint) => void
}

/** Options with their defaults. */
export interface ParsedExportOptions {
  readonly subjects: readonly string[]
  readonly controller: boolean
  readonly signal: AbortSignal | undefined
  readonly onProgress: ExportOptions['onProgress']
}

const MAX_SUBJECTS = 1_000

const schema = z.strictObject({
  subjects: z.optional(z.array(z.string()).check(z.maxLength(MAX_SUBJECTS))),
  disclose: z.optional(z.array(z.literal('controller')).check(z.maxLength(1))),
  signal: abortSignal,
  onProgress: callback<ExportOptions['onProgress']>(),
})

/** @throws {@link invalid_input} for wrong options, and for a person who is named twice */
export function parseExportOptions(options: unknown): ParsedExportOptions {
  const { subjects = [], disclose, signal, onProgress } = parseOptions(schema, options)
  if (new Set(subjects).size < subjects.length) throw invalidInput(['subjects'], 'not_unique')
  return { subjects, controller: disclose?.length === 1, signal, onProgress }
}
