import { PrivityError } from '../base/errors.ts'
import { openEnvelope } from '../keys/envelope.ts'
import { isSameKey } from '../keys/key-list.ts'
import type { RingEntry } from '../keys/key-ring.ts'
import { splitBody } from '../ledger/entry.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { CORE } from '../policy/catalogue.ts'
import type { Rows } from '../storage/participant.ts'
import { scanRows } from '../storage/scan-rows.ts'
import { bodyContext, type People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { keepPersonUp } from '../subjects/upkeep.ts'
import type { Target, Vault } from '../vault/vault.ts'
import { openHeads, pageRows } from './outdated-records.ts'

/** What became of the keys of classes that the running policy has not. */
export interface DroppedKeys {
  readonly destroyed: number
  /** Something is sealed under them still: fields that the policy does not know, or attachments. */
  readonly kept: number
}

const PAGE = 500
/** Sealed outside the store, under the key of the class that it names. */
const ATTACHMENT = 'blob.sealed'

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
  if (vanished.length === 0)
    return { destroyed: await dropUnlisted(people, person, running), kept: 0 }
  // What is sealed outside the store is not looked at: the log says under which class it was.
  const attached = await attachedClasses(vault, person)
  if (vanished.every(({ accessClass }) => attached.has(accessClass)))
    return { destroyed: 0, kept: vanished.length }
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
      return { before: { ...fresh, ring }, event: { type: 'keys.dropped', keys: dropped.length } }
    },
  })
  for (const entry of dropped) people.deps.keys.forget(id, entry)
  await people.deps.keyRows?.remove(id, dropped)
  return { destroyed: dropped.length, kept: vanished.length - dropped.length }
}

/**
 * What a run that was interrupted left in the key store. Whoever is about to list a key of such a class writes
 * under an older policy, and is refused.
 */
async function dropUnlisted(
  { deps: { keyRows } }: People,
  { id, ring }: Person,
  running: ReadonlySet<number>,
): Promise<number> {
  if (keyRows === undefined) return 0
  const { entries } = await keyRows.read(id)
  const left = vanishedKeys({ ring: entries }, running).filter(
    (entry) => !ring.some((listed) => isSameKey(listed, entry)),
  )
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

/** Every class that an attachment of the person was sealed under, whatever became of it since. */
async function attachedClasses({ people }: Vault, person: Person): Promise<ReadonlySet<number>> {
  const classes = new Set<number>()
  const { store, keyspace, storeId } = people.deps
  const prefix = keyspace.bodies(person.id)
  for await (const [key, sealed] of scanRows(store, prefix, { page: PAGE })) {
    const sequence = Number.parseInt(key.slice(prefix.length), 16)
    const context = bodyContext(storeId, person.id, sequence)
    const { body } = splitBody(openEnvelope(person.core, context, sealed))
    const json = parseCanonical(body) as
      | { readonly event?: { readonly type?: unknown; readonly class?: unknown } }
      | undefined
    if (json?.event?.type === ATTACHMENT) classes.add(Number(json.event.class))
  }
  return classes
}
