import { type Anchor, type ErasurePlan, memoryAnchor, type NoticeRef, type Row } from 'privity'
import { accessorsOf, type Acme, ANNA, eagerClock, giveOnWeb, openAcme } from './acme.ts'
import { setBack } from './set-back.ts'
import type { Place } from './stores.ts'

/** A store that was set back behind its anchor. */
export interface Contradicted {
  readonly anchor: Anchor
  /** Said yes before the copy, and no after it: in the copy the yes stands. */
  readonly id: string
  /** Registered after the copy: the copy lacks them. */
  readonly lateId: string
  /** Erased before the copy. */
  readonly erasedId: string
  readonly notice: NoticeRef
  /** Made before the copy, and not run. */
  readonly plan: ErasurePlan
  /** The rows that were put back. */
  readonly copy: readonly Row[]
  /** The rows that are gone. */
  readonly lost: readonly Row[]
}

let published = 0

/** Sets a store back over a withdrawal. */
export async function contradict(place: Place, shards = 1): Promise<Contradicted> {
  const anchor = memoryAnchor()
  const acme = await openAcme(place.store(), { anchor, shards, clock: eagerClock() })
  const { id } = await acme.subjects.register({ externalId: 'crm:1' })
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA, { operationId: 'create' })
  const { notice } = await giveOnWeb(acme, id, ['marketing'])
  const { id: erasedId } = await acme.subjects.register()
  await acme.erasure.erase(erasedId, { reason: 'subject_request' })
  const plan = await acme.erasure.plan(id, { reason: 'subject_request' })
  const copy = await place.rows()
  await acme.consent.withdraw(id, { purposes: ['marketing'] })
  const { id: lateId } = await acme.subjects.register()
  await publishAgain(acme)
  await acme.close()
  const lost = await place.rows()
  await setBack(place, copy)
  return { anchor, id, lateId, erasedId, notice, plan, copy, lost }
}

/** The main log moves in any case: people may be in others. */
export async function publishAgain(acme: Acme): Promise<void> {
  published += 1
  await acme.notices.publish({ id: 'more', version: `${published}`, texts: { en: 'more' } })
}

/** Goes on with the copy. */
export async function acceptCopy(place: Place, anchor: Anchor): Promise<void> {
  const closed = await openAcme(place.store(), { anchor, clock: eagerClock() })
  await closed.ledger.accept(closed.ledger.contradiction?.anchored ?? '')
  await closed.close()
}
