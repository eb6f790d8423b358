import { ignoreThrown } from '../base/ignore-thrown.ts'
import type { RingEntry } from '../keys/key-ring.ts'
import { decodeContainer, SECTION } from '../storage/container.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Row, Store } from '../storage/store.ts'
import { type KeyRow, listedKeys } from '../subjects/key-row.ts'
import type { KeyRows } from '../subjects/key-rows.ts'

/** A person document as stored, and what shows of it without any key. */
export interface StoredPerson {
  readonly id: string
  readonly document: Uint8Array
  /** Keys that the document counts on; undefined when it, or the row of its keys, is none that is known here. */
  readonly ring: readonly RingEntry[] | undefined
  /** How many keys that the document counts on are not in the key store; behind a fence they are not lost but gone. */
  readonly lost: number
  /** In the key store, and not counted on by the document. */
  readonly unlisted: readonly RingEntry[]
  /** Somebody erases this person, or did. */
  readonly isFenced: boolean
  /** The document says that nothing is left, and the key store says otherwise. */
  readonly isBroughtBack: boolean
}

/** How a walk is watched and stopped. */
export interface WalkWatch {
  readonly signal?: AbortSignal | undefined
  /** Called with how many people were passed, and how many there may be. What it throws is ignored. */
  readonly onProgress?: ((done: number, of: number) => void) | undefined
}

/** What walking needs. */
export interface WalkDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly keyRows: KeyRows | undefined
}

const PAGE = 256
const ID_LENGTH = 32
/** Greater than every letter that a row of a person begins with. */
const BEHIND = '~'
/** So many digits of an id say how far a walk is. */
const DIGITS = 8

/** Every person document, some at a time; the rows behind the last of a page are jumped over. */
export async function* walkPeople(
  { store, keyspace, keyRows }: WalkDeps,
  { signal, onProgress }: WalkWatch,
): AsyncGenerator<readonly StoredPerson[]> {
  const prefix = keyspace.person('')
  let after: string | undefined
  let done = 0
  for (let isLast = false; !isLast; ) {
    signal?.throwIfAborted()
    const options = { after, limit: PAGE }
    const rows = await store.scan(prefix, options)
    isLast = rows.length < PAGE
    const documents = rows
      .filter(([key]) => key.length === prefix.length + ID_LENGTH)
      .map(([key, document]): Row => [key.slice(prefix.length), document])
    // After the documents: what they list was added before.
    const keys = await keyRows?.readMany(documents.map(([id]) => id))
    const people = documents.map((row, at) => lookAt(row, keys?.[at]))
    if (people.length > 0) yield people
    const last = (rows.at(-1)?.[0] ?? '').slice(prefix.length, prefix.length + ID_LENGTH)
    after = `${keyspace.personRows(last)}${BEHIND}`
    done += people.length
    ignoreThrown(() => onProgress?.(done, isLast ? done : estimate(done, last)))
  }
}

/** Without a row, the keys are in the document. */
function lookAt([id, document]: Row, row: KeyRow | undefined): StoredPerson {
  const sections = decodeContainer(document)
  const hasFence = sections?.some(({ kind }) => kind === SECTION.fence) ?? false
  const isErased = hasFence && sections?.length === 1
  const isFenced = hasFence || row?.fence !== undefined
  const isUnknown = sections === undefined || row?.isMalformed === true
  const listed = isUnknown ? undefined : listedKeys(sections, row)
  const isBare = isErased || (isFenced && row?.entries.length === 0)
  const isBuried = row === undefined || (row.fence !== undefined && row.entries.length === 0)
  return {
    id,
    document,
    isFenced,
    ring: isBare ? [] : listed?.ring,
    lost: isFenced ? 0 : (listed?.missing.length ?? 0),
    unlisted: row?.entries.filter((entry) => listed?.ring.includes(entry) !== true) ?? [],
    isBroughtBack: isErased && !isBuried,
  }
}

/** Ids are random: how far a walk is says how many there are. */
function estimate(done: number, last: string): number {
  const share = (Number.parseInt(last.slice(0, DIGITS), 16) + 1) / 16 ** DIGITS
  return Math.max(done, Math.round(done / share))
}
