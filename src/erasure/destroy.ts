import { sameBytes } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { createMacKey } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import type { SeenMark } from '../journal/journal-mark.ts'
import type { ClassKey } from '../keys/class-key.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { suppressedKeys, suppressing } from '../subjects/suppression.ts'
import { readStillHeads, type RecordHeads } from '../vault/record-heads.ts'
import { aliasOf } from './aliases.ts'
import { type Doomed, doomedOf } from './doomed.ts'
import { erasedKeys, markErased } from './erased-index.ts'
import { type Fenced, putFence, readFence, type SealedFence } from './fence.ts'
import { destroyKeys, type Erasing, fencedKeys } from './fence-keys.ts'
import { listRows, type PersonRows } from './inventory.ts'
import { type Destroyed, findJob, type Job, type OpenJob, saveJob } from './job.ts'
import { type JobRow, jobRow } from './job-row.ts'
import { isLost, listLostRows } from './lost.ts'
import { isOfAnother, isOwned } from './owned-rows.ts'

const MAX_ROWS_PER_BATCH = 400
const MAX_SAMPLE = 1_000
const ALIAS_KEY_LENGTH = 32

/**
 * Destroys what stands behind the fence, and says what that was. Nothing is left to do for a process that
 * comes second.
 */
export async function destroyPerson(
  people: People,
  open: OpenJob,
  mark?: SeenMark,
): Promise<OpenJob> {
  // Behind a fence nobody writes: who was there when it was put is there still.
  const { person: before, ...rest } = open
  const behind = before ?? (await lookBehind(people, open.job))
  const person = typeof behind === 'string' ? undefined : behind
  const isBare = behind === 'nothing'
  const known =
    isBare && !(await isBareAnew(people, open.job))
      ? await asDestroyed(people, rest)
      : await destroyAll(people, rest, { person, mark, isBare })
  await destroyKeys(people.deps, open.job, people.now())
  if (person !== undefined) people.forget(person)
  return known
}

/** In an older copy, a fence that was put there from a later one has everything beside it still. */
async function isBareAnew({ deps }: People, { subjectId, isReplayed }: Job): Promise<boolean> {
  if (isReplayed !== true) return false
  const { store, keyspace } = deps
  return (await store.scan(keyspace.personRows(subjectId), { limit: 1 })).length > 0
}

/** What was destroyed is said by whoever did it. */
async function asDestroyed({ deps }: People, open: OpenJob): Promise<OpenJob> {
  return (await findJob(deps, open.job.erasureId)) ?? open
}

async function destroyAll(
  people: People,
  open: OpenJob,
  { person, ...behind }: Pick<Behind, 'person' | 'mark' | 'isBare'>,
): Promise<OpenJob> {
  const { deps } = people
  const rows =
    person === undefined
      ? await listLostRows(people, open.job.subjectId)
      : (listedOf(open, person) ?? (await listRows(people, person)))
  const destroyed = open.job.destroyed ?? destroyedOf(person, rows)
  const doomed = await doomedOf(people, rows, { id: open.job.subjectId, person })
  // After the keys are gone nothing says any more where the lookup rows were: what does not go in the same
  // commit is remembered before.
  const isOne = doomed.length <= MAX_ROWS_PER_BATCH
  const known = isOne ? open : await saveJob(deps, open, { destroyed })
  const row = isOne ? jobRow(deps, open, { destroyed }) : undefined
  const isOurs = await destroyRows(people, known, { ...behind, doomed, person, row })
  return isOurs ? { ...known, ...row?.open } : asDestroyed(people, known)
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
  const { subjectId } = erasing
  // First, so that what is destroyed meanwhile shows in the document.
  const held = await fencedKeys(deps, erasing)
  const [document] = await deps.store.read([deps.keyspace.person(subjectId)])
  const { sections } = requireOwnFence(people, { job: erasing }, document)
  if (document === undefined || sections.length === 0) return 'nothing'
  try {
    return await deps.keys.meet(() =>
      people.openFenced({ id: subjectId, document, sections, held }),
    )
  } catch (error) {
    if (isLost(error)) return 'lost'
    throw error
  }
}

/** What was listed for the plan is what there is, if nothing was written between it and the fence. */
function listedOf({ listed }: OpenJob, { document }: Person): PersonRows | undefined {
  return listed !== undefined && sameBytes(listed.document, document) ? listed.rows : undefined
}

