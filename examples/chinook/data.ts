import { readFileSync } from 'node:fs'
import { type CsvRow, parseCsv, required } from './csv.ts'
import type { Contact, Invoice } from './policy.ts'

/** The shop as it stands before Privity: customers with their invoices, and the staff. */
export interface ShopData {
  readonly customers: readonly Customer[]
  readonly staff: readonly Employee[]
}

export interface Customer {
  /** The shop's own id. */
  readonly id: string
  /** Id of the employee who looks after the customer. */
  readonly rep: string
  readonly contact: Contact
  readonly invoices: readonly Invoice[]
}

export interface Employee {
  readonly id: string
  readonly name: string
  readonly title: string
}

const DATA = new URL('../data/chinook/', import.meta.url)

const COUNTRIES: { readonly [name: string]: string } = {
  Argentina: 'AR',
  Australia: 'AU',
  Austria: 'AT',
  Belgium: 'BE',
  Brazil: 'BR',
  Canada: 'CA',
  Chile: 'CL',
  'Czech Republic': 'CZ',
  Denmark: 'DK',
  Finland: 'FI',
  France: 'FR',
  Germany: 'DE',
  Hungary: 'HU',
  India: 'IN',
  Ireland: 'IE',
  Italy: 'IT',
  Netherlands: 'NL',
  Norway: 'NO',
  Poland: 'PL',
  Portugal: 'PT',
  Spain: 'ES',
  Sweden: 'SE',
  USA: 'US',
  'United Kingdom': 'GB',
}

/** Reads the four tables and puts each customer's rows together. */
export function readShopData(): ShopData {
  const lines = groupBy(readTable('invoice-lines'), 'InvoiceId')
  const invoices = groupBy(readTable('invoices'), 'CustomerId')
  return {
    customers: readTable('customers').map((row) => {
      const id = required(row, 'CustomerId')
      return {
        id,
        rep: required(row, 'SupportRepId'),
        contact: toContact(row),
        invoices: (invoices.get(id) ?? []).map((own) => toInvoice(own, lines)),
      }
    }),
    staff: readTable('employees').map((row) => ({
      id: required(row, 'EmployeeId'),
      name: `${required(row, 'FirstName')} ${required(row, 'LastName')}`,
      title: required(row, 'Title'),
    })),
  }
}

function readTable(name: string): readonly CsvRow[] {
  return parseCsv(readFileSync(new URL(`${name}.csv`, DATA), 'utf8'))
}

function groupBy(rows: readonly CsvRow[], column: string): ReadonlyMap<string, CsvRow[]> {
  const groups = new Map<string, CsvRow[]>()
  for (const row of rows) {
    const name = required(row, column)
    groups.set(name, [...(groups.get(name) ?? []), row])
  }
  return groups
}

function toContact(row: CsvRow): Contact {
  return {
    firstName: required(row, 'FirstName'),
    lastName: required(row, 'LastName'),
    company: row['Company'],
    address: required(row, 'Address'),
    city: required(row, 'City'),
    state: row['State'],
    country: toCountry(required(row, 'Country')),
    postalCode: row['PostalCode'],
    phone: row['Phone'],
    fax: row['Fax'],
    email: required(row, 'Email'),
  }
}

function toInvoice(row: CsvRow, lines: ReadonlyMap<string, readonly CsvRow[]>): Invoice {
  const id = required(row, 'InvoiceId')
  const place = ['BillingAddress', 'BillingPostalCode', 'BillingCity', 'BillingState']
  return {
    number: Number(id),
    date: required(row, 'InvoiceDate').slice(0, 10),
    billTo: [...place, 'BillingCountry'].flatMap((column) => row[column] ?? []),
    total: Number(required(row, 'Total')),
    lines: (lines.get(id) ?? []).map((line) => ({
      track: required(line, 'Track'),
      artist: required(line, 'Artist'),
      genre: required(line, 'Genre'),
      price: Number(required(line, 'UnitPrice')),
    })),
  }
}

function toCountry(name: string): string {
  const code = COUNTRIES[name]
  if (code === undefined) throw new RangeError('a country without a code')
  return code
}
