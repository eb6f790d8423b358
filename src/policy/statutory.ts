import type { Duration } from '../base/time.ts'
import { invalidInput } from '../base/errors.ts'
import { membersOf } from '../base/members.ts'
import { freezeDeep } from './freeze.ts'
import type { RetentionFloor } from './retention.ts'

/** Duties to keep that are known here by name. */
export type StatutoryDuty =
  | 'NL.tax'
  | 'DE.books'
  | 'DE.vouchers'
  | 'DE.letters'
  | 'FR.accounts'
  | 'GB.company'

/** How long the law of a country has something kept. */
interface Duty {
  readonly country: string
  readonly zone: string
  readonly keep: Duration
  readonly until?: 'end_of_year'
  readonly ground: string
  readonly source: string
}

// Checked in November 2026. What each is counted from, and what it covers, is in docs/retention.md.
const DUTIES: { readonly [D in StatutoryDuty]: Duty } = {
  'NL.tax': {
    country: 'NL',
    zone: 'Europe/Amsterdam',
    keep: { years: 7 },
    until: 'end_of_year',
    ground: 'AWR art. 52(4)',
    source: 'https://wetten.overheid.nl/BWBR0002320',
  },
  'DE.books': {
    country: 'DE',
    zone: 'Europe/Berlin',
    keep: { years: 10 },
    until: 'end_of_year',
    ground: 'HGB § 257(4), AO § 147(3)',
    source: 'https://www.gesetze-im-internet.de/ao_1977/__147.html',
  },
  'DE.vouchers': {
    country: 'DE',
    zone: 'Europe/Berlin',
    keep: { years: 8 },
    until: 'end_of_year',
    ground: 'HGB § 257(4), AO § 147(3)',
    source: 'https://www.gesetze-im-internet.de/ao_1977/__147.html',
  },
  'DE.letters': {
    country: 'DE',
    zone: 'Europe/Berlin',
    keep: { years: 6 },
    until: 'end_of_year',
    ground: 'HGB § 257(4), AO § 147(3)',
    source: 'https://www.gesetze-im-internet.de/ao_1977/__147.html',
  },
  'FR.accounts': {
    country: 'FR',
    zone: 'Europe/Paris',
    keep: { years: 10 },
    ground: 'Code de commerce art. L123-22',
    source: 'https://www.legifrance.gouv.fr/codes/article_lc/LEGIARTI000006219327',
  },
  'GB.company': {
    country: 'GB',
    zone: 'Europe/London',
    keep: { years: 6 },
    ground: 'Finance Act 1998 Sch. 18 para. 21',
    source: 'https://www.legislation.gov.uk/ukpga/1998/36/schedule/18',
  },
}

/**
 * A duty to keep, as the floor of a field or record. Which duties an app has, and for which of its data, is for its
 * lawyer to say: these are the common ones, with their source. Years are those of the country, unless `zone` names
 * another.
 *
 * @throws {@link invalid_input} with `not_declared` for a duty that is not known
 * @example
 * ```ts
 * const purposes = definePurposes({
 *   accounting: { basis: 'legal_obligation', description: 'Keep the books' },
 * })
 * const invoice = defineRecord(
 *   purposes,
 *   ({ field }) => ({ amount: field(z.int(), { purposes: ['accounting'] }) }),
 *   { many: true, floor: statutory('NL.tax', { from: 'created' }) },
 * )
 * ```
 */
export function statutory(
  duty: StatutoryDuty,
  count: Pick<RetentionFloor, 'from' | 'zone'>,
): RetentionFloor {
  const { from, zone } = membersOf(count, ['from', 'zone'], ['count'])
  if (typeof from !== 'string') throw invalidInput(['count', 'from'], 'not_a_string')
  if (zone !== undefined && typeof zone !== 'string')
    throw invalidInput(['count', 'zone'], 'not_a_string')
  const found = Object.hasOwn(DUTIES, duty) ? DUTIES[duty] : undefined
  if (found === undefined) throw invalidInput(['duty'], 'not_declared')
  return freezeDeep({ ...found, from, zone: zone ?? found.zone })
}