/** The heads of all records behind the fence of this erasure; undefined when nothing is left there. */
export async function headsBehind(
  people: People,
  erasing: Erasing,
  person: Person,
): Promise<RecordHeads | undefined> {
  try {
    return await readStillHeads(people, person)
  } catch (error) {
    // Pages go with everything else, while somebody looks.
    if ((await lookBehind(people, erasing)) === 'nothing') return undefined
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

/** Whose fence it has to be, and the bytes of it that are known. */
interface Erased {
  readonly job: Erasing
  readonly fence?: SealedFence
}

interface Behind {
  readonly doomed: readonly Doomed[]
  readonly person: Person | undefined
  readonly row: JobRow | undefined
  /** Where there is a journal. */
  readonly mark: SeenMark | undefined
  /** No document stands behind the fence. */
  readonly isBare: boolean
}

/**
 * Deletes the rows in batches, tokens first, and in the last one the document with its keys. Leaves whose
 * bodies go are marked in the same batch. False where another process did.
 */
async function destroyRows(
  people: People,
  erasing: Erased,
  { doomed, person, row, mark, isBare }: Behind,
): Promise<boolean> {
  const core = person?.core ?? nobody()
  let rest = doomed
  while (rest.length > MAX_ROWS_PER_BATCH) {
    await destroyBatch(people, erasing, {
      core,
      isBare,
      doomed: rest.slice(0, MAX_ROWS_PER_BATCH),
      type: 'erasure.rows_deleted',
    })
    rest = rest.slice(MAX_ROWS_PER_BATCH)
  }
  return destroyBatch(people, erasing, {
    core,
    row,
    mark,
    isBare,
    doomed: rest,
    type: 'erasure.keys_destroyed',
  })
}

/** Aliases that nobody can make again. */
function nobody(): Pick<ClassKey, 'tag'> {
  const key = createMacKey(randomBytes(ALIAS_KEY_LENGTH))
  return { tag: key.mac }
}

interface Batch extends Pick<Behind, 'isBare'> {
  /** Names what is deleted. */
  readonly core: Pick<ClassKey, 'tag'>
  readonly doomed: readonly Doomed[]
  /** What is said of the destruction in the same commit. */
  readonly row?: JobRow | undefined
  readonly mark?: SeenMark | undefined
  readonly type: 'erasure.rows_deleted' | 'erasure.keys_destroyed'
}

async function destroyBatch(
  people: People,
  erasing: Erased,
  { core, doomed, row, mark, isBare, type }: Batch,
): Promise<boolean> {
  const { deps } = people
  const { erasureId, subjectId } = erasing.job
  const key = deps.keyspace.person(subjectId)
  const leaves = {
    shard: deps.ledger.of(subjectId).number,
    indexes: doomed.flatMap(({ index }) => (index === undefined ? [] : [index])),
  }
  const unmarked = doomed.filter(({ isUnplaced }) => isUnplaced === true).length
  const keys = doomed.map((row) => row.key)
  const owned = keys.filter((name) => isOwned(deps, name))
  const named = keys.filter((name) => !isOwned(deps, name))
  const also = [row?.key, mark?.key, ...suppressedKeys(deps, erasing.job)].filter(
    (name) => name !== undefined,
  )
  const { value } = await deps.ledger.submit<boolean>({
    reads: [key, ...owned, ...erasedKeys(deps, leaves), ...also],
    build: (read) => {
      const { fence, sealed, sections } = requireOwnFence(people, erasing, read.get(key))
      // Nothing left behind the fence: another process destroyed it all meanwhile.
      if (sections.length === 0 && !isBare) return { kind: 'done', value: false }
      const at = Math.max(deps.clock.now(), fence.at)
      const kept = type === 'erasure.keys_destroyed' ? [] : sections
      const put = [
        [key, putFence({ sealed, sections: kept })] as const,
        ...markErased(deps, leaves, read),
        ...(type === 'erasure.keys_destroyed' ? suppressing(deps, erasing.job, at) : []),
        ...(row === undefined ? [] : [row.put(read)]),
        ...(mark?.put(read) ?? []),
      ]
      // What was deleted before a crash may be somebody else's by now.
      const own = owned.filter((name) => !isOfAnother(deps, subjectId, [name, read.get(name)]))
      const del = [...named, ...own]
      const rows = del.length
      const event = { type, erasureId, rows, ...(unmarked === 0 ? {} : { unmarked }) }
      return {
        kind: 'change',
        change: {
          put,
          del,
          entry: { kind: 'controller', at, event, alias: (name) => aliasOf(core, name) },
        },
        value: true,
      }
    },
  })
  return value
}

/** @throws {@link erased} when the fence is that of another erasure, or there is none */
export function requireOwnFence(
  { deps }: People,
  { job, fence }: Erased,
  document: Uint8Array | undefined,
): Fenced {
  const { erasureId, subjectId } = job
  const { keyspace, controller } = deps
  const fenced = readFence({ keyspace, controller, known: fence }, subjectId, document)
  if (fenced === undefined || fenced.fence.erasureId !== erasureId)
    throw new PrivityError('erased', { kind: 'subject' })
  return fenced
}
