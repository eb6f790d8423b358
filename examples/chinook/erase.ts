import type { PlanItem } from 'privity'
import { check, say, table } from './print.ts'
import { printRefusal } from './refusals.ts'
import { nameOf, type Someone, type Story, staff } from './story.ts'

/** Plans, shows and runs an erasure; resolves to the certificate. */
export async function eraseCustomer(story: Story, customer: Someone): Promise<string> {
  const { privity, newsletter } = story.shop
  const { subjectId, contact } = customer
  const plan = await privity.erasure.plan(subjectId, { reason: 'subject_request' })
  say(`${nameOf(customer)} asks to be erased. The plan, before anything is done:`)
  table(
    plan.items
      .filter(({ action }) => action !== 'keep')
      .map(({ count, what, action }) => [count, what, action]),
  )
  say('What stays, on which ground and until when:')
  table(
    stayingOf(plan.items).map(({ count, ground = '', until = '' }) => [
      count,
      'invoices',
      ground,
      until.slice(0, 10),
    ]),
  )
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
  await readInvoices(story, customer)
  return certificate
}

/** Every field of an invoice stays as long as the invoice: a line for each year will do. */
function stayingOf(items: readonly PlanItem[]): readonly PlanItem[] {
  return items
    .filter(({ action, what }) => action === 'keep' && what === 'invoice.number')
    .sort((left, right) => (left.until ?? '').localeCompare(right.until ?? ''))
}

/** What the law keeps serves that law alone. */
async function readInvoices(story: Story, { subjectId, invoices }: Someone): Promise<void> {
  const { privity } = story.shop
  const actor = staff(story, 'Andrew Adams')
  let count = 0
  const invoicing = privity.accessor({ purpose: 'invoicing', actor })
  for await (const _ of invoicing.invoice.list({ subjectId })) count += 1
  check(count === invoices.length, 'no invoice is lost')
  say(`invoicing still reads the ${count} invoices, for the tax office`)
  story.tally.reads += count
}
