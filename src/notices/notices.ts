import * as z from 'zod/mini'
import { fromUtf8, utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { parseInput } from '../base/parse.ts'
import type { Entry } from '../ledger/entry.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import type { People } from '../subjects/people.ts'
import {
  bookKey,
  type NoticeBook,
  noticeHash,
  openBook,
  openRegister,
  sealBook,
  sealRegister,
  textHash,
} from './notice-book.ts'
import { NOTICE_NAME, type NoticeRef, parseNoticeRef } from './notice-ref.ts'
import { LANGUAGE, parseTexts } from './notice-texts.ts'
import { findVersion } from './published.ts'
import { serve, type ServeInput } from './servings.ts'

/** What people are told, word for word, in every language and version. */
export interface Notices {
  /**
   * Publishes a version. A `material` change (the default) makes consents that were given on an earlier
   * version stale until they are given anew. Publishing the same words again changes nothing.
   *
   * @throws {@link already_exists} when the version was published with other words
   * @throws {@link invalid_input}
   */
  publish(input: PublishInput): Promise<NoticeRef>
  /**
   * Notes that the exact text was shown, and resolves to the id that a consent refers to.
   *
   * @throws {@link not_found} when the notice is not published as given
   * @throws {@link not_declared} when it has no text in that language
   */
  serve(notice: NoticeRef, to: ServeInput): Promise<{ readonly servedId: string }>
  /**
   * The exact text of a published version.
   *
   * @throws {@link not_found} when the notice is not published as given
   */
  text(notice: NoticeRef, language: string): Promise<string>
}

/** Words to publish. */
export interface PublishInput {
  /** Names the notice in all its versions. */
  readonly id: string
  /** Another one for other words: what was published is never changed. */
  readonly version: string
  /** The exact words, by language (BCP 47): up to 500,000 bytes of UTF-8 each. */
  readonly texts: { readonly [language: string]: string }
  /** `material` makes consents to earlier versions stale. Default: `material`. */
  readonly change?: 'material' | 'editorial'
}

const publishInput = z.strictObject({
  id: NOTICE_NAME,
  version: NOTICE_NAME,
  texts: z.unknown(),
  change: z.optional(z.enum(['material', 'editorial'])),
})

/** Publishes and serves notices. */
export function createNotices(people: People, policy: string): Notices {
  return {
    publish: (input) => publish(people, policy, input),
    serve: (notice, to) => serve(people, policy, { notice, to }),
    text: (notice, language) => readText(people, notice, language),
  }
}

async function publish(people: People, policy: string, asked: unknown): Promise<NoticeRef> {
  const { id, version, change = 'material', ...input } = parseInput(publishInput, asked)
  const texts = parseTexts(input.texts)
  const { deps } = people
  const hashes = Object.fromEntries(
    Object.entries(texts).map(([language, text]) => [language, textHash(text)]),
  )
  const hash = noticeHash(id, version, hashes)
  const key = bookKey(deps, id)
  const { keyspace, controller, clock } = deps
  const words = Object.values(hashes).map(keyspace.noticeText)
  await deps.ledger.submit<null>({
    reads: [key, keyspace.noticeRegister, ...words],
    build: (rows) => {
      const book = openBook(deps, id, rows.get(key))
      const published = book.versions.find((candidate) => candidate.version === version)
      if (published?.hash === hash) return { kind: 'done', value: null }
      if (published !== undefined) throw new PrivityError('already_exists', { kind: 'notice' })
      const at = clock.now()
      const versions = [...book.versions, { version, hash, change, at, texts: hashes }]
      const entry: Entry = {
        kind: 'controller',
        at,
        policy,
        event: { type: 'notice.published', id, version, hash, change },
      }
      const textRows = Object.values(texts).map((text): [Key, Uint8Array] => {
        const row = keyspace.noticeText(textHash(text))
        return [row, controller.seal(row, utf8(text))]
      })
      const register = registerWith(people, rows, { id, versions })
      const put = [[key, sealBook(deps, { id, versions })] as const, register, ...new Map(textRows)]
      return { kind: 'change', change: { put, del: [], entry }, value: null }
    },
  })
  return { id, version, hash }
}

/** @throws {@link store_corrupt} when the book was set back: a version could be published again, with other words */
function registerWith(
  { deps }: People,
  rows: Rows,
  { id, versions }: NoticeBook,
): readonly [Key, Uint8Array] {
  const key = deps.keyspace.noticeRegister
  const known = openRegister(deps, rows.get(key))
  const { length } = versions
  const count = Object.hasOwn(known.versions, id) ? known.versions[id] : 0
  if (count !== length - 1) throw new PrivityError('store_corrupt', { reason: 'changed_row' })
  const isMaterial = versions.at(-1)?.change === 'material'
  const material = isMaterial ? { ...known.material, [id]: length } : known.material
  return [key, sealRegister(deps, { material, versions: { ...known.versions, [id]: length } })]
}

async function readText(people: People, notice: unknown, language: unknown): Promise<string> {
  const ref = parseNoticeRef(notice)
  const { version } = await findVersion(people.deps, ref, parseInput(LANGUAGE, language))
  const { keyspace, controller, store } = people.deps
  const key = keyspace.noticeText(version.texts[language as string] ?? '')
  const [sealed] = await store.read([key])
  if (sealed === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  return fromUtf8(controller.open(key, sealed)) ?? ''
}
