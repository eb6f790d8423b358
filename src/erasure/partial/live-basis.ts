import { endOfAll } from '../../consent/basis-end.ts'
import { basisFacts } from '../../consent/basis-facts.ts'
import { basisDenials } from '../../consent/status.ts'
import type { NoticeRegister } from '../../notices/notice-book.ts'
import type { Head } from '../../subjects/head.ts'
import { isGroup } from '../../subjects/require-kind.ts'
import type { Vault } from '../../vault/vault.ts'

/** A notice that has changed stops the use of what it was about, and takes no basis away from keeping it. */
const UNCHANGED: Pick<NoticeRegister, 'material'> = { material: {} }

/**
 * Whether a purpose has a live basis for a person, and a use for a field. A restriction and a changed notice stop
 * processing, and are no reason to erase.
 */
export function needsField(
  { policy, layouts, people }: Vault,
  head: Head,
): (purpose: string, record: string, fieldId: string) => boolean {
  // What its members said is not known here: what is shared stays while a purpose of the policy may need it.
  if (isGroup(head)) return (purpose) => policy.purposes.has(purpose)
  const { restrictedAt: _, closed: __, ...unrestricted } = head
  const now = people.now()
  const live = new Set(
    [...policy.purposes].flatMap(([purpose, { basis, explicit }]) => {
      const register = UNCHANGED as NoticeRegister
      const facts = basisFacts(purpose, { basis, explicit, head: unrestricted, register, now })
      return basisDenials(facts).length === 0 ? [purpose] : []
    }),
  )
  return (purpose, record, fieldId) => {
    if (!live.has(purpose)) return false
    if (policy.purposes.get(purpose)?.basis !== 'consent') return true
    const under = head.consents[purpose]?.policy ?? ''
    // A consent covers what its purpose had when it was given.
    return under === policy.hash || layouts.covered(under, purpose, record).has(fieldId)
  }
}

/** Whether the last of some purposes has ended for a person, the grace of each included. */
export function endedPurposes(
  { policy, people }: Vault,
  head: Head,
): (purposes: readonly string[]) => boolean {
  const now = people.now()
  return (purposes) => {
    const last = endOfAll(purposes, policy.purposes, head)
    return typeof last === 'number' && last <= now
  }
}
