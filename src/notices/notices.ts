import { parseCanonical } from '../base/parse-canonical.ts'
import * as z from 'zod/mini'
import { fromUtf8, toHex, utf8 } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { parseInput } from '../base/parse.ts'
import { randomBytes } from '../crypto/random.ts'
import { splitBody } from '../ledger/entry.ts'
import type { Entry } from '../ledger/entry.ts'
import { openEnvelope } from '../keys/envelope.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import { bodyContext, type People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { requirePerson } from '../subjects/require-kind.ts'
import {
  bookKey,
  type NoticeBook,
  noticeHash,
  type NoticeVersion,
  openBook,
  openRegister,
  sealBook,
  sealRegister,
  textHash,
} from './notice-book.ts'
import { LANGUAGE, parseTexts } from './notice-texts.ts'

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
  readonly id: string
  readonly version: string
  /** The exact words, by language (BCP 47): up to 500,000 bytes of UTF-8 each. */
  readonly texts: { readonly [language: string]: string }
  readonly change?: 'material' | 'editorial'
}

/** Names one published version by its content. */
export interface NoticeRef {
  readonly id: string
  readonly version: string
  readonly hash: string
  readonly language?: string
}

/** Whom a notice is shown to; nobody yet, when they are not registered. */
export interface ServeInput {
  readonly subjectId?: string
  readonly language: string
}

/** A serving, as a consent refers to it. */
export interface Serving {
  readonly hash: string
  readonly language: string
  readonly at: number
}

const NAME = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/))
const publishInput = z.strictObject({
  id: NAME,
  version: NAME,
  texts: z.unknown(),
  change: z.optional(z.enum(['material', 'editorial'])),
})
/** Shape of a notice wherever one is passed in. */
export const noticeRef: z.ZodMiniType<
  { [K in keyof NoticeRef]: NoticeRef[K] | undefined } & Omit<NoticeRef, 'language'>
> = z.strictObject({
  id: NAME,
  version: NAME,
  hash: z.string().check(z.regex(/^sha256:[A-Za-z0-9_-]{43}$/)),
  language: z.optional(LANGUAGE),
})
const serveInput = z.strictObject({ subjectId: z.optional(z.string()), language: LANGUAGE })

const SERVED_ID = /^([ps])([0-9a-f]{1,8})\.([0-9a-f]{32})$/
const NONCE_LENGTH = 16

/** Publishes and serves notices. */
export function createNotices(people: People, policy: string): Notices {
  return {
    publish: (input) => publish(people, policy, input),
    serve: (notice, to) => serve(people, policy, { notice, to }),
    text: (notice, language) => readText(people, notice, language),
  }
}

async function publish(people: People, policy: string, input: unknown): Promise<NoticeRef> {
  const { id, version, change = 'material', ...words } = parseInput(publishInput, input)
  const texts = parseTexts(words.texts)
  const { deps } = people
  const hashes = Object.fromEntries(
    Object.entries(texts).map(([language, text]) => [language, textHash(text)]),
  )
  const hash = noticeHash(id, version, hashes)
  const key = bookKey(deps, id)
  const { keyspace, controller, clock } = deps
  await deps.ledger.submit<null>({
    reads: [key, keyspace.noticeRegister],
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
      const put = [
        [key, sealBook(deps, { id, versions })] as const,
        ...register,
        ...new Map(textRows),
      ]
      return { kind: 'change', change: { put, del: [], entry }, value: null }
    },
  })
  return { id, version, hash }
}

/** The first version changes nothing for anybody: only later ones can make a consent stale. */
function registerWith(
  { deps }: People,
  rows: Rows,
  { id, versions }: NoticeBook,
): readonly (readonly [Key, Uint8Array])[] {
  const key = deps.keyspace.noticeRegister
  const { material } = openRegister(deps, rows.get(key))
  if (versions.at(-1)?.change !== 'material') return []
  return [[key, sealRegister(deps, { material: { ...material, [id]: versions.length } })]]
}

interface ServeRequest {
  readonly notice: unknown
  readonly to: unknown
}

