import { toBase64url } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import { bytesOf, hasMembers, isJsonObject } from '../base/json-shape.ts'
import { ownBytes } from '../base/own-json.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { platformHmac } from '../crypto/hash.ts'
import { commitmentMessage, type Leaf, tagMessage } from '../ledger/entry.ts'
import type { Manifest, ManifestSubject } from './manifest.ts'
import { bodyName } from './tiles.ts'
import type { Archive } from './verify-archive.ts'

/** An entry whose body was verified. */
export interface DisclosedEntry {
  /** Of its log. */
  readonly origin: string
  readonly index: bigint
  /** What the operation did. */
  readonly body: JsonObject
  /** Absent for an entry about no single person. */
  readonly subjectId?: string
}

/** Finds the leaves of the disclosed people, and demands the bodies of all of them. */
export interface BodyCheck {
  /** Reads the bodies behind some leaves. */
  take(archive: Archive, place: LeavesPlace, leaves: readonly Leaf[]): Promise<void>
  /** How many there were; refuses a bundle with fewer than it says. */
  close(archive: Archive): BodyCount
}

/** How many entries were disclosed. */
export interface BodyCount {
  /** About each person, in the order of the manifest. */
  readonly entries: readonly number[]
  /** About no single person. */
  readonly controllerEntries: number
}

/** Where leaves stand. */
export interface LeavesPlace {
  readonly folder: string
  readonly origin: string
  /** Index of the first. */
  readonly first: number
}

/** A person, or the controller. */
interface Owner {
  readonly subject: ManifestSubject | undefined
  /** Sequence of the next entry. */
  next: number
}

/** A leaf that is known by its tag. */
interface Expected {
  readonly owner: Owner
  readonly sequence: number
}

interface State {
  readonly people: readonly Owner[]
  readonly controller: Owner
  /** How many entries about no single person there must be; absent if they are not disclosed. */
  readonly controllerEntries: number | undefined
  readonly tags: Map<string, Expected>
  onBody(entry: DisclosedEntry): Promise<void>
}

const VERSION = 1
const SECRET_LENGTH = 32
/** More than a row of a store can hold. */
const MAX_BODY = 1_048_576
/** Tags that are known before their turn: an entry that comes too early is noticed, and one that is left out. */
const AHEAD = 8

/** Starts before the first leaf. */
export async function createBodyCheck(
  { subjects, controllerEntries }: Manifest,
  onBody: State['onBody'],
): Promise<BodyCheck> {
  const state: State = {
    people: subjects.map((subject) => ({ subject, next: 1 })),
    controller: { subject: undefined, next: 0 },
    controllerEntries,
    tags: new Map(),
    onBody,
  }
  for (const owner of state.people) {
    for (let sequence = 1; sequence <= AHEAD; sequence += 1) await expect(state, owner, sequence)
  }
  return {
    take: async (archive, place, leaves) => {
      for (const [offset, leaf] of leaves.entries()) {
        await takeBody(state, archive, { ...place, leaf, index: place.first + offset })
      }
    },
    close: (archive) => {
      // Every person was registered by an entry: with none, the key or the log is that of another.
      const short = state.people.some(({ next }) => next === 1)
      if (short || state.controller.next !== (controllerEntries ?? 0))
        throw archive.refuse('entry_missing')
      const entries = state.people.map(({ next }) => next - 1)
      return { entries, controllerEntries: state.controller.next }
    },
  }
}

async function expect({ tags }: State, owner: Owner, sequence: number): Promise<void> {
  const { tagKey } = owner.subject ?? {}
  if (tagKey === undefined) return
  const tag = await platformHmac(tagKey, tagMessage(sequence))
  tags.set(toBase64url(tag), { owner, sequence })
}

interface Place extends LeavesPlace {
  readonly leaf: Leaf
  readonly index: number
}

async function takeBody(state: State, archive: Archive, place: Place): Promise<void> {
  const { leaf, index, folder, origin } = place
  const { tags, controller, controllerEntries } = state
  const expected = tags.get(leaf.s)
  if (expected === undefined && controllerEntries === undefined) return
  const name = folder + bodyName(index)
  const isThere = (await archive.peek())?.name === name
  if (!isThere && expected === undefined) return
  if (!isThere) throw archive.refuse('body_missing', index)
  const { owner, sequence } = expected ?? { owner: controller, sequence: controller.next }
  if (sequence !== owner.next) throw archive.refuse('entry_missing', index)
  const body = await openBody(await archive.take(name, MAX_BODY), leaf)
  if (body === undefined || !fits(body, owner, index)) throw archive.refuse('body_mismatch', index)
  tags.delete(leaf.s)
  owner.next += 1
  await expect(state, owner, sequence + AHEAD)
  const { id } = owner.subject ?? {}
  await state.onBody({
    origin,
    index: BigInt(index),
    body,
    ...(id === undefined ? {} : { subjectId: id }),
  })
}

/** Undefined unless the leaf commits to it. */
async function openBody(contents: Uint8Array, leaf: Leaf): Promise<JsonObject | undefined> {
  const json = parseCanonical(contents)
  if (!hasMembers(json, 2)) return undefined
  const { body } = json
  const secret = bytesOf(json['secret'])
  if (secret?.length !== SECRET_LENGTH || !isJsonObject(body)) return undefined
  const commitment = await platformHmac(secret, commitmentMessage(ownBytes(body)))
  return toBase64url(commitment) === leaf.b ? body : undefined
}

/** Every operation about a person writes their document. */
function fits({ v, index, sequence, rows }: JsonObject, owner: Owner, at: number): boolean {
  if (v !== VERSION || index !== at || sequence !== owner.next) return false
  if (owner.subject === undefined) return true
  const document = `p/${owner.subject.id}`
  return Array.isArray(rows) && rows.some((row) => Array.isArray(row) && row[0] === document)
}
