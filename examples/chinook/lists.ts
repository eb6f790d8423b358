import { agrees } from './consents.ts'
import { check, say, table } from './print.ts'
import { type Someone, type Story, staff, WEBSHOP } from './story.ts'

/** The newsletter gets the addresses of those who said yes, and the code asks for everyone. */
export async function fillNewsletter(story: Story): Promise<void> {
  const { privity, newsletter } = story.shop
  const actor = staff(story, 'Nancy Edwards')
  const marketing = privity.accessor({ purpose: 'marketing', actor })
  for await (const { view } of marketing.contact.list()) newsletter.add(view.email)
  const { size } = newsletter
  story.tally.reads += size
  say(`newsletter: ${size} of ${story.data.customers.length} customers`)
  check(size === story.data.customers.filter(agrees).length, 'only those who agreed are listed')
}

/** Regions and months instead of people and days. */
export async function printStatistics(story: Story): Promise<void> {
  const actor = staff(story, 'Andrew Adams')
  const statistics = story.shop.privity.accessor({ purpose: 'statistics', actor })
  const areas = new Map<string, Set<string>>()
  const counts = new Map<string, number>()
  for await (const { view } of statistics.contact.list()) {
    counts.set(view.country, (counts.get(view.country) ?? 0) + 1)
    const known = areas.get(view.country) ?? new Set()
    if (view.postalCode !== undefined) areas.set(view.country, known.add(view.postalCode))
  }
  const largest = [...counts].sort(([, a], [, b]) => b - a).slice(0, 3)
  const rows = largest.map(([country, count]) => [
    country,
    count,
    [...(areas.get(country) ?? [])].sort().join(' '),
  ])
  table([['country', 'customers', 'postal areas'], ...rows], 48)
  story.tally.reads += story.data.customers.length
}

/** The web shop knows the genres somebody bought, and neither the titles nor who it is. */
export async function suggestMusic(story: Story, { subjectId }: Someone): Promise<void> {
  const suggestions = story.shop.privity.accessor({ purpose: 'recommendations', actor: WEBSHOP })
  const genres = new Set<string>()
  for await (const { view } of suggestions.invoice.list({ subjectId })) {
    for (const genre of view.lines) genres.add(genre)
    story.tally.reads += 1
  }
  const [first = '', ...others] = [...genres].sort()
  say(`genres for suggestions: ${first} and ${others.length} others`)
}
