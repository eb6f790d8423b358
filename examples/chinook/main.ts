// A music shop puts its customers behind Privity: `npm start`.
import { askCustomers } from './consents.ts'
import { openAgain, searchFiles } from './close.ts'
import { readShopData } from './data.ts'
import { eraseCustomer } from './erase.ts'
import { verifyElsewhere } from './evidence.ts'
import { findByLookup, listOwnCustomers } from './find.ts'
import { importCustomers } from './import.ts'
import { fillNewsletter, printStatistics, suggestMusic } from './lists.ts'
import { printPolicy } from './overview.ts'
import { heading, say, table } from './print.ts'
import { tryRefusals } from './refusals.ts'
import { objectToStatistics, withdrawMarketing } from './rights.ts'
import { openShop } from './shop.ts'
import { someone, type Story } from './story.ts'
import { compareContact, compareInvoice } from './views.ts'

const started = performance.now()

heading('1. The shop opens')
say('database: .privity-data/shop.sqlite (made anew by every run)')
say('key:      .privity-keys/root.key (made once, kept)')
const story: Story = {
  shop: await openShop(),
  data: readShopData(),
  tally: { consents: 0, reads: 0, refusals: 0 },
}

heading('2. Its policy: why it uses which data')
printPolicy()
// prints: marketing        consent

heading('3. Customers and invoices are imported')
await importCustomers(story)
// prints: 59 customers, 412 invoices, 2240 lines imported
// prints: importing customer 1 again: already_exists

heading('4. Customers are asked')
const receipts = await askCustomers(story)
// prints: notice 2026-11 published in en and fr

const luis = await someone(story, '1')
const helena = await someone(story, '6')

heading('5. One customer, four purposes')
await compareContact(story, luis)
// prints: [contact for marketing: firstName, lastName, email]

heading('6. One invoice, three purposes')
await compareInvoice(story, luis)
// prints: number  98

heading('7. Daily work')
await listOwnCustomers(story)
// prints: Jane Peacock     21
await findByLookup(story, luis)
// prints: Luís Gonçalves, São José dos Campos
await fillNewsletter(story)
// prints: newsletter: 28 of 59 customers
await suggestMusic(story, luis)
// prints: genres for suggestions: Classical and 7 others
await printStatistics(story)
// prints: US              13  10 21 32

heading('8. What is refused')
await tryRefusals(story, { known: luis, silent: helena })
// prints: not_permitted: no_relationship
// prints: not_permitted: not_asked
// prints: not_permitted: field_not_in_purpose
// prints: not_declared: field
// prints: not_permitted: role
// prints: invalid_input: seen_through_a_view

heading('9. People change their minds')
await withdrawMarketing(story, await someone(story, '4'))
// prints: Bjørn Hansen withdraws: withdrawn
// prints: not_permitted: withdrawn
await objectToStatistics(story, helena)
// prints: statistics (legitimate_interests): objected
// prints: not_permitted: objected

heading('10. A customer is erased')
const dominique = await someone(story, '40')
const certificate = await eraseCustomer(story, dominique)
// prints: newsletter: subscription
// prints: Income Tax Act s. 230(4)(b)
// prints: erased
// prints: find { email } yields nobody
// prints: invoicing still reads the 7 invoices

heading('11. Somebody else verifies the papers')
const receipt = receipts.get(dominique.id) ?? ''
verifyElsewhere({ receipt, certificate, jwks: story.shop.privity.ledger.publicKeys.jwks })
// prints: receipt: valid
// prints: certificate: valid
// prints: receipt with one byte changed: bad_signature

heading('12. The files are searched')
await searchFiles(story, { erased: dominique, present: luis })
// prints: Dominique Lefebvre, erased: e-mail, names, phone, address     0
// prints: Luís Gonçalves, a customer: the same                          0

heading('13. The next start')
const entries = await openAgain(story, dominique)
// prints: under another key: key_unreadable

heading('In numbers')
const { customers } = story.data
const { consents, reads, refusals } = story.tally
table([
  ['customers', customers.length],
  ['invoices', customers.flatMap(({ invoices }) => invoices).length],
  ['consents', consents],
  ['reads, each logged', reads],
  ['refusals', refusals],
  ['ledger entries', Number(entries)],
  ['erased', 1],
  ['seconds', Math.round((performance.now() - started) / 100) / 10],
])
// prints: seconds
