import { check, say } from './print.ts'
import { printRefusal } from './refusals.ts'
import { nameOf, type Someone, type Story, staff } from './story.ts'

/** Consent ends when the person says so; the read after it finds a closed door. */
export async function withdrawMarketing(story: Story, customer: Someone): Promise<void> {
  const { privity, newsletter } = story.shop
  const { subjectId } = customer
  const actor = staff(story, 'Nancy Edwards')
  const marketing = privity.accessor({ purpose: 'marketing', actor })
  const { email } = await marketing.contact.select(subjectId, ['email'])
  story.tally.reads += 1
  const { outcomes } = await privity.consent.withdraw(subjectId, { purposes: ['marketing'] })
  for (const id of newsletter.find(email)) newsletter.remove(id)
  say(`${nameOf(customer)} withdraws: ${outcomes.map(({ effect }) => effect).join()}`)
  await printRefusal(story, 'marketing reads the contact once more', () =>
    marketing.contact.read(subjectId),
  )
}

/** Legitimate interests end by an objection; a contract goes on. */
export async function objectToStatistics(story: Story, customer: Someone): Promise<void> {
  const { privity } = story.shop
  const { subjectId } = customer
  const purposes = ['statistics', 'support'] as const
  const { outcomes } = await privity.consent.withdraw(subjectId, { purposes })
  say(`${nameOf(customer)} says no to statistics and support`)
  for (const { purpose, basis, effect } of outcomes) say(`  ${purpose} (${basis}): ${effect}`)
  const actor = staff(story, 'Andrew Adams')
  const statistics = privity.accessor({ purpose: 'statistics', actor })
  await printRefusal(story, 'statistics reads the contact once more', () =>
    statistics.contact.read(subjectId),
  )
  const support = await privity.may({ subjectId, purpose: 'support', actor: supporterOf(story) })
  check(support.allowed, 'support goes on')
}

function supporterOf(story: Story): ReturnType<typeof staff> {
  return staff(story, 'Nancy Edwards')
}
