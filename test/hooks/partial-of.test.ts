import { DatabaseSync } from 'node:sqlite'
import * as z from 'zod'
import { afterEach, describe, expect, test } from 'vitest'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type ErasureHook,
  type HookPart,
  localKeys,
  statutory,
} from 'privity'
import { files, objects, openDsr, sqlTables } from 'privity/hooks'
import { memoryStore } from 'privity/memory'
import { errorOf } from '../support/error-of.ts'

const PARTIAL: readonly HookPart[] = [{ record: 'contact', fields: ['email'] }]
const clients: DatabaseSync[] = []
const tables = [{ table: 'customers', column: 'id', action: 'delete' }] as const

afterEach(() => {
  for (const client of clients.splice(0)) client.close()
})

function openShop(): DatabaseSync {
  const client = new DatabaseSync(':memory:')
  clients.push(client)
  client.exec("CREATE TABLE customers (id TEXT); INSERT INTO customers VALUES ('42'), ('43')")
  return client
}

type Option = { readonly partial?: readonly HookPart[] }
const HOOKS: readonly (readonly [string, (option: Option) => ErasureHook])[] = [
  ['sqlTables', (option) => sqlTables({ id: 'a', client: openShop(), tables, ...option })],
  ['files', (option) => files({ id: 'a', directory: '/nowhere', ...option })],
  [
    'objects',
    (option) =>
      objects({ id: 'a', list: async () => [], remove: async () => undefined, ...option }),
  ],
  [
    'openDsr',
    (option) =>
      openDsr({
        id: 'a',
        endpoint: 'https://opendsr.example/v2/requests',
        identities: [{ type: 'controller_customer_id', from: 'externalId' }],
        ...option,
      }),
  ],
]

describe.each(HOOKS)('%s', (_, make) => {
  test('takes part in erasures of what its system has copies of', () => {
    expect(make({ partial: PARTIAL }).partial).toEqual(PARTIAL)
    expect(Object.keys(make({}))).not.toContain('partial')
  })

  test('refuses to take part in every erasure: it would end more than was asked for', async () => {
    const everything = true as unknown as readonly HookPart[]
    expect(await errorOf(() => make({ partial: everything }))).toMatchObject({
      code: 'invalid_input',
      details: { issues: [{ path: ['partial'], code: 'not_a_list' }] },
    })
  })
})

describe('tables of a person of whom a law keeps something', () => {
  const purposes = definePurposes({
    support: { basis: 'contract', description: 'Answer your questions' },
    books: { basis: 'legal_obligation', description: 'Keep the books' },
  })
  const contact = defineRecord(purposes, ({ field }) => ({
    email: field(z.email(), { purposes: ['support'] }),
  }))
  const invoice = defineRecord(
    purposes,
    ({ field }) => ({ cents: field(z.int(), { purposes: ['books'] }) }),
    { many: true, floor: statutory('NL.tax', { from: 'created' }) },
  )
  const policy = definePolicy({
    controller: { id: 'shop', name: 'Shop', contact: 'privacy@shop.example', country: 'NL' },
    purposes,
    records: { contact, invoice },
    roles: { agent: { purposes: ['support', 'books'] } },
  })

  test.each([
    ['stay, and the certificate says so', {}, 2, ['hook:shop']],
    ['go with what they are copies of', { partial: [{ record: 'contact' }] }, 1, []],
  ] as const)('%s', async (_, option, left, excluded) => {
    const client = openShop()
    const hooks = [sqlTables({ id: 'shop', client, tables, ...option })]
    const keys = localKeys(new Uint8Array(32))
    const privity = await createPrivity({ policy, store: memoryStore(), keys, hooks })
    const { id } = await privity.subjects.register({ externalId: '42' })
    const actor = { id: 'staff:ida', roles: ['agent'] }
    const email = 'anna@example.com'
    await privity.accessor({ purpose: 'support', actor }).contact.create(id, { email })
    await privity.accessor({ purpose: 'books', actor }).invoice.create(id, { cents: 100 })

    const { items } = await privity.erasure.plan(id, { reason: 'subject_request' })
    const waiting = items.filter(({ ground }) => ground === 'not_partial')
    expect(waiting.map(({ what }) => what)).toEqual(excluded)
    await privity.erasure.erase(id, { reason: 'subject_request' })
    expect(client.prepare('SELECT id FROM customers').all()).toHaveLength(left)
    await privity.close()
  })
})
