// Runs in a process of its own: `append-process.ts <client> <place> <count> <shards>`. Prints a receipt per line.
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  type SubjectId,
} from '../../src/index.ts'
import { storeAt, type StoreClient } from './process-store.ts'

const IN_FLIGHT = 25

const [name, place = '', count, shards] = process.argv.slice(2)
const purposes = definePurposes({
  marketing: { basis: 'consent', description: 'Send you offers' },
})
const contact = defineRecord(purposes, ({ field }) => ({
  email: field(z.string(), { purposes: ['marketing'] }),
}))
const policy = definePolicy({
  controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
  purposes,
  records: { contact },
  roles: {},
})
const privity = await createPrivity({
  policy,
  store: await storeAt(name as StoreClient, place),
  keys: localKeys(new Uint8Array(32).fill(5)),
  shards: Number(shards),
})
const notice = await privity.notices.publish({ id: 'n', version: '1', texts: { en: 'May we?' } })
// As many people as logs, so that each process is likely to write to several.
const people = await Promise.all(
  Array.from({ length: Number(shards) }, () => privity.subjects.register()),
)
writeSync(1, 'ready\n')
await once(process.stdin, 'data')
process.stdin.destroy()
for (let done = 0; done < Number(count); done += IN_FLIGHT) {
  const method = { channel: 'paper' } as const
  const receipts = await Promise.all(
    Array.from({ length: IN_FLIGHT }, async (_, at) => {
      const id = people[at % people.length]?.id ?? ('' as SubjectId)
      return privity.consent.give(id, { purposes: ['marketing'], notice, method })
    }),
  )
  // Synchronous, so that what was acknowledged has left the process.
  for (const { receipt } of receipts) writeSync(1, `${receipt}\n`)
}
await privity.close()
