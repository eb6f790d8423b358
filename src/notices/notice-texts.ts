import * as z from 'zod/mini'
import { invalidInput } from '../base/errors.ts'
import { snapshotObject } from '../base/parse.ts'

/** Exact words by language. */
export type NoticeTexts = { readonly [language: string]: string }

const TAG = /^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}$/
const MAX_TEXT = 200_000

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
  }
  return Object.fromEntries(entries) as NoticeTexts
}

function isText(text: unknown): boolean {
  if (typeof text !== 'string' || !text.isWellFormed()) return false
  return text.length > 0 && text.length <= MAX_TEXT
}
