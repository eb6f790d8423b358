import { earliest } from '../base/earliest.ts'
import { decidedEnds, endOfAll } from '../consent/basis-end.ts'
import { BASIS_DUE, wakeAt } from '../consent/ending.ts'
import { parseClassKey } from '../policy/access-class.ts'
import type { RecordHead } from '../subjects/head.ts'
import type { Person } from '../subjects/person.ts'
import { keepPersonUp } from '../subjects/upkeep.ts'
import { readHeads } from '../vault/record-heads.ts'
import type { Vault } from '../vault/vault.ts'

/**
 * Has the next sweep look at somebody of whom the running policy needs less than the one before: a purpose may have
 * ended when others still needed the same data. Looks at records as they stand after they were resealed.
 */
export async function wakeEnded(
  vault: Vault,
  { id, head }: Person,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { people, policy } = vault
  if (decidedEnds(policy.purposes, head).size === 0) return
  const { person } = await people.read(id, [], signal)
  const at = await firstEnd(vault, person)
  if (at === undefined) return
  await keepPersonUp(people, {
    id,
    signal,
    policy: vault.policy.hash,
    plan: (fresh) => {
      const known = fresh.head.dues?.[BASIS_DUE]
      if (known !== undefined && known <= at) return undefined
      return {
        before: fresh,
        event: { type: 'retention.due' },
        edit: (draft) => wakeAt(draft, people.deps.keyspace, at),
      }
    },
  })
}

/** Now if there is anything that no purpose needs any more. */
async function firstEnd(vault: Vault, person: Person): Promise<number | undefined> {
  const { people, policy, layouts } = vault
  const ends = [...decidedEnds(policy.purposes, person.head).values()]
  if (ends.length === 0) return undefined
  const now = people.now()
  const { heads } = await readHeads(people, person)
  const isOver = ({ sections }: RecordHead): boolean =>
    Object.keys(sections).some((accessClass) => {
      const served = parseClassKey(layouts.nameOfClass(Number(accessClass)))?.purposes ?? []
      const last = endOfAll(served, policy.purposes, person.head)
      return typeof last === 'number' && last <= now
    })
  if ([...Object.values(heads.singles), ...Object.values(heads.many)].some(isOver)) return now
  return earliest(ends.filter((at) => at > now))
}
