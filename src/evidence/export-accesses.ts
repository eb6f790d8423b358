import { utf8 } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { readSegment } from '../audit/read-segment.ts'
import { encodeSegmentLeaf, parseAccess } from '../audit/segment.ts'
import { segmentProof } from '../audit/segment-proof.ts'
import { writerLog } from '../audit/writer.ts'
import type { Log } from '../ledger/log.ts'
import { inclusionProof } from '../ledger/prove.ts'
import { scanRows } from '../storage/scan-rows.ts'
import { accessName, encodeAccessFile, writerName } from './access-file.ts'
import { tarFile } from './tar.ts'
import type { VerifyStoreDeps } from './verify-store.ts'

/** Whose accesses are exported. */
export interface Accessed {
  readonly id: string
  readonly pseudonym: string
}

/** An access log as it was when the export began. */
export interface ExportedWriter {
  readonly writer: number
  readonly log: Log
  readonly size: number
  /** Signed for that size. */
  readonly note: string
  /** How many of its segments each person is in, in their order. */
  readonly counts: readonly number[]
}

const PAGE = 1_000

/** The access logs that hold accesses to these people. */
export async function findWriters(
  deps: VerifyStoreDeps,
  people: readonly Accessed[],
): Promise<readonly ExportedWriter[]> {
  const writers: ExportedWriter[] = []
  if (people.length === 0) return writers
  for (let writer = 0; ; writer += 1) {
    const log = writerLog(deps, writer)
    const register = deps.keyspace.writerRegister(writer)
    const [bytes, noted] = await deps.store.read([log.keys.head, register])
    if (bytes === undefined && noted === undefined) return writers
    const { range, note } = await log.head(bytes)
    const found = { writer, log, size: range.size, note }
    const counts: number[] = []
    for (const person of people) counts.push(await countSegments(deps, found, person))
    if (counts.some((count) => count > 0)) writers.push({ ...found, counts })
  }
}

/**
 * The checkpoint of an access log, and for each person the accesses that are in it.
 *
 * @throws {@link ledger_inconsistent} when a segment is not what its log commits to
 */
export async function* exportAccesses(
  deps: VerifyStoreDeps,
  people: readonly Accessed[],
  exported: ExportedWriter,
): AsyncGenerator<Uint8Array> {
  const { writer, note, counts } = exported
  yield tarFile(writerName(writer), utf8(note))
  for (const [at, person] of people.entries()) {
    let count = 0
    for await (const index of segmentsOf(deps, exported, person)) {
      const contents = await accessFile(deps, { exported, person, index })
      yield tarFile(accessName(writer, person.id, index), contents)
      count += 1
    }
    if (count !== counts[at]) throw inconsistent(exported)
  }
}

type Walked = Pick<ExportedWriter, 'writer' | 'size'>

async function countSegments(
  deps: VerifyStoreDeps,
  walked: Walked,
  person: Accessed,
): Promise<number> {
  let count = 0
  for await (const _ of segmentsOf(deps, walked, person)) count += 1
  return count
}

async function* segmentsOf(
  { store, keyspace }: VerifyStoreDeps,
  { writer, size }: Walked,
  { pseudonym }: Accessed,
): AsyncGenerator<number> {
  const prefix = keyspace.writerAccesses(pseudonym, writer)
  for await (const [key] of scanRows(store, prefix, { page: PAGE })) {
    const index = Number.parseInt(key.slice(prefix.length), 16)
    // A row of another spelling was made by somebody else, and says nothing.
    if (index < size && key === keyspace.access(pseudonym, writer, index)) yield index
  }
}

interface AccessPlace {
  readonly exported: ExportedWriter
  readonly person: Accessed
  readonly index: number
}

async function accessFile(
  deps: VerifyStoreDeps,
  { exported, person, index }: AccessPlace,
): Promise<Uint8Array> {
  const { writer, log, size } = exported
  const { entries: texts, root } = await readSegment(deps, { writer, index })
  const entries = texts.flatMap((text, position) => {
    if (parseAccess(text).pseudonym !== person.pseudonym) return []
    const entry: JsonObject = JSON.parse(text)
    return [{ entry, position, proof: segmentProof(texts, position) }]
  })
  // The row that says that the person is in this segment is a forgery.
  if (entries.length === 0) throw inconsistent(exported)
  return encodeAccessFile({
    leaf: encodeSegmentLeaf(deps.controller.tag, { writer, index, root }),
    proof: await inclusionProof(deps.store, log, { index, size }),
    size: texts.length,
    entries,
  })
}

function inconsistent({ log }: Pick<ExportedWriter, 'log'>): PrivityError {
  return new PrivityError('ledger_inconsistent', { origin: log.origin, kind: 'segment' })
}
