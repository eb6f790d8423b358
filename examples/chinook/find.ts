import { check, say, table } from './print.ts'
import { nameOf, type Someone, type Story, staff } from './story.ts'

const AGENTS = ['Jane Peacock', 'Margaret Park', 'Steve Johnson'] as const

/** Each agent sees the customers they look after, and nothing tells how many there are besides. */
export async function listOwnCustomers(story: Story): Promise<void> {
  const counts: number[] = []
  for (const name of AGENTS) {
    const actor = staff(story, name)
    const support = story.shop.privity.accessor({ purpose: 'support', actor })
    let count = 0
    for await (const _ of support.contact.list()) count += 1
    counts.push(count)
  }
  const all = counts.reduce((sum, count) => sum + count, 0)
  table([['agent', 'sees'], ...AGENTS.map((name, at) => [name, counts[at] ?? 0])])
  check(all === story.data.customers.length, 'together the agents see every customer')
  story.tally.reads += all
}

/** Staff find people as they write to them and call: through blind indexes, without opening others. */
export async function findByLookup(story: Story, customer: Someone): Promise<void> {
  const actor = staff(story, 'Jane Peacock')
  const support = story.shop.privity.accessor({ purpose: 'support', actor })
  const wanted = [{ email: '  LuisG@Embraer.COM.br ' }, { phone: '0055 12 3923 5555' }]
  for (const where of wanted) {
    for await (const { subjectId, view } of support.contact.find(where)) {
      say(`find ${JSON.stringify(where)}`)
      say(`  ${view.firstName} ${view.lastName}, ${view.city}`)
      check(subjectId === customer.subjectId, `${nameOf(customer)} is found`)
      story.tally.reads += 1
    }
  }
}
