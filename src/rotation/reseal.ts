import { isPrivityError } from '../base/errors.ts'
import { scrubStores } from '../subjects/scrub-stores.ts'
import { type DroppedKeys, dropKeys, runningClasses, vanishedKeys } from './drop-keys.ts'
import { allOf, isUnreadableOrMissing } from './outcomes.ts'
import { targetsOf } from '../vault/targets.ts'
import { type ResealedPerson, type Resealing, resealPerson } from './reseal-person.ts'
import { requireNewest } from '../vault/require-newest.ts'
import type { Vault } from '../vault/vault.ts'
import { wakeEnded } from './wake-ended.ts'
import { type StoredPerson, type WalkWatch, walkPeople } from './walk-people.ts'

/** What stands as the running policy would write it, and what does not. */
export interface ResealReport {
  /** People of whom something was resealed or destroyed. */
  readonly people: number
  /** Records that were sealed anew. */
  readonly records: number
  /** Keys of people for classes that the policy has not, and under which nothing is sealed any more. */
  readonly keysDestroyed: number
  /** What was not done, by why. */
  readonly left: LeftRecords
}

/** What stays as it was. */
export interface LeftRecords {
  /** Records of classes, and people, whose keys this process was not given: another one has to do it. */
  readonly unavailable: number
  /** People whose erasure was begun. */
  readonly erasing: number
  /** Records, or people, that do not open: `ledger.verify({ deep: true })` says more. */
  readonly unreadable: number
  /** Keys of vanished classes that hold fields the policy does not know, or attachments. */
  readonly keys: number
}

interface Counts {
  people: number
  records: number
  keysDestroyed: number
  readonly left: { -readonly [K in keyof LeftRecords]: number }
}

interface Job extends Resealing {
  readonly running: ReadonlySet<number>
}

/**
 * Brings every record to the layout and the lookups of the running policy, and destroys the keys of classes that
 * it has not. What was done stays done, so that an interrupted run is gone on with by another.
 *
 * @throws {@link policy_outdated}
 */
export async function resealAll(vault: Vault, watch: WalkWatch): Promise<ResealReport> {
  const { people, lookups } = vault
  await requireNewest(vault)
  await lookups.refresh()
  const targets = targetsOf(vault)
  const running = runningClasses(vault, targets)
  const job: Job = { vault, targets, running, signal: watch.signal }
  const left = { unavailable: 0, erasing: 0, unreadable: 0, keys: 0 }
  const counts: Counts = { people: 0, records: 0, keysDestroyed: 0, left }
  for await (const some of walkPeople(people.deps, watch)) {
    const living = some.filter(({ isFenced }) => !isFenced)
    left.erasing += some.filter(({ isFenced, ring }) => isFenced && ring?.length !== 0).length
    await people.deps.keys.load(living.flatMap(({ ring }) => ring ?? []))
    await allOf(living.map((person) => resealOne(job, counts, person)))
  }
  if (counts.keysDestroyed > 0) await scrubStores(people.deps)
  return counts
}

async function resealOne(job: Job, counts: Counts, stored: StoredPerson): Promise<void> {
  const { people } = job.vault
  const { left } = counts
  try {
    const { id, document, unlisted } = stored
    const person = await people.openStored(id, document)
    const resealed = await resealPerson(job, person)
    await wakeEnded(job.vault, person, job.signal)
    const held = [...person.ring, ...unlisted]
    const isDue = vanishedKeys({ ring: held }, job.running).length > 0
    const dropped = isDue ? await dropKeys(job.vault, id, job) : { destroyed: 0, kept: 0 }
    add(counts, resealed, dropped)
  } catch (error) {
    if (isPrivityError(error, 'erased')) left.erasing += 1
    else if (isPrivityError(error, 'key_unavailable')) left.unavailable += 1
    else if (isUnreadableOrMissing(error)) left.unreadable += 1
    else throw error
  }
}

function add(
  counts: Counts,
  { resealed, unavailable, unreadable }: ResealedPerson,
  { destroyed, kept }: DroppedKeys,
): void {
  const { left } = counts
  counts.people += resealed + destroyed > 0 ? 1 : 0
  counts.records += resealed
  counts.keysDestroyed += destroyed
  left.unavailable += unavailable
  left.unreadable += unreadable
  left.keys += kept
}
