import { toBase64url } from '../base/bytes.ts'
import type { JsonObject, JsonValue } from '../base/canonical.ts'
import { hasMembers, isJsonObject } from '../base/json-shape.ts'
import { ownBytes } from '../base/own-json.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { platformHmac } from '../crypto/hash.ts'
import { commitmentMessage, type Leaf, tagMessage } from '../ledger/entry.ts'
import { type Manifest, type ManifestSubject, parseKey } from './manifest.ts'
import { bodyName } from './tiles.ts'
import type { Archive } from './verify-archive.ts'
import { refuse } from './verify-refusal.ts'

/** An entry whose body was verified. */
export interface DisclosedEntry {
  /** Of its log. */
  readonly origin: string
  /** Number of its leaf, from 0. */
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

/** What the bodies say. */
export interface BodyCount {
  /** The people, in the order of the manifest. */
  readonly people: readonly DisclosedPerson[]
  /** How many entries about no single person there are. */
  readonly controllerEntries: number
}

/** A person, all of whose entries were verified. */
export interface DisclosedPerson extends ManifestSubject {
  readonly entries: number
  /** Stands for them in access logs, as the entry says that registered them. */
  readonly pseudonym: JsonValue | undefined
}

/** Where leaves stand. */
export interface LeavesPlace {
  readonly folder: string
  readonly origin: string
  /** Index of the first. */
  readonly first: number
}

/** A person, or the controller, who has no id. */
interface Owner {
  readonly id?: string
  readonly tagKey: Uint8Array
  /** Sequence of the first entry. */
  readonly first: number
  /** Sequence of the next entry. */
  next: number
  pseudonym: JsonValue | undefined
}

/** A leaf that is known by its tag. */
interface Expected {
  readonly owner: Owner
  readonly sequence: number
}

interface State {
  readonly tags: Map<string, Expected>
  onBody(entry: DisclosedEntry): Promise<void>
}

const VERSION = 1
/** More than a row of a store can hold. */
const MAX_BODY = 1_048_576
/** Tags that are known before their turn: an entry that comes too early is noticed, and one that is left out. */
const AHEAD = 8

/** Starts before the first leaf. */
export async function createBodyCheck(
  { subjects, controllerKey }: Manifest,
  onBody: State['onBody'],
): Promise<BodyCheck> {
  const state: State = { tags: new Map(), onBody }
  const people = subjects.map((subject) => ({ ...subject, ...startAt(1) }))
  const controller = controllerKey === undefined ? [] : [{ tagKey: controllerKey, ...startAt(0) }]
  const owners: readonly Owner[] = [...people, ...controller]
  for (const owner of owners) {
    for (let ahead = 0; ahead < AHEAD; ahead += 1) await expect(state, owner, owner.first + ahead)
  }
  return {
    take: async (archive, place, leaves) => {
      for (const [offset, leaf] of leaves.entries()) {
        await takeBody(state, archive, { ...place, leaf, index: place.first + offset })
      }
    },
    close: (archive) => {
      // Everybody has a first entry: with none, the key or the log is that of another.
      if (owners.some(({ first, next }) => next === first)) throw archive.refuse('entry_missing')
      return {
        people: people.map((person) => ({ ...person, entries: person.next - 1 })),
        controllerEntries: controller[0]?.next ?? 0,
      }
    },
  }
}

function startAt(first: number): Pick<Owner, 'first' | 'next' | 'pseudonym'> {
  return { first, next: first, pseudonym: undefined }
}

async function expect({ tags }: State, owner: Owner, sequence: number): Promise<void> {
  const tag = await platformHmac(owner.tagKey, tagMessage(sequence))
  tags.set(toBase64url(tag), { owner, sequence })
}

interface Place extends LeavesPlace {
  readonly leaf: Leaf
  readonly index: number
}

async function takeBody(state: State, archive: Archive, place: Place): Promise<void> {
  const { leaf, index, folder, origin } = place
  const { owner, sequence } = state.tags.get(leaf.s) ?? {}
  if (owner === undefined || sequence === undefined) return
  const name = folder + bodyName(index)
  if ((await archive.peek())?.name !== name)
    throw refuse('body_missing', { file: name, index: BigInt(index) })
  if (sequence !== owner.next) throw archive.refuse('entry_missing', index)
  const body = await openBody(await archive.take(name, MAX_BODY), leaf)
  if (body === undefined || !fits(body, owner, index)) throw archive.refuse('body_mismatch', index)
  state.tags.delete(leaf.s)
  const { id, first } = owner
  if (sequence === first) owner.pseudonym = pseudonymIn(body)
  owner.next += 1
  await expect(state, owner, sequence + AHEAD)
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
  const secret = parseKey(json['secret'])
  if (secret === undefined || !isJsonObject(body)) return undefined
  const commitment = await platformHmac(secret, commitmentMessage(ownBytes(body)))
  return toBase64url(commitment) === leaf.b ? body : undefined
}

/** Every operation about a person writes their document. */
function fits({ v, index, sequence, rows }: JsonObject, owner: Owner, at: number): boolean {
  if (v !== VERSION || index !== at || sequence !== owner.next) return false
  if (owner.id === undefined) return true
  const document = `p/${owner.id}`
  return Array.isArray(rows) && rows.some((row) => Array.isArray(row) && row[0] === document)
}

function pseudonymIn({ event }: JsonObject): JsonValue | undefined {
  return isJsonObject(event) ? event['pseudonym'] : undefined
}