async function serve(
  people: People,
  policy: string,
  { notice, to }: ServeRequest,
): Promise<{ readonly servedId: string }> {
  const ref = parseNoticeRef(notice)
  const { subjectId, language } = parseInput(serveInput, to)
  const { version } = await findVersion(people, ref, language)
  const nonce = toHex(randomBytes(NONCE_LENGTH))
  const event = {
    type: 'notice.served',
    id: ref.id,
    version: version.version,
    hash: ref.hash,
    language,
    nonce,
  }
  if (subjectId === undefined) {
    const at = people.deps.clock.now()
    const { receipt } = await people.deps.ledger.submit<null>({
      reads: [],
      build: () => ({
        kind: 'change',
        change: { put: [], del: [], entry: { kind: 'controller', at, policy, event } },
        value: null,
      }),
    })
    if (receipt === undefined) throw new TypeError('a serving was committed without a receipt')
    return { servedId: `s${receipt.sequence.toString(16)}.${nonce}` }
  }
  const { sequence } = await people.change({
    id: subjectId,
    policy,
    request: event,
    apply: ({ head }) => {
      requirePerson(head)
      return { event, value: null }
    },
  })
  return { servedId: `p${sequence.toString(16)}.${nonce}` }
}

/** Row of the entry that a served id names; undefined when it is no served id. */
export function servingKey(
  { deps: { keyspace } }: People,
  subjectId: string,
  servedId: string,
): Key | undefined {
  const [, about, sequence = ''] = SERVED_ID.exec(servedId) ?? []
  if (about === undefined) return undefined
  const number = Number.parseInt(sequence, 16)
  return about === 'p' ? keyspace.body(subjectId, number) : keyspace.controllerBody(number)
}

/**
 * What was shown, read from the ledger entry of the serving.
 *
 * @throws {@link invalid_input} when the id names no serving, or one to somebody else
 */
export function openServing(
  { deps }: People,
  person: Pick<Person, 'id' | 'core'>,
  { servedId, sealed }: { readonly servedId: string; readonly sealed: Uint8Array | undefined },
): Serving {
  const [, about, sequence = '', nonce] = SERVED_ID.exec(servedId) ?? []
  const number = Number.parseInt(sequence, 16)
  if (about === undefined || sealed === undefined) throw unknownServing()
  const plaintext =
    about === 'p'
      ? openEnvelope(person.core, bodyContext(deps.storeId, person.id, number), sealed)
      : deps.controller.open(deps.keyspace.controllerBody(number), sealed)
  const { at, event } = parseCanonical(splitBody(plaintext).body) as {
    readonly at: number
    readonly event: JsonObject
  }
  const { type, hash, language } = event
  const known = type === 'notice.served' && event['nonce'] === nonce
  if (!known || typeof hash !== 'string' || typeof language !== 'string') throw unknownServing()
  return { hash, language, at }
}

function parseNoticeRef(notice: unknown): NoticeRef {
  const { language, ...ref } = parseInput(noticeRef, notice)
  return language === undefined ? ref : { ...ref, language }
}

/** A version and its position, from 1. */
export interface FoundVersion {
  readonly version: NoticeVersion
  readonly ordinal: number
}

/**
 * Finds a version in its book.
 *
 * @throws {@link not_found} when it is not published with that hash
 */
export function requireVersion({ versions }: NoticeBook, ref: NoticeRef): FoundVersion {
  const index = versions.findIndex(
    ({ version, hash }) => version === ref.version && hash === ref.hash,
  )
  const version = versions[index]
  if (version === undefined) throw new PrivityError('not_found', { kind: 'notice' })
  return { version, ordinal: index + 1 }
}

/** @throws {@link not_declared} when a version has no words in that language */
export function requireLanguage({ version }: FoundVersion, language: string): void {
  const declared = Object.keys(version.texts)
  if (declared.includes(language)) return
  throw new PrivityError('not_declared', { kind: 'language', path: ['language'], declared })
}

async function findVersion(
  people: People,
  ref: NoticeRef,
  language: string,
): Promise<FoundVersion> {
  const key = bookKey(people.deps, ref.id)
  const [sealed] = await people.deps.store.read([key])
  const found = requireVersion(openBook(people.deps, ref.id, sealed), ref)
  requireLanguage(found, language)
  return found
}

async function readText(people: People, notice: unknown, language: unknown): Promise<string> {
  const ref = parseNoticeRef(notice)
  const { version } = await findVersion(people, ref, parseInput(LANGUAGE, language))
  const { keyspace, controller, store } = people.deps
  const key = keyspace.noticeText(version.texts[language as string] ?? '')
  const [sealed] = await store.read([key])
  if (sealed === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  return fromUtf8(controller.open(key, sealed)) ?? ''
}

function unknownServing(): PrivityError {
  return invalidInput(['method', 'servedId'], 'unknown_serving')
}
