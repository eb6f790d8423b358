import { toHex } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import type { RingEntry } from '../keys/key-ring.ts'
import { CORE } from '../policy/catalogue.ts'
import type { Rows } from '../storage/participant.ts'
import { ownEntries } from '../subjects/own-entries.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { keepPersonUp } from '../subjects/upkeep.ts'
import { openHeads, pageRows } from '../vault/record-heads.ts'
import type { Target, Vault } from '../vault/vault.ts'

/** What became of the keys of classes that the running policy has not. */
export interface DroppedKeys {
  readonly destroyed: number
  /** Something is sealed under them still: fields that the policy does not know, or attachments. */
  readonly kept: number
}

/** Sealed outside the store, under the key of the class that it names. */
const ATTACHMENT = 'blob.sealed'
const DROPPED = 'keys.dropped'

/** Classes of the running policy, and the one of everybody. */
export function runningClasses(
  { layouts }: Vault,
  targets: readonly Target[],
): ReadonlySet<number> {
  const keys = targets.flatMap(({ record }) => record.classes.map(({ key }) => key))
  return new Set([CORE, ...keys.map(layouts.classOf)])
}

/**
 * Destroys the keys of a person for classes that the running policy has not, and under which nothing is sealed any
 * more.
 *
 * @throws {@link erased} · @throws {@link not_found} · @throws {@link policy_outdated}
 */
export async function dropKeys(
  vault: Vault,
  id: string,
  {
    running,
    signal,
  }: { readonly running: ReadonlySet<number>; readonly signal: AbortSignal | undefined },
): Promise<DroppedKeys> {
  const { people } = vault
  const { person } = await people.read(id, [], signal)
  const vanished = vanishedKeys(person, running)
  const { attached, named } = await lookThroughLog(vault, person)
  const left = await dropNamed(people, person, named)
  if (vanished.every(({ accessClass }) => attached.has(accessClass)))
    return { destroyed: left, kept: vanished.length }
  const pages = pageRows(people, person)
  let dropped: readonly RingEntry[] = []
  await keepPersonUp(people, {
    id,
    signal,
    reads: [...pages.values()],
    policy: vault.policy.hash,
    plan: (fresh, rows) => {
      const isKnown = Object.keys(fresh.head.pages).every((name) => pages.has(name))
      // A page that was added since is one whose row was not read.
      if (!isKnown) throw new PrivityError('write_conflict', { attempts: 1 })
      const place = { person: fresh, pages: pages.keys() }
      const used = new Set([...usedClasses(vault, place, rows), ...attached])
      dropped = vanishedKeys(fresh, running).filter(({ accessClass }) => !used.has(accessClass))
      if (dropped.length === 0) return undefined
      const ring = fresh.ring.filter((entry) => !dropped.includes(entry))
      const event = { type: DROPPED, keys: dropped.length, names: dropped.map(nameOf) }
      return { before: { ...fresh, ring }, event }
    },
  })
  for (const entry of dropped) people.deps.keys.forget(id, entry)
  await people.deps.keyRows?.remove(id, dropped)
  return { destroyed: left + dropped.length, kept: vanished.length - dropped.length }
}

/**
 * What a run that was interrupted left in the key store: only keys that the log of the person names as dropped. Any
 * other that the document does not list may be one that somebody is about to list.
 */
async function dropNamed(
  { deps: { keyRows } }: People,
  { id, ring }: Person,
  named: ReadonlySet<string>,
): Promise<number> {
  if (keyRows === undefined || named.size === 0) return 0
  const listed = new Set(ring.map(nameOf))
  const { entries } = await keyRows.read(id)
  const left = entries.filter((entry) => named.has(nameOf(entry)) && !listed.has(nameOf(entry)))
  if (left.length > 0) await keyRows.remove(id, left)
  return left.length
}

/** Keys of classes that the running policy has not. */
export function vanishedKeys(
  { ring }: Pick<Person, 'ring'>,
  running: ReadonlySet<number>,
): readonly RingEntry[] {
  return ring.filter(({ accessClass }) => !running.has(accessClass))
}

function usedClasses(
  { people }: Vault,
  place: Parameters<typeof openHeads>[1],
  rows: Rows,
): ReadonlySet<number> {
  const { singles, many } = openHeads(people, place, rows)
  const heads = [...Object.values(singles), ...Object.values(many)]
  return new Set([
    ...heads.flatMap(({ sections }) => Object.keys(sections).map(Number)),
    ...place.person.sections.map(({ accessClass }) => accessClass),
  ])
}

interface FoundInLog {
  /** Every class that an attachment was sealed under, whatever became of it since: it is outside the store. */
  readonly attached: ReadonlySet<number>
  /** Keys that the person stopped counting on. */
  readonly named: ReadonlySet<string>
}

async function lookThroughLog({ people }: Vault, person: Person): Promise<FoundInLog> {
  const attached = new Set<number>()
  const named = new Set<string>()
  for await (const { event } of ownEntries(people, person)) {
    if (event['type'] === ATTACHMENT) attached.add(Number(event['class']))
    if (event['type'] !== DROPPED || !Array.isArray(event['names'])) continue
    for (const name of event['names']) named.add(String(name))
  }
  return { attached, named }
}

function nameOf({ accessClass, keyId }: RingEntry): string {
  return `${accessClass}/${toHex(keyId)}`
}
