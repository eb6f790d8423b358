import * as z from 'zod/mini'
import { utf8 } from '../base/bytes.ts'
import { invalidInput } from '../base/errors.ts'
import { snapshotObject } from '../base/parse.ts'

/** Exact words by language. */
export type NoticeTexts = { readonly [language: string]: string }

const TAG = /^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}$/
/** In UTF-8; a row takes 512 KiB. */
const MAX_BYTES = 500_000

/** A language tag (BCP 47). */
export const LANGUAGE: z.ZodMiniString = z.string().check(z.regex(TAG))

/**
 * Checks the words of a notice by language. What stands in place of a language is not repeated: it may be
 * a name.
 *
 * @throws {@link invalid_input}
 */
export function parseTexts(texts: unknown): NoticeTexts {
  const entries = Object.entries(snapshotObject(texts, ['texts']))
  if (entries.length === 0) throw invalidInput(['texts'], 'too_small')
  for (const [language, text] of entries) {
    if (!TAG.test(language)) throw invalidInput(['texts', '?'], 'invalid_key')
    if (!isText(text)) throw invalidInput(['texts', '?'], 'not_a_text')
    if (utf8(text).length > MAX_BYTES) throw invalidInput(['texts', '?'], 'too_long')
  }
  return Object.fromEntries(entries) as NoticeTexts
}

function isText(text: unknown): text is string {
  return typeof text === 'string' && text.isWellFormed() && text.length > 0
}
