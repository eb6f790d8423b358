import type { JsonObject } from '../base/canonical.ts'
import { bytesOf } from '../base/json-shape.ts'
import { leafHash, verifyInclusion } from '../crypto/merkle.ts'
import type { NoteKey } from '../crypto/note.ts'
import { parseLeaf } from '../ledger/entry.ts'
import { firstOrigin } from '../ledger/first-origin.ts'
import { type AccessFile, accessName, decodeAccessFile, entryBytes } from './access-file.ts'
import type { Manifest } from './manifest.ts'
import { parsePath } from './tiles.ts'
import type { Archive } from './verify-archive.ts'
import type { DisclosedPerson } from './verify-bodies.ts'
import { takeCheckpoint } from './verify-log-checkpoint.ts'
import type { LogState } from './verify-log-files.ts'

/** An access that was verified. */
export interface DisclosedAccess {
  /** Whose data it was. */
  readonly subjectId: string
  /** Who looked at what, for which purpose, when; as it was logged. */
  readonly access: JsonObject
}

/** What the files of access logs are held against. */
export interface AccessCheck {
  readonly manifest: Manifest
  /** What their entries say, in the order of the manifest. */
  readonly people: readonly DisclosedPerson[]
  /** Keys of the main log, which sign the access logs too. */
  readonly keys: readonly NoteKey[]
  onAccess(access: DisclosedAccess): Promise<void>
}

interface Writer extends LogState {
  readonly writer: number
}

interface Tally {
  readonly person: DisclosedPerson
  segments: number
  accesses: number
}

const MAX_FILE = 2_097_152
const CHECKPOINT = /^access\/(0|[1-9]\d{0,4})\/checkpoint$/

/** How many accesses to each person there are, in the order of the manifest. */
export async function verifyAccesses(
  archive: Archive,
  check: AccessCheck,
): Promise<readonly number[]> {
  const tallies = check.people.map((person): Tally => ({ person, segments: 0, accesses: 0 }))
  for (
    let last = -1, next = await archive.peek();
    next !== undefined;
    next = await archive.peek()
  ) {
    const writer = Number(CHECKPOINT.exec(next.name)?.[1])
    if (!(writer > last)) throw archive.refuse('unexpected_file')
    const origin = `${firstOrigin(check.manifest.origin)}/access/${writer}`
    const ask = { name: next.name, origin, keys: check.keys }
    const log = { ...(await takeCheckpoint(archive, ask)), writer }
    for (const tally of tallies) await takeSegments(archive, { ...check, log, tally })
    last = writer
  }
  const short = tallies.some(({ person, segments }) => segments !== person.segments)
  if (short) throw archive.refuse('access_missing')
  return tallies.map(({ accesses }) => accesses)
}

interface SegmentCheck extends AccessCheck {
  readonly log: Writer
  readonly tally: Tally
}

/** The segments of one access log that a person is in. */
async function takeSegments(archive: Archive, check: SegmentCheck): Promise<void> {
  const { log, tally } = check
  const { id } = tally.person
  const prefix = accessName(log.writer, id, 0).slice(0, -'000'.length)
  for (let last = -1; ; ) {
    const name = (await archive.peek())?.name ?? ''
    if (!name.startsWith(prefix)) return
    const index = parsePath(name.slice(prefix.length)) ?? -1
    if (index <= last) throw archive.refuse('unexpected_file')
    const file = decodeAccessFile(await archive.take(name, MAX_FILE))
    if (file === undefined) throw archive.refuse('malformed')
    if (!isProven(file, { index, ...check })) throw archive.refuse('access_mismatch')
    for (const { entry } of file.entries) await check.onAccess({ subjectId: id, access: entry })
    tally.segments += 1
    tally.accesses += file.entries.length
    last = index
  }
}

/** The entries lead to the leaf, the leaf to the checkpoint, and all are about this person. */
function isProven(
  { leaf, proof, size, entries }: AccessFile,
  { index, log, tally }: SegmentCheck & { readonly index: number },
): boolean {
  const root = bytesOf(parseLeaf(leaf)?.b)
  // An entry without a pseudonym is about nobody.
  const { pseudonym } = tally.person
  if (root === undefined || entries.length === 0 || typeof pseudonym !== 'string') return false
  const place = { index: BigInt(index), size: BigInt(log.size), root: log.root }
  if (!verifyInclusion({ ...place, leafHash: leafHash(leaf), proof })) return false
  let last = -1
  return entries.every((proven) => {
    const { entry, position, proof } = proven
    const isNext = position > last && entry['subject'] === pseudonym
    last = position
    const claim = { index: BigInt(position), size: BigInt(size), proof, root }
    return isNext && verifyInclusion({ ...claim, leafHash: leafHash(entryBytes(proven)) })
  })
}
