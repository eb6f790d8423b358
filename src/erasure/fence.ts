import { sameBytes } from '../base/bytes.ts'
import { canonicalBytes } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { decodeContainer, encodeContainer, SECTION, type Section } from '../storage/container.ts'
import type { PeopleDeps } from '../subjects/people.ts'

/** Stands in place of a person document, first before its sections, in the end alone. */
export interface Fence {
  readonly erasureId: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** A fence, and the bytes of it that are stored. */
export interface SealedFence {
  readonly fence: Fence
  readonly sealed: Uint8Array
}

/** A document that a fence stands before. */
export interface Fenced extends SealedFence {
  /** What is still there, for the hooks of this erasure only. */
  readonly sections: readonly Section[]
}

/** What reading a fence needs. */
export interface FenceDeps extends Pick<PeopleDeps, 'keyspace'> {
  readonly controller: Pick<PeopleDeps['controller'], 'open'>
  /** Need not be opened to be read. */
  readonly known?: SealedFence | undefined
}

/** The document with a fence before it; nobody but the erasure opens it any more. */
export function putFence({ sealed, sections }: Pick<Fenced, 'sealed' | 'sections'>): Uint8Array {
  return encodeContainer([{ kind: SECTION.fence, accessClass: 0, bytes: sealed }, ...sections])
}

/** A fence alone; the same before a document and before a key row of one person. */
export function sealFence(deps: PeopleDeps, subjectId: string, fence: Fence): Uint8Array {
  const { controller, keyspace } = deps
  return controller.seal(keyspace.person(subjectId), canonicalBytes({ v: 1, ...fence }))
}

/** The fence before somebody, as it stands in the store. */
export async function fencedNow(
  deps: FenceDeps & Pick<PeopleDeps, 'store'>,
  subjectId: string,
): Promise<Fenced | undefined> {
  const [document] = await deps.store.read([deps.keyspace.person(subjectId)])
  return readFence(deps, subjectId, document)
}

/** The fence of a document; undefined when it has none, or is not there. */
export function readFence(
  deps: FenceDeps,
  subjectId: string,
  document: Uint8Array | undefined,
): Fenced | undefined {
  const sections = document === undefined ? undefined : decodeContainer(document)
  const sealed = sections?.find(({ kind }) => kind === SECTION.fence)
  if (sections === undefined || sealed === undefined) return undefined
  const { known } = deps
  const isKnown = known !== undefined && sameBytes(known.sealed, sealed.bytes)
  return {
    fence: isKnown ? known.fence : openFence(deps, subjectId, sealed.bytes),
    sealed: sealed.bytes,
    sections: sections.filter(({ kind }) => kind !== SECTION.fence),
  }
}

/** @throws {@link decryption_failed} for one that the controller never made */
export function openFence(
  { controller, keyspace }: FenceDeps,
  subjectId: string,
  sealed: Uint8Array,
): Fence {
  const json = parseCanonical(controller.open(keyspace.person(subjectId), sealed)) as
    | Fence
    | undefined
  if (json === undefined)
    throw new PrivityError('unsupported_format', { what: 'fence', version: 0 })
  return { erasureId: json.erasureId, at: json.at }
}
