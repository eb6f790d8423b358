import { type Actor, isPrivityError } from 'privity'
import type { Customer } from './data.ts'
import { toActor } from './desk.ts'
import { check, say } from './print.ts'
import type { Story } from './story.ts'

const IMPORTER: Actor = { id: 'job:import', roles: ['import'] }
const STEP = 20

/** Registers every customer, and stores contact and invoices. What arrives together is committed together. */
export async function importCustomers(story: Story): Promise<void> {
  const { customers } = story.data
  const started = performance.now()
  let done = 0
  await Promise.all(
    customers.map(async (customer) => {
      await importCustomer(story, customer)
      done += 1
      if (done % STEP === 0) say(`  ${done} of ${customers.length} …`)
    }),
  )
  const invoices = customers.flatMap((customer) => customer.invoices)
  const lines = invoices.flatMap((invoice) => invoice.lines)
  say(`${customers.length} customers, ${invoices.length} invoices, ${lines.length} lines imported`)
  say(`  in ${((performance.now() - started) / 1_000).toFixed(1)} s`)
  await importTwice(story, customers[0])
}

async function importCustomer({ shop, data }: Story, customer: Customer): Promise<void> {
  const { privity, desk } = shop
  const { id } = await privity.subjects.register({
    externalId: customer.id,
    jurisdiction: customer.contact.country,
  })
  const rep = data.staff.find((employee) => employee.id === customer.rep)
  if (rep !== undefined) desk.assign(id, toActor(rep))
  const support = privity.accessor({ purpose: 'support', actor: IMPORTER })
  await support.contact.create(id, customer.contact)
  const invoicing = privity.accessor({ purpose: 'invoicing', actor: IMPORTER })
  await Promise.all(
    customer.invoices.map(async (invoice) => {
      const { recordId } = await invoicing.invoice.create(id, invoice)
      const at = `${invoice.date}T00:00:00Z`
      await privity.retention.event(id, { record: 'invoice', recordId, event: 'issued', at })
    }),
  )
}

/** An import that runs again by mistake makes nobody twice. */
async function importTwice(story: Story, customer: Customer | undefined): Promise<void> {
  if (customer === undefined) return
  try {
    await story.shop.privity.subjects.register({ externalId: customer.id })
  } catch (error) {
    check(isPrivityError(error, 'already_exists'), 'the customer is registered already')
    say('importing customer 1 again: already_exists')
    return
  }
  throw new Error('a customer was imported twice')
}
