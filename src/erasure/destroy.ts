import { PrivityError } from '../base/errors.ts'
import type { ControllerEntry, EntryReceipt } from '../ledger/entry.ts'
import { decodeContainer } from '../storage/container.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { erasedKeys, markErased } from './erased-index.ts'
import { putFence, readFence } from './fence.ts'
import { destroyKeys, type Erasing, fencedKeys, fenceKeys } from './fence-keys.ts'
import { listRows, type PersonRows } from './inventory.ts'
import { type Destroyed, type OpenJob, saveJob } from './job.ts'

/** One row to delete; the body of a ledger entry names its leaf. */
interface Doomed {
  readonly key: Key
  readonly index?: number
}

const MAX_ROWS_PER_BATCH = 400
const MAX_SAMPLE = 1_000

/**
 * Puts a fence before the keys and before the document: from this commit on nobody reads or writes the person.
 *
 * @throws {@link erased} when another erasure was faster
 */
export async function fencePerson(
  people: People,
  erasing: Erasing,
  { reason, planHash }: { readonly reason: string; readonly planHash: string },
): Promise<void> {
  const { deps, open } = people
  const key = deps.keyspace.person(erasing.subjectId)
  const held = await fenceKeys(deps, erasing)
  await deps.ledger.submit<null>({
    reads: [key],
    build: (rows) => {
      const document = rows.get(key)
      const fenced =
        document === undefined ? undefined : readFence(deps, erasing.subjectId, document)
      if (fenced?.fence.erasureId === erasing.erasureId) return { kind: 'done', value: null }
      const person = open(erasing.subjectId, document, held)
      const at = Math.max(deps.clock.now(), person.head.at)
      const { erasureId } = erasing
      const event = { type: 'erasure.started', erasureId, planHash, reason }
      const entry: ControllerEntry = { kind: 'controller', at, event }
      const sections = decodeContainer(person.document) ?? []
      const put = [
        [key, putFence(deps, erasing.subjectId, { fence: { erasureId, at }, sections })] as const,
      ]
      return { kind: 'change', change: { put, del: [], entry }, value: null }
    },
  })
}

/**
 * Destroys what stands behind the fence, and says what that was. Nothing is left to do for a process that
 * comes second.
 */
export async function destroyPerson(people: People, open: OpenJob): Promise<OpenJob> {
  const person = await openFenced(people, open.job)
  if (person === undefined) {
    await destroyKeys(people.deps, open.job, people.now())
    return open
  }
  const rows = await listRows(people, person)
  // Remembered first: after the keys are gone nothing says any more where the lookup rows were.
  const known = await saveJob(people.deps, open, {
    destroyed: open.job.destroyed ?? destroyedOf(person, rows),
  })
  await destroyRows(people, open.job, rows)
  await destroyKeys(people.deps, open.job, people.now())
  people.forget(person)
  return known
}

/** The person behind the fence of this erasure; undefined when nothing is left there. */
export async function openFenced(people: People, erasing: Erasing): Promise<Person | undefined> {
  const { deps } = people
  const { erasureId, subjectId } = erasing
  // First, so that what is destroyed meanwhile shows in the document.
  const held = await fencedKeys(deps, erasing)
  const [document] = await deps.store.read([deps.keyspace.person(subjectId)])
  const fenced = document === undefined ? undefined : readFence(deps, subjectId, document)
  if (document === undefined || fenced?.fence.erasureId !== erasureId)
    throw new PrivityError('erased', { kind: 'subject' })
  const { sections } = fenced
  // The keys go last, and alone only from a store whose other rows somebody brought back.
  if (sections.length === 0 || held?.row.entries.length === 0) return undefined
  return deps.keys.meet(() => people.openFenced({ id: subjectId, document, sections, held }))
}

function destroyedOf(person: Person, rows: PersonRows): Destroyed {
  const { outside, lookupRows, records, operations, bodies, pages, others } = rows
  const all = [outside, lookupRows, records, operations, bodies, pages, others]
  return {
    keys: person.ring.length,
    rows: all.reduce((sum, keys) => sum + keys.length, 0),
    lookupRows: lookupRows.length,
    sample: [...outside, ...lookupRows].slice(0, MAX_SAMPLE),
  }
}

/**
 * Deletes the rows in batches, tokens first, and in the last one the document with its keys. Leaves whose
 * bodies go are marked in the same batch.
 */
async function destroyRows(
  people: People,
  erasing: Erasing,
  rows: PersonRows,
): Promise<EntryReceipt | undefined> {
  const doomed: readonly Doomed[] = [
    ...[
      ...rows.lookupRows,
      ...rows.outside,
      ...rows.records,
      ...rows.operations,
      ...rows.others,
    ].map((key) => ({ key })),
    ...rows.bodies,
    ...rows.pages.map((key) => ({ key })),
  ]
  let rest = doomed
  while (rest.length > MAX_ROWS_PER_BATCH) {
    await destroyBatch(people, erasing, {
      doomed: rest.slice(0, MAX_ROWS_PER_BATCH),
      type: 'erasure.rows_deleted',
    })
    rest = rest.slice(MAX_ROWS_PER_BATCH)
  }
  return destroyBatch(people, erasing, { doomed: rest, type: 'erasure.keys_destroyed' })
}

interface Batch {
  readonly doomed: readonly Doomed[]
  readonly type: 'erasure.rows_deleted' | 'erasure.keys_destroyed'
}

async function destroyBatch(
  people: People,
  erasing: Erasing,
  { doomed, type }: Batch,
): Promise<EntryReceipt | undefined> {
  const { deps } = people
  const { erasureId, subjectId } = erasing
  const key = deps.keyspace.person(subjectId)
  const leaves = {
    shard: deps.ledger.of(subjectId).number,
    indexes: doomed.flatMap(({ index }) => (index === undefined ? [] : [index])),
  }
  const { receipt } = await deps.ledger.submit<null>({
    reads: [key, ...erasedKeys(deps, leaves)],
    build: (read) => {
      const { fence, sections } = requireOwnFence(people, erasing, read)
      // Nothing left behind the fence: another process destroyed it all meanwhile.
      if (sections.length === 0) return { kind: 'done', value: null }
      const at = Math.max(deps.clock.now(), fence.at)
      const kept = type === 'erasure.keys_destroyed' ? [] : sections
      const document = putFence(deps, subjectId, { fence, sections: kept })
      const put = [[key, document] as const, ...markErased(deps, leaves, read)]
      const event = { type, erasureId, rows: doomed.length }
      return {
        kind: 'change',
        change: {
          put,
          del: doomed.map((row) => row.key),
          entry: { kind: 'controller', at, event },
        },
        value: null,
      }
    },
  })
  return receipt
}

function requireOwnFence(
  { deps }: People,
  { erasureId, subjectId }: Erasing,
  rows: Rows,
): NonNullable<ReturnType<typeof readFence>> {
  const document = rows.get(deps.keyspace.person(subjectId))
  const fenced = document === undefined ? undefined : readFence(deps, subjectId, document)
  if (fenced === undefined || fenced.fence.erasureId !== erasureId)
    throw new PrivityError('erased', { kind: 'subject' })
  return fenced
}
