import { invalidInput } from '../base/errors.ts'
import { bookKey, NO_NOTICES, type NoticeRegister, openBook } from '../notices/notice-book.ts'
import { requireLanguage, requireVersion } from '../notices/published.ts'
import { openServing, servingKey } from '../notices/servings.ts'
import { CORE } from '../policy/catalogue.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import type { Draft } from '../subjects/draft.ts'
import type { NoticeFact } from '../subjects/head.ts'
import type { People } from '../subjects/people.ts'
import type { DecisionInput } from './consent-input.ts'

/** Rows that show on what ground a person decided. */
export interface Evidence {
  readonly book: Key
  readonly serving: Key | undefined
}

/** The notice that a decision was made on, as the ledger keeps it. */
export type DecidedNotice = { readonly [K in keyof NoticeFact]: NoticeFact[K] } & {
  readonly version: string
}

/** What the rows showed. */
export interface Shown {
  readonly notice: DecidedNotice
  /** Milliseconds since the epoch; undefined where nothing had to be served. */
  readonly servedAt: number | undefined
  /** As the register has it: what was shown may have changed materially since. */
  readonly register: NoticeRegister
}

/** @throws {@link invalid_input} when the served id is none */
export function evidenceOf(
  people: People,
  id: string,
  { notice, method }: DecisionInput,
): Evidence {
  const book = bookKey(people.deps, notice.id)
  if (method.servedId === undefined) return { book, serving: undefined }
  const serving = servingKey(people, id, method.servedId)
  if (serving === undefined) throw invalidInput(['method', 'servedId'], 'unknown_serving')
  return { book, serving }
}

/**
 * The notice is published as given, and was shown if the channel says so.
 *
 * @throws {@link not_found} when it is not published
 * @throws {@link invalid_input} when it was not shown, or another one was
 */
export function checkEvidence(
  people: People,
  {
    draft,
    decision,
    evidence,
  }: { readonly draft: Draft; readonly decision: DecisionInput; readonly evidence: Evidence },
  rows: Rows,
): Shown {
  const { notice, method } = decision
  const { servedId } = method
  const book = openBook(people.deps, notice.id, rows.get(evidence.book))
  const found = requireVersion(book, notice)
  const { ordinal } = found
  const { id, hash, version, language } = notice
  if (language !== undefined) requireLanguage(found, language)
  const fact = { id, ordinal, hash, version, ...(language === undefined ? {} : { language }) }
  const material = book.versions.findLastIndex(({ change }) => change === 'material') + 1
  const register = { ...NO_NOTICES, material: { [id]: material } }
  if (servedId === undefined || evidence.serving === undefined)
    return { notice: fact, servedAt: undefined, register }
  const person = { id: draft.id, core: draft.key(CORE) }
  const serving = openServing(people, person, { servedId, sealed: rows.get(evidence.serving) })
  if (serving.hash !== hash) throw invalidInput(['method', 'servedId'], 'other_notice')
  // Language and text are those of the serving, whatever the caller believes.
  return { notice: { ...fact, language: serving.language }, servedAt: serving.at, register }
}
