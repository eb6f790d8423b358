import { decodeRing, type RingEntry } from '../keys/key-ring.ts'
import { decodeContainer, SECTION } from '../storage/container.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Store } from '../storage/store.ts'

/** A person document as stored, and what shows of it without any key. */
export interface StoredPerson {
  readonly id: string
  readonly document: Uint8Array
  /** Undefined when the document is none that is known here. */
  readonly ring: readonly RingEntry[] | undefined
  /** Somebody erases this person, or did. */
  readonly isFenced: boolean
}

/** How a walk is watched and stopped. */
export interface WalkWatch {
  readonly signal?: AbortSignal | undefined
  /** Called with how many people were passed, and how many there may be. What it throws is ignored. */
  readonly onProgress?: ((done: number, of: number) => void) | undefined
}

const PAGE = 256
const ID_LENGTH = 32
/** Greater than every letter that a row of a person begins with. */
const BEHIND = '~'
/** So many digits of an id say how far a walk is. */
const DIGITS = 8

/** Every person document, some at a time; the rows behind the last of a page are jumped over. */
export async function* walkPeople(
  { store, keyspace }: { readonly store: Store; readonly keyspace: Keyspace },
  watch: WalkWatch,
): AsyncGenerator<readonly StoredPerson[]> {
  const prefix = keyspace.person('')
  let after: string | undefined
  let done = 0
  for (let isLast = false; !isLast; ) {
    watch.signal?.throwIfAborted()
    const options = { ...(after === undefined ? {} : { after }), limit: PAGE }
    const rows = await store.scan(prefix, options)
    isLast = rows.length < PAGE
    const people = rows
      .filter(([key]) => key.length === prefix.length + ID_LENGTH)
      .map(([key, document]) => lookAt(key.slice(prefix.length), document))
    if (people.length > 0) yield people
    const last = (rows.at(-1)?.[0] ?? '').slice(prefix.length, prefix.length + ID_LENGTH)
    after = `${keyspace.personRows(last)}${BEHIND}`
    done += people.length
    tell(watch, done, isLast ? done : estimate(done, last))
  }
}

function lookAt(id: string, document: Uint8Array): StoredPerson {
  const sections = decodeContainer(document)
  const ring = sections?.find(({ kind }) => kind === SECTION.ring)
  const isFenced = sections?.some(({ kind }) => kind === SECTION.fence) ?? false
  return {
    id,
    document,
    isFenced,
    // Behind a finished fence there is nothing any more.
    ring: ring === undefined ? (isFenced ? [] : undefined) : decodeRing(ring.bytes),
  }
}

/** Ids are random: how far a walk is says how many there are. */
function estimate(done: number, last: string): number {
  const share = (Number.parseInt(last.slice(0, DIGITS), 16) + 1) / 16 ** DIGITS
  return Math.max(done, Math.round(done / share))
}

function tell({ onProgress }: WalkWatch, done: number, of: number): void {
  try {
    onProgress?.(done, of)
  } catch {
    // What the app's callback throws is its own affair.
    return
  }
}
