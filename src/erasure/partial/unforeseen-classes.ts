import { keysOfClass } from '../../keys/key-ring.ts'
import type { Person } from '../../subjects/person.ts'
import { isRenewed, isUnderOld, type Renewal } from './renewal.ts'
import { type RecordWork, touchedBy } from './work.ts'

/** What was decided on keys: which of them go, and of which classes they stay. */
export interface Foreseen extends Pick<Person, 'ring'> {
  readonly renewals: readonly Renewal[]
  /** Classes whose keys have to stay, because attachments are sealed under them. */
  readonly attached: readonly number[]
}

/** Classes of which a record loses something, and of whose keys it was not decided whether they go or stay. Pure. */
export function unforeseenClasses(foreseen: Foreseen, work: RecordWork): readonly number[] {
  return touchedBy(work).filter(
    (accessClass) =>
      !foreseen.attached.includes(accessClass) && needsRenewal(foreseen, work, accessClass),
  )
}

/** What was under no key has none to go with it; what is under a newer key needs that one renewed as well. */
function needsRenewal(
  { ring, renewals }: Foreseen,
  { sealed }: RecordWork,
  accessClass: number,
): boolean {
  const isGoing = renewals.some(
    (renewal) =>
      renewal.accessClass === accessClass &&
      !isRenewed(ring, renewal) &&
      isUnderOld(sealed.head, renewal),
  )
  return !isGoing && keysOfClass(ring, accessClass).length > 0
}
