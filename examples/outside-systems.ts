// One erasure that reaches three systems beside the store: the app's own tables, a processor, and a directory.
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  isPrivityError,
  localKeys,
} from 'privity'
import { files, openDsr, sqlTables } from 'privity/hooks'
import { memoryStore } from 'privity/memory'

// The app's own tables. What the law keeps of an invoice is kept without a name.
const shop = new DatabaseSync(':memory:')
shop.exec(`
  PRAGMA foreign_keys = ON;
  CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT);
  CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id));
  CREATE TABLE lines (order_id INTEGER REFERENCES orders (id), article TEXT);
  CREATE TABLE invoices (number INTEGER PRIMARY KEY, customer INTEGER, name TEXT, cents INTEGER);
  INSERT INTO customers VALUES (42, 'anna@example.com'), (43, 'bo@example.com');
  INSERT INTO orders VALUES (1, 42), (2, 43);
  INSERT INTO lines VALUES (1, 'lamp'), (1, 'bulb'), (2, 'desk');
  INSERT INTO invoices VALUES (7, 42, 'Anna', 4950), (8, 43, 'Bo', 12900);
`)
const shopHook = sqlTables({
  id: 'shop',
  client: shop,
  tables: [
    {
      table: 'lines',
      column: 'order_id',
      through: { table: 'orders', id: 'id', column: 'customer' },
      action: 'delete',
    },
    { table: 'orders', column: 'customer', action: 'delete' },
    { table: 'invoices', column: 'customer', action: 'anonymise', set: { name: 'erased' } },
    { table: 'customers', column: 'id', action: 'delete' },
  ],
})

// A directory with one for each customer.
const uploads = mkdtempSync(join(tmpdir(), 'privity-uploads-'))
mkdirSync(join(uploads, '42'))
writeFileSync(join(uploads, '42', 'photo.jpg'), 'bytes')
const filesHook = files({ id: 'uploads', directory: uploads })

// A processor on this machine that speaks OpenDSR 2.0, and takes its time.
const requests = new Map<string, string>()
const mailer = createServer(async (request, response) => {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part)
  const sent = JSON.parse(Buffer.concat(parts).toString() || '{}')
  const id: string = sent.subject_request_id ?? request.url?.split('/').at(-1)
  if (request.method === 'POST') requests.set(id, 'pending')
  const status = requests.get(id)
  if (status === undefined) {
    response.writeHead(404).end()
    return
  }
  response.writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ subject_request_id: id, request_status: status }))
})
await new Promise<void>((listening) => mailer.listen(0, '127.0.0.1', listening))
const mailerHook = openDsr({
  id: 'mailer',
  endpoint: `http://127.0.0.1:${(mailer.address() as AddressInfo).port}/v2/requests`,
  identities: [{ type: 'controller_customer_id', from: 'externalId' }],
  authorization: () => 'Bearer of-the-app',
})

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
})
const contact = defineRecord(purposes, ({ field }) => ({
  email: field(z.email(), { purposes: ['support'] }),
}))
// The clock of this example goes forward when it is told to.
let now = Date.now()
const privity = await createPrivity({
  policy: definePolicy({
    controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
    purposes,
    records: { contact },
    roles: { agent: { purposes: ['support'] } },
  }),
  store: memoryStore(),
  keys: localKeys(crypto.getRandomValues(new Uint8Array(32))),
  hooks: [shopHook, filesHook, mailerHook],
  clock: { now: () => now, wait: (ms, signal) => setTimeout(ms, undefined, { signal }) },
})
const anna = await privity.subjects.register({ externalId: '42' })
const actor = { id: 'staff:ida', roles: ['agent'] } as const
const support = privity.accessor({ purpose: 'support', actor })
await support.contact.create(anna.id, { email: 'anna@example.com' })

const plan = await privity.erasure.plan(anna.id, { reason: 'subject_request' })
for (const { what, count } of plan.items.filter(({ action }) => action.includes('hook')))
  console.log(`${count} × ${what}`)
// prints: 2 × shop: delete rows of lines
// prints: 1 × shop: delete rows of orders
// prints: 1 × shop: anonymise rows of invoices
// prints: 2 × uploads: files of the person

try {
  await privity.erasure.run(plan)
} catch (error) {
  if (!isPrivityError(error, 'erasure_incomplete')) throw error
  console.log(`not yet: ${error.details.failing}`) // prints: not yet: mailer
}
// Nothing of the others waited for it.
const names = shop.prepare('SELECT name FROM invoices ORDER BY number').all()
console.log(names.map(({ name }) => name).join()) // prints: erased,Bo
console.log(existsSync(join(uploads, '42'))) // prints: false

// Two hours later the processor has done its work, and the erasure is gone on with.
requests.set(mailerHook.requestId(plan.erasureId), 'completed')
now += 2 * 3_600_000
const certificate = await privity.erasure.resume(plan.erasureId)
const { scope, method, result } = JSON.parse(
  Buffer.from(certificate.split('.')[1] ?? '', 'base64url').toString(),
)
const hooks = method.filter(({ kind }: { kind: string }) => kind === 'hook')
console.log(scope, result) // prints: all completed
console.log(hooks.map(({ hook }: { hook: string }) => hook).join())
// prints: shop,uploads,mailer

await privity.close()
shop.close()
mailer.close()
