import type { ConsentRecord, RecordPurpose } from './consent-record.ts'
import { ROLE } from './dpv-terms.ts'
import { contextOf } from './parse-context.ts'
import type { ControllerContext, PartyContext, RecordContext } from './render-context.ts'

/** Somebody who has a part in what a record is about; `role` and `type` are DPV terms. */
export type Party = Partial<ControllerContext> &
  PartyContext & { readonly role: string; readonly type: string }

/** The controller, everybody who receives data of these purposes, and the authority; each once. */
export function partiesOf(
  record: ConsentRecord,
  context: RecordContext,
  purposes: readonly RecordPurpose[],
): readonly Party[] {
  const { id, name, contact } = record.controller
  const { onBehalf: _, ...reached } = context.controller
  const organisation = 'dpv:Organisation'
  const recipients = purposes.flatMap((purpose) => contextOf(context, purpose).recipients)
  const { authority } = context
  const parties: readonly Party[] = [
    { id, name, contact, ...reached, role: 'dpv:DataController', type: organisation },
    ...recipients.map((party) => ({ ...party, role: ROLE[party.role], type: organisation })),
    ...(authority === undefined
      ? []
      : [{ ...authority, role: ROLE.authority, type: 'dpv:DataProtectionAuthority' }]),
  ]
  return [...new Map(parties.toReversed().map((party) => [party.id, party])).values()].toReversed()
}
