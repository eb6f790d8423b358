// An app whose root key is in a key service: what the service sees, what it refuses, and what dies with a version.
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, isPrivityError } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { newVersions, startKms } from './fake-kms.ts'
import { kmsKeys } from './keys.ts'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  billing: { basis: 'contract', description: 'Collect what you owe' },
})
const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string(), { purposes: ['support', 'billing'] }),
  question: field(z.string().exactOptional(), { purposes: ['support'] }),
  iban: field(z.string().exactOptional(), { purposes: ['billing'] }),
}))
const policy = definePolicy({
  controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
  purposes,
  records: { contact },
  roles: { agent: { purposes: ['support'] }, clerk: { purposes: ['billing'] } },
})

const ida = { id: 'staff:ida', roles: ['agent'] } as const
const max = { id: 'staff:max', roles: ['clerk'] } as const
const database = memoryData()

const versions = newVersions()
// The help desk is given no bank accounts, and this is not up to the help desk's own code.
const isDenied = (caller: string, className: string): boolean =>
  caller === 'desk' && className === 'contact:billing'
let kms = await startKms(versions, isDenied)

const office = await open('office')
const anna = await office.subjects.register()
const billing = office.accessor({ purpose: 'billing', actor: max })
await billing.contact.create(anna.id, { name: 'Anna', iban: 'NL91ABNA0417164300' })
await office.close()
const seen = kms.log.flatMap(({ context }) => (context === undefined ? [] : [context]))
console.log(`the key service saw: ${Object.keys(seen[0] ?? {}).join()}`)
// prints: the key service saw: store,epoch,class,salt
console.log(`of Anna: ${JSON.stringify(seen).includes(anna.id) ? 'something' : 'nothing'}`)
// prints: of Anna: nothing

const desk = await open('desk')
const support = desk.accessor({ purpose: 'support', actor: ida })
console.log(`the desk reads: ${(await support.contact.read(anna.id)).name}`)
// prints: the desk reads: Anna
const nosy = desk.accessor({ purpose: 'billing', actor: max })
console.log(`bank accounts at the desk: ${await codeOf(nosy.contact.read(anna.id))}`)
// prints: bank accounts at the desk: key_unavailable
await desk.close()

await kms.stop()
console.log(`without the key service: ${await codeOf(open('office'))}`)
// prints: without the key service: key_unavailable

// After a while the key is changed. What is new goes under version 2, and version 1 still opens Anna's record.
kms = await startKms(versions, isDenied)
const keys = kmsKeys(kms.url, 'operator')
console.log(`a new version: ${await keys.rotate?.()}`) // prints: a new version: 2
const later = await open('office')
const found = await later.accessor({ purpose: 'billing', actor: max }).contact.read(anna.id)
console.log(`under version 1: ${found.iban}`) // prints: under version 1: NL91ABNA0417164300
await later.close()

// A laptop with a copy of the database is lost. What must live is wrapped anew first; here nothing was, so this
// database is like the copy: all of it is under version 1.
const destroyed = await keys.destroy?.(1)
const hours = ((destroyed?.effectiveAt ?? 0) - Date.now()) / 3_600_000
console.log(`the service forgets version 1 for good in ${hours.toFixed()} h`)
// prints: the service forgets version 1 for good in 1 h
console.log(`the lost copy: ${await codeOf(readAnna())}`) // prints: the lost copy: key_unreadable
await kms.stop()

// One process of the app, as the key service knows it.
function open(caller: string) {
  const store = memoryStore({ share: database })
  return createPrivity({ policy, store, keys: kmsKeys(kms.url, caller) })
}

async function readAnna(): Promise<string> {
  const privity = await open('office')
  try {
    const accessor = privity.accessor({ purpose: 'billing', actor: max })
    return (await accessor.contact.read(anna.id)).name
  } finally {
    await privity.close()
  }
}

/** The code of the refusal, or that there was none. */
async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'no refusal'
  } catch (error) {
    if (isPrivityError(error)) return error.code
    throw error
  }
}
