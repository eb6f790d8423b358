import * as z from 'zod/mini'
import { parseInput } from '../base/parse.ts'
import { LANGUAGE } from './notice-texts.ts'

/** Names one published version by its content. */
export interface NoticeRef {
  /** Names the notice in all its versions. */
  readonly id: string
  /** The version of its words, as the app names it. */
  readonly version: string
  /** Commits to its words in all languages: what was shown cannot be exchanged later. */
  readonly hash: string
  /** The language it was shown in; absent where that is not known. */
  readonly language?: string
}

/** What a notice or a version of it may be called. */
export const NOTICE_NAME: z.ZodMiniString = z
  .string()
  .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/))

/** Shape of a notice wherever one is passed in. */
export const noticeRef: z.ZodMiniType<
  { [K in keyof NoticeRef]: NoticeRef[K] | undefined } & Omit<NoticeRef, 'language'>
> = z.strictObject({
  id: NOTICE_NAME,
  version: NOTICE_NAME,
  hash: z.string().check(z.regex(/^sha256:[A-Za-z0-9_-]{43}$/)),
  language: z.optional(LANGUAGE),
})

/** @throws {@link invalid_input} */
export function parseNoticeRef(notice: unknown): NoticeRef {
  const { language, ...ref } = parseInput(noticeRef, notice)
  return language === undefined ? ref : { ...ref, language }
}
