import { sameBytes } from '../base/bytes.ts'
import type { Cache } from '../base/cache.ts'
import { PrivityError } from '../base/errors.ts'
import { type ClassKey, newestOf } from '../keys/class-key.ts'
import { type EnvelopeContext, openEnvelope, ROW_KIND } from '../keys/envelope.ts'
import type { KeyName } from '../keys/key-list.ts'
import { keysOfClass, type RingEntry } from '../keys/key-ring.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { PersonKeys } from '../keys/person-keys.ts'
import { CORE } from '../policy/catalogue.ts'
import { decodeContainer, SECTION, type Section } from '../storage/container.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { decodeHead, type Head } from './head.ts'
import { type Held, listedKeys } from './key-row.ts'

/** A person document, opened as far as deciding needs: head and key ring. */
export interface Person {
  readonly id: string
  /** As stored. */
  readonly document: Uint8Array
  readonly head: Head
  readonly ring: readonly RingEntry[]
  /** Keys that the document counts on, and that the key store has not. */
  readonly missing: readonly KeyName[]
  /** Keys that were added to the key store for what is about to be written. */
  readonly offered: readonly RingEntry[]
  /** Sealed sections of single records. */
  readonly sections: readonly Section[]
  /** Undefined when the person has no key of this class yet; of several, the newest, which opens for the others. */
  key(accessClass: number): ClassKey | undefined
  readonly core: ClassKey
}

/** What opening a person needs. */
export interface OpenDeps {
  readonly storeId: string
  readonly keys: PersonKeys
  readonly keyspace: Keyspace
  readonly controller: Pick<ControllerKey, 'open'>
  /** Decoded heads under their exact sealed bytes. */
  readonly heads: Cache<KnownHead>
}

/** A head and the bytes that it was decoded from. */
export interface KnownHead {
  readonly sealed: Uint8Array
  readonly head: Head
}

/**
 * Opens a person document.
 *
 * @throws {@link not_found} when there is none
 * @throws {@link erased} when a fence stands in its place, or before its keys
 * @throws {@link key_unknown} when the key store has not what it counts on
 */
export function openPerson(
  deps: OpenDeps,
  id: string,
  {
    document,
    held,
  }: { readonly document: Uint8Array | undefined; readonly held: Held | undefined },
): Person {
  if (document === undefined) throw new PrivityError('not_found', { kind: 'subject' })
  const sections = decodeContainer(document)
  if (sections === undefined) throw malformed('document')
  const fence = sections.find(({ kind }) => kind === SECTION.fence)?.bytes ?? held?.row.fence
  if (fence !== undefined) {
    // Whoever can write to the store must not be able to erase somebody by a mark.
    deps.controller.open(deps.keyspace.person(id), fence)
    deps.heads.delete(id)
    throw new PrivityError('erased', { kind: 'subject' })
  }
  return openSections(deps, { id, document, sections, held })
}

/** What a fence may stand before. */
export interface Behind {
  readonly id: string
  readonly document: Uint8Array
  readonly sections: readonly Section[]
  readonly held: Held | undefined
}

/** Opens what a fence may already stand before: for the erasure itself. */
export function openSections(deps: OpenDeps, { id, document, sections, held }: Behind): Person {
  const sealed = sections.find(({ kind }) => kind === SECTION.head)?.bytes
  const listed = listedKeys(sections, held?.row)
  if (listed === undefined || sealed === undefined) throw malformed('document')
  if (held?.row.isMalformed) throw new PrivityError('key_unreadable', { what: 'ring' })
  const { ring, missing } = listed
  // Until it is certain, it may be that the row was read before another process added a key to it.
  if (missing.length > 0 && held?.isSettled !== true) throw unknownKey()
  function key(accessClass: number): ClassKey | undefined {
    const entries = keysOfClass(ring, accessClass)
    const newest = newestOf(entries.map((entry) => deps.keys.open(id, entry)))
    if (newest !== undefined) return newest
    if (missing.some((name) => name.accessClass === accessClass)) throw unknownKey()
    return undefined
  }
  const core = key(CORE)
  if (core === undefined) throw malformed('ring')
  return {
    id,
    document,
    ring,
    missing,
    offered: held?.offered ?? [],
    core,
    key,
    head: openHead(deps, { id, core, sealed }),
    sections: sections.filter(({ kind }) => kind === SECTION.fields),
  }
}

/** Context of a head: it holds the revisions of everything else, and has none itself. */
export function headContext(storeId: string, personId: string): EnvelopeContext {
  return { kind: ROW_KIND.head, storeId, personId, accessClass: CORE, revision: 0 }
}

function openHead(
  { storeId, heads }: OpenDeps,
  {
    id,
    core,
    sealed,
  }: { readonly id: string; readonly core: ClassKey; readonly sealed: Uint8Array },
): Head {
  const known = heads.get(id)
  if (known !== undefined && sameBytes(known.sealed, sealed)) return known.head
  const head = decodeHead(openEnvelope(core, headContext(storeId, id), sealed))
  heads.set(id, { sealed: sealed.slice(), head })
  return head
}

function unknownKey(): PrivityError {
  return new PrivityError('key_unknown', { what: 'ring' })
}

function malformed(what: string): PrivityError {
  return new PrivityError('unsupported_format', { what, version: 0 })
}
