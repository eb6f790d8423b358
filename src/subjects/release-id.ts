import { PrivityError } from '../base/errors.ts'
import { isGone } from './gone.ts'
import type { Head } from './head.ts'
import type { People } from './people.ts'
import { externalKey, registeredAs } from './registration.ts'
import { type Suppression, suppressing } from './suppression.ts'

/** What became of the app's own id of somebody who is closed. */
export type Released = 'suppressed' | 'free'

/**
 * Takes the app's own id off somebody of whom only what a law keeps is left, and remembers before that it was theirs:
 * whoever comes back is registered under it anew, and no later erasure of the rest reaches them through it. Undefined
 * where nobody closed has the id.
 */
export async function releaseId(
  { people, suppression }: { readonly people: People; readonly suppression: Suppression },
  externalId: string,
): Promise<Released | undefined> {
  const id = await closedAs(people, externalId)
  if (id === undefined) return undefined
  const suppress = await suppression.tokenOf(externalId)
  if (suppress !== undefined) await remember(people, suppress)
  await people.change<null>({
    id,
    request: { type: 'subject.id_released' },
    apply: (draft) => {
      const { externalId: own, ...head } = draft.head
      // Another process was faster.
      if (own !== externalId) throw new PrivityError('already_exists', { kind: 'subject' })
      draft.head = head
      draft.del(externalKey(people, externalId))
      return { event: { type: 'subject.id_released' }, value: null }
    },
  })
  return suppress === undefined ? 'free' : 'suppressed'
}

/** Who has an id and is closed. */
export async function closedAs(people: People, externalId: string): Promise<string | undefined> {
  const id = await registeredAs(people, externalId)
  if (id === undefined) return undefined
  return (await headOf(people, id))?.closed === undefined ? undefined : id
}

async function remember({ deps }: People, suppress: string): Promise<void> {
  const at = deps.clock.now()
  const put = suppressing(deps, { suppress }, at)
  const reads = put.map(([key]) => key)
  await deps.ledger.submit<null>({
    reads,
    build: (rows) => {
      if (reads.every((key) => rows.get(key) !== undefined)) return { kind: 'done', value: null }
      const entry = { kind: 'controller', at, event: { type: 'suppression.remembered' } } as const
      return { kind: 'change', change: { put, del: [], entry }, value: null }
    },
  })
}

async function headOf(people: People, id: string): Promise<Head | undefined> {
  try {
    return (await people.read(id)).person.head
  } catch (error) {
    // Erased as a whole meanwhile: the id goes with them.
    if (isGone(error)) return undefined
    throw error
  }
}
