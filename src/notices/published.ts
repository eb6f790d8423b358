import { PrivityError } from '../base/errors.ts'
import type { Store } from '../storage/store.ts'
import {
  bookKey,
  type NoticeBook,
  type NoticeRows,
  type NoticeVersion,
  openBook,
} from './notice-book.ts'
import type { NoticeRef } from './notice-ref.ts'

/** A version and its position, from 1. */
export interface FoundVersion {
  readonly version: NoticeVersion
  readonly ordinal: number
}

/**
 * Reads the book of a notice, and finds a version with words in a language.
 *
 * @throws {@link not_found} · @throws {@link not_declared}
 */
export async function findVersion(
  deps: NoticeRows & { readonly store: Store },
  ref: NoticeRef,
  language: string,
): Promise<FoundVersion> {
  const [sealed] = await deps.store.read([bookKey(deps, ref.id)])
  const found = requireVersion(openBook(deps, ref.id, sealed), ref)
  requireLanguage(found, language)
  return found
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
