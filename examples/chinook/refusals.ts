import { isPrivityError } from 'privity'
import { say } from './print.ts'
import { nameOf, type Someone, type Story, staff } from './story.ts'

/** What must fail says why, as code and reasons; what does not fail ends the story. */
export async function printRefusal(
  { tally }: Pick<Story, 'tally'>,
  attempt: string,
  act: () => Promise<unknown>,
): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!isPrivityError(error)) throw error
    tally.refusals += 1
    say(attempt)
    say(`  ${describe(error)}`)
    return
  }
  throw new Error(`not refused: ${attempt}`)
}

function describe(error: unknown): string {
  if (isPrivityError(error, 'not_permitted'))
    return `${error.code}: ${error.details.reasons.join()}`
  if (isPrivityError(error, 'not_declared')) return `${error.code}: ${error.details.kind}`
  if (isPrivityError(error, 'invalid_input')) {
    return `${error.code}: ${error.details.issues.map(({ code }) => code).join()}`
  }
  return isPrivityError(error) ? error.code : 'unknown'
}

/** Things that staff, code and mistakes try. Where a cast stands, the compiler says no first. */
export async function tryRefusals(
  story: Story,
  { known, silent }: { readonly known: Someone; readonly silent: Someone },
): Promise<void> {
  const { privity } = story.shop
  const asStaff = (name: string) => ({ actor: staff(story, name) })
  const jane = privity.accessor({ purpose: 'support', ...asStaff('Jane Peacock') })
  const steve = privity.accessor({ purpose: 'support', ...asStaff('Steve Johnson') })
  const nancy = privity.accessor({ purpose: 'marketing', ...asStaff('Nancy Edwards') })
  const robert = privity.accessor({ purpose: 'support', ...asStaff('Robert King') })
  const andrew = privity.accessor({ purpose: 'statistics', ...asStaff('Andrew Adams') })
  const { subjectId } = known
  await printRefusal(story, `Steve reads ${nameOf(known)}, whom Jane looks after`, () =>
    steve.contact.read(subjectId),
  )
  await printRefusal(story, `marketing reads ${nameOf(silent)}, who was never asked`, () =>
    nancy.contact.read(silent.subjectId),
  )
  await printRefusal(story, 'marketing selects the address, with the types cast away', () =>
    nancy.contact.select(subjectId, ['address' as never]),
  )
  await printRefusal(story, 'support stores a shoe size, which nobody declared', () =>
    jane.contact.update(subjectId, { shoeSize: 44 } as never),
  )
  await printRefusal(story, 'IT staff, who have no purpose, read a contact', () =>
    robert.contact.read(subjectId),
  )
  await printRefusal(story, 'statistics searches the postal code that it sees as an area', () =>
    first(andrew.contact.find({ postalCode: '12227-000' } as never)),
  )
}

async function first(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items) return
}
