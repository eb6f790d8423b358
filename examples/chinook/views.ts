import { inspect } from 'node:util'
import { say, table } from './print.ts'
import { type Someone, type Story, staff, WEBSHOP } from './story.ts'

const CELL = 15

/** The same contact for each purpose: a field outside the purpose is not hidden but absent. */
export async function compareContact(story: Story, { subjectId }: Someone): Promise<void> {
  const { privity } = story.shop
  const andrew = staff(story, 'Andrew Adams')
  const support = privity.accessor({ purpose: 'support', actor: staff(story, 'Jane Peacock') })
  const invoicing = privity.accessor({ purpose: 'invoicing', actor: andrew })
  const marketing = privity.accessor({ purpose: 'marketing', actor: staff(story, 'Nancy Edwards') })
  const statistics = privity.accessor({ purpose: 'statistics', actor: andrew })
  const view = await marketing.contact.read(subjectId)
  printViews({
    support: await support.contact.read(subjectId),
    invoicing: await invoicing.contact.read(subjectId),
    marketing: view,
    statistics: await statistics.contact.read(subjectId),
  })
  story.tally.reads += 4
  say('a view that gets into a log by mistake shows names and no values:')
  say(`  ${inspect(view)}`)
}

/** The first invoice of the same customer for each purpose. */
export async function compareInvoice(story: Story, { subjectId }: Someone): Promise<void> {
  const { privity } = story.shop
  const andrew = staff(story, 'Andrew Adams')
  const invoicing = privity.accessor({ purpose: 'invoicing', actor: andrew })
  const statistics = privity.accessor({ purpose: 'statistics', actor: andrew })
  const suggestions = privity.accessor({ purpose: 'recommendations', actor: WEBSHOP })
  const invoices = []
  for await (const found of invoicing.invoice.list({ subjectId })) invoices.push(found)
  const [first] = invoices.sort((a, b) => a.view.number - b.view.number)
  if (first === undefined) return
  printViews({
    invoicing: first.view,
    statistics: await statistics.invoice.read(subjectId, first.recordId),
    recommendations: await suggestions.invoice.read(subjectId, first.recordId),
  })
  story.tally.reads += invoices.length + 2
}

/** A row per field, a column per purpose. */
function printViews(views: { readonly [purpose: string]: object }): void {
  const seen = Object.values(views).map((view) => new Map(Object.entries(view)))
  const fields = new Set(seen.flatMap((view) => [...view.keys()]))
  const rows = [...fields].map((field) => [field, ...seen.map((view) => textOf(view.get(field)))])
  table([['', ...Object.keys(views)], ...rows], CELL)
}

function textOf(value: unknown): string {
  if (value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
