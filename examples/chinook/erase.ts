import { check, say, table } from './print.ts'
import { printRefusal } from './refusals.ts'
import { nameOf, type Someone, type Story, staff } from './story.ts'

/** Plans, shows and runs an erasure; resolves to the certificate. */
export async function eraseCustomer(story: Story, customer: Someone): Promise<string> {
  const { privity, newsletter } = story.shop
  const { subjectId, contact } = customer
  const plan = await privity.erasure.plan(subjectId, { reason: 'subject_request' })
  say(`${nameOf(customer)} asks to be erased. The plan, before anything is done:`)
  table(plan.items.map(({ count, what, action }) => [count, what, action]))
  say('(invoices included: legal holds are not part of this release)')
  const certificate = await privity.erasure.run(plan)
  say('done; the certificate is signed')
  // The newsletter's hook read the address, and that is an access like any other.
  story.tally.reads += 1
  check(newsletter.find(contact.email).length === 0, 'the newsletter has lost the address')
  const support = privity.accessor({ purpose: 'support', actor: staff(story, 'Nancy Edwards') })
  await printRefusal(story, 'support reads the contact once more', () =>
    support.contact.read(subjectId),
  )
  for await (const _ of support.contact.find({ email: contact.email }))
    throw new Error('an erased person was found')
  say(`find { email } yields nobody; newsletter: ${newsletter.size} addresses`)
  return certificate
}
