import * as z from 'zod'
import { definePolicy, definePurposes, defineRecord, type Input, type Privity } from 'privity'

/** Why the shop uses personal data. */
export const purposes = definePurposes({
  support: {
    basis: 'contract',
    description: 'Answer your questions and handle your orders',
    dpv: 'dpv:CustomerCare',
  },
  invoicing: {
    basis: 'legal_obligation',
    description: 'Write invoices and keep them as the tax law asks',
    dpv: 'dpv:LegalCompliance',
  },
  marketing: {
    basis: 'consent',
    description: 'Send you our newsletter by e-mail',
    dpv: 'dpv:DirectMarketing',
    validFor: { months: 24 },
  },
  recommendations: {
    basis: 'consent',
    description: 'Suggest music that goes with what you bought',
    dpv: 'dpv:ProvideProductRecommendations',
  },
  statistics: {
    basis: 'legitimate_interests',
    description: 'Count customers by region and sales by month',
  },
})

/** One per customer. */
const contact = defineRecord(purposes, ({ field }) => ({
  firstName: field(z.string().min(1), { purposes: ['support', 'invoicing', 'marketing'] }),
  lastName: field(z.string().min(1), { purposes: ['support', 'invoicing', 'marketing'] }),
  company: field(z.string().optional(), { purposes: ['support', 'invoicing'] }),
  address: field(z.string().min(1), { purposes: ['support', 'invoicing'] }),
  city: field(z.string().min(1), { purposes: ['support', 'invoicing'] }),
  state: field(z.string().optional(), { purposes: ['support', 'invoicing'] }),
  country: field(z.string().length(2), { purposes: ['support', 'invoicing', 'statistics'] }),
  postalCode: field(z.string().optional(), {
    purposes: ['support', 'invoicing', 'statistics'],
    lookup: 'nfkc-lower',
    views: { statistics: postalArea },
  }),
  phone: field(z.string().optional(), { purposes: ['support'], lookup: 'phone-e164' }),
  fax: field(z.string().optional(), { purposes: ['support'] }),
  email: field(z.email({ pattern: z.regexes.unicodeEmail }), {
    purposes: ['support', 'marketing'],
    lookup: 'email',
  }),
}))

const line = z.object({
  track: z.string(),
  artist: z.string(),
  genre: z.string(),
  price: z.number(),
})

/** Income Tax Act (Canada), s. 230(4)(b): six years from the end of the year that a record is about. */
const taxYears = { keep: { years: 6 }, from: 'issued', until: 'end_of_year' } as const

/** Any number per customer: kept as long as the tax law asks, also of somebody who is erased, and no longer. */
const invoice = defineRecord(
  purposes,
  ({ field }) => ({
    number: field(z.int(), { purposes: ['support', 'invoicing'] }),
    date: field(z.iso.date(), {
      purposes: ['support', 'invoicing', 'statistics'],
      views: { statistics: (date) => date.slice(0, 7) },
    }),
    billTo: field(z.array(z.string()).min(1), { purposes: ['invoicing'] }),
    total: field(z.number(), { purposes: ['support', 'invoicing', 'statistics'] }),
    lines: field(z.array(line), {
      purposes: ['support', 'invoicing', 'recommendations'],
      views: { recommendations: (lines) => [...new Set(lines.map(({ genre }) => genre))] },
    }),
  }),
  {
    many: true,
    events: ['issued'],
    retention: taxYears,
    floor: {
      ...taxYears,
      ground: 'Income Tax Act s. 230(4)(b)',
      source: 'https://laws-lois.justice.gc.ca/eng/acts/I-3.3/section-230.html',
      country: 'CA',
    },
  },
)

/** Who decides, what there is, and what each role may do. */
export const policy = definePolicy({
  controller: {
    id: 'chinook',
    name: 'Chinook Music',
    contact: 'privacy@chinookcorp.com',
    country: 'CA',
  },
  purposes,
  records: { contact, invoice },
  roles: {
    agent: { purposes: ['support'] },
    sales: { purposes: ['support', 'marketing'] },
    management: { purposes: ['invoicing', 'statistics'] },
    it: { purposes: [] },
    import: { purposes: ['support', 'invoicing'] },
    webshop: { purposes: ['recommendations'] },
  },
})

export type ShopPrivity = Privity<typeof purposes, typeof policy.records>
export type Contact = Input<typeof contact.fields, 'support'>
export type Invoice = Input<typeof invoice.fields, 'invoicing'>

/** A district and not a street: at most the first two characters. */
function postalArea(postalCode: string | undefined): string | undefined {
  return postalCode?.slice(0, 2)
}
