import { isPrivityError } from '../base/errors.ts'
import type { Person } from '../subjects/person.ts'
import { headsOfType, readHeads } from '../vault/record-heads.ts'
import { isOutdated } from '../vault/record-tokens.ts'
import type { Vault } from '../vault/vault.ts'
import { targetsOf } from '../vault/targets.ts'
import { walkPeople, type WalkWatch } from './walk-people.ts'

/**
 * How many records have other tokens than the running policy makes under the newest keys: searches may miss them,
 * or need older keys to find them, until they are resealed. Looks at everybody; opens heads only. Nobody's records are taken to be up to date unseen.
 */
export async function lookupsDue(vault: Vault, watch: WalkWatch): Promise<number> {
  const { people, lookups } = vault
  await lookups.refresh()
  let due = 0
  for await (const some of walkPeople(people.deps, watch)) {
    const living = some.filter(({ isFenced }) => !isFenced)
    await people.deps.keys.load(living.flatMap(({ ring }) => ring ?? []))
    for (const { id, document } of living)
      due += await dueOf(vault, () => people.openStored(id, document))
  }
  return due
}

/** Who is gone, or went with the key, has nothing that could be resealed. */
const GONE: ReadonlySet<string> = new Set(['erased', 'not_found', 'key_unreadable'])

async function dueOf(vault: Vault, open: () => Promise<Person>): Promise<number> {
  const { people } = vault
  try {
    const { heads } = await readHeads(people, await open())
    return targetsOf(vault).flatMap((target) =>
      headsOfType(heads, target).filter(([, head]) =>
        isOutdated(vault.lookups, target.record, head),
      ),
    ).length
  } catch (error) {
    if (isPrivityError(error) && GONE.has(error.code)) return 0
    throw error
  }
}
