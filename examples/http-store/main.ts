// Privity over a database that it never heard of, through an adapter of a hundred lines. That it keeps the
// contract is proven by `storeSuite`: test/examples/http-store.test.ts gives it to the suite.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, fsck, localKeys } from 'privity'
import { httpStore } from './http-store.ts'
import { createKvServer } from './kv-server.ts'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
})
const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string(), { purposes: ['support'] }),
}))
const server = createKvServer().listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
const privity = await createPrivity({
  policy: definePolicy({
    controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
    purposes,
    records: { contact },
    roles: { agent: { purposes: ['support'] } },
  }),
  store: httpStore(`http://127.0.0.1:${port}`),
  keys: localKeys(crypto.getRandomValues(new Uint8Array(32))),
})
const anna = await privity.subjects.register()
const actor = { id: 'staff:ida', roles: ['agent'] }
const support = privity.accessor({ purpose: 'support', actor })
await support.contact.create(anna.id, { name: 'Anna' })
console.log((await support.contact.read(anna.id)).name) // prints: Anna
console.log((await fsck(privity)).ok) // prints: true
await privity.close()
server.closeAllConnections()
server.close()
