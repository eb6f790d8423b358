import { isPrivityError, PrivityError } from '../base/errors.ts'
import { createMacKey } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import type { ClassKey } from '../keys/class-key.ts'
import type { ControllerEntry, EntryReceipt } from '../ledger/entry.ts'
import { decodeContainer, SECTION, type Section } from '../storage/container.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { suppressing } from '../subjects/suppression.ts'
import { aliasOf } from './aliases.ts'
import { erasedKeys, markErased } from './erased-index.ts'
import { putFence, readFence } from './fence.ts'
import { destroyKeys, type Erasing, fencedKeys, fenceKeys } from './fence-keys.ts'
import { listRows, type PersonRows } from './inventory.ts'
import { type Destroyed, type Job, type OpenJob, saveJob } from './job.ts'
import { countLostBodies, isLost, listLostRows } from './lost.ts'

/** One row to delete; the body of a ledger entry names its leaf. */
interface Doomed {
  readonly key: Key
  readonly index?: number
}

const MAX_ROWS_PER_BATCH = 400
const MAX_SAMPLE = 1_000
const ALIAS_KEY_LENGTH = 32

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
      if (fenced !== undefined) throw new PrivityError('erased', { kind: 'subject' })
      const before = lastAt(() => open(erasing.subjectId, document, held), erasing)
      const at = Math.max(deps.clock.now(), before)
      const { erasureId } = erasing
      const event = { type: 'erasure.started', erasureId, planHash, reason }
      const entry: ControllerEntry = { kind: 'controller', at, event }
      const sections = sectionsOf(document)
      const put = [
        [key, putFence(deps, erasing.subjectId, { fence: { erasureId, at }, sections })] as const,
        // With nobody behind the fence there is nothing to destroy, and this is the only commit.
        ...(sections.length === 0 ? suppressing(deps, erasing, at) : []),
      ]
      return { kind: 'change', change: { put, del: [], entry }, value: null }
    },
  })
}

/** Of a person whom nobody can open it is not known; what cannot be opened can still be erased. */
function lastAt(open: () => Person, { isReplayed }: Erasing): number {
  try {
    return open().head.at
  } catch (error) {
    // A copy of before a registration has not even the document: the fence says that there will be none.
    const isAbsent = isReplayed === true && isPrivityError(error, 'not_found')
    if (isLost(error) || isAbsent) return 0
    throw error
  }
}

/** What is no document at all stays behind the fence as it is, until it is deleted. */
function sectionsOf(document: Uint8Array | undefined): readonly Section[] {
  if (document === undefined) return []
  const whole = { kind: SECTION.fields, accessClass: 0, bytes: document }
  return decodeContainer(document) ?? [whole]
}

/**
 * Destroys what stands behind the fence, and says what that was. Nothing is left to do for a process that
 * comes second.
 */
export async function destroyPerson(people: People, open: OpenJob): Promise<OpenJob> {
  const behind = await lookBehind(people, open.job)
  if (behind === 'nothing') {
    await destroyKeys(people.deps, open.job, people.now())
    return open
  }
  const person = behind === 'lost' ? undefined : behind
  const rows =
    person === undefined
      ? await listLostRows(people, open.job.subjectId)
      : await listRows(people, person)
  // Remembered first: after the keys are gone nothing says any more where the lookup rows were.
  const known = await saveJob(people.deps, open, {
    destroyed: open.job.destroyed ?? destroyedOf(person, rows),
  })
  await destroyRows(people, open.job, { rows, person })
  await destroyKeys(people.deps, open.job, people.now())
  if (person !== undefined) people.forget(person)
  return known
}

/** The person behind the fence of this erasure; undefined when nothing is left there, or nobody can open it. */
export async function openFenced(people: People, erasing: Erasing): Promise<Person | undefined> {
  const behind = await lookBehind(people, erasing)
  return typeof behind === 'string' ? undefined : behind
}

/** What is behind the fence of this erasure; `lost` when it is somebody whom nobody can open. */
export async function lookBehind(
  people: People,
  erasing: Erasing,
): Promise<Person | 'nothing' | 'lost'> {
  const { deps } = people
  const { erasureId, subjectId } = erasing
  // First, so that what is destroyed meanwhile shows in the document.
  const held = await fencedKeys(deps, erasing)
  const [document] = await deps.store.read([deps.keyspace.person(subjectId)])
  const fenced = document === undefined ? undefined : readFence(deps, subjectId, document)
  if (document === undefined || fenced?.fence.erasureId !== erasureId)
    throw new PrivityError('erased', { kind: 'subject' })
  const { sections } = fenced
  if (sections.length === 0) return 'nothing'
  try {
    return await deps.keys.meet(() =>
      people.openFenced({ id: subjectId, document, sections, held }),
    )
  } catch (error) {
    if (isLost(error)) return 'lost'
    throw error
  }
}

function destroyedOf(person: Person | undefined, rows: PersonRows): Destroyed {
  const { outside, lookupRows, records, operations, bodies, pages, others } = rows
  const all = [outside, lookupRows, records, operations, bodies, pages, others]
  return {
    keys: person?.ring.length ?? 0,
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
  erasing: Job,
  { rows, person }: { readonly rows: PersonRows; readonly person: Person | undefined },
): Promise<EntryReceipt | undefined> {
  const core = person?.core ?? nobody()
  const unmarked = person === undefined ? countLostBodies(people.deps, erasing.subjectId, rows) : 0
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
      core,
      doomed: rest.slice(0, MAX_ROWS_PER_BATCH),
      type: 'erasure.rows_deleted',
    })
    rest = rest.slice(MAX_ROWS_PER_BATCH)
  }
  return destroyBatch(people, erasing, {
    core,
    unmarked,
    doomed: rest,
    type: 'erasure.keys_destroyed',
  })
}

/** Aliases that nobody can make again. */
function nobody(): Pick<ClassKey, 'tag'> {
  const key = createMacKey(randomBytes(ALIAS_KEY_LENGTH))
  return { tag: key.mac }
}

interface Batch {
  /** Names what is deleted. */
  readonly core: Pick<ClassKey, 'tag'>
  /** Bodies that go without a mark in the index: nobody could say where their leaves are. */
  readonly unmarked?: number
  readonly doomed: readonly Doomed[]
  readonly type: 'erasure.rows_deleted' | 'erasure.keys_destroyed'
}

async function destroyBatch(
  people: People,
  erasing: Job,
  { core, doomed, type, unmarked = 0 }: Batch,
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
      const put = [
        [key, document] as const,
        ...markErased(deps, leaves, read),
        ...(type === 'erasure.keys_destroyed' ? suppressing(deps, erasing, at) : []),
      ]
      const rows = doomed.length
      const event = { type, erasureId, rows, ...(unmarked === 0 ? {} : { unmarked }) }
      return {
        kind: 'change',
        change: {
          put,
          del: doomed.map((row) => row.key),
          entry: { kind: 'controller', at, event, alias: (name) => aliasOf(core, name) },
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
