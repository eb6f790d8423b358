// A form that is sealed in the browser, a scan that is kept outside the store, and an export under pseudonyms.
import { createReadStream, createWriteStream } from 'node:fs'
import { stat, writeFile } from 'node:fs/promises'
import { Writable } from 'node:stream'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  isPrivityError,
  localKeys,
} from 'privity'
import { memoryStore } from 'privity/memory'
import { sealFor } from 'privity/seal'

const purposes = definePurposes({
  lending: { basis: 'contract', description: 'Decide on your loan, and pay it out' },
})
const applicant = defineRecord(purposes, ({ field }) => ({
  name: field(z.string(), { purposes: ['lending'] }),
  income: field(z.string(), { purposes: ['lending'] }),
}))
const payslip = defineRecord(
  purposes,
  ({ field }) => ({
    month: field(z.string(), { purposes: ['lending'] }),
    scan: field(z.object({ blobId: z.string(), type: z.string() }).exactOptional(), {
      purposes: ['lending'],
    }),
  }),
  { many: true },
)
const policy = definePolicy({
  controller: { id: 'lender', name: 'Lender', contact: 'privacy@lender.example', country: 'NL' },
  purposes,
  records: { applicant, payslip },
  roles: { desk: { purposes: ['lending'] } },
})
const privity = await createPrivity({
  policy,
  store: memoryStore(),
  keys: localKeys(crypto.getRandomValues(new Uint8Array(32))),
})
const actor = { id: 'staff:ida', roles: ['desk'] }
const desk = privity.accessor({ purpose: 'lending', actor })

// In the browser: the page came with the public key and a token of its session.
const publicKey = await privity.forms.publicKey()
const context = {
  record: 'applicant',
  purpose: 'lending',
  binding: 'token of the session',
} as const
const sealedForm = await sealFor(publicKey, { name: 'Anna', income: '2,500 EUR' }, context)
console.log(sealedForm.split('.').length, sealedForm.includes('2,500')) // prints: 5 false

// On the server. A form that is sent twice is stored once.
const anna = await privity.subjects.register()
for (const attempt of ['first', 'again']) {
  const { fields, operationId } = await privity.forms.open(sealedForm, context)
  await desk.applicant.create(anna.id, fields, { operationId })
  console.log(attempt, (await desk.applicant.read(anna.id)).income)
}
// prints: first 2,500 EUR
// prints: again 2,500 EUR
const stolen = { ...context, binding: 'token of somebody else' }
await privity.forms.open(sealedForm, stolen).catch((error: unknown) => {
  if (isPrivityError(error, 'invalid_input')) console.log(error.details.issues[0]?.code)
}) // prints: other_binding

// A scan of a megabyte goes to a file, chunk by chunk, and comes back.
await writeFile('scan.tiff', new Uint8Array(1_048_576).fill(7))
const { recordId } = await desk.payslip.create(anna.id, { month: '2026-10' })
const attachment = {
  subjectId: anna.id,
  purpose: 'lending',
  actor,
  record: 'payslip',
  recordId,
  field: 'scan',
} as const
const { blobId, sealed } = await privity.blobs.seal(attachment, createReadStream('scan.tiff'))
await sealed.pipeTo(Writable.toWeb(createWriteStream('scan.sealed')))
await desk.payslip.update(anna.id, recordId, { scan: { blobId, type: 'image/tiff' } })
console.log((await stat('scan.sealed')).size) // prints: 1049698

const opened = await privity.blobs.open({ ...attachment, blobId }, createReadStream('scan.sealed'))
let bytes = 0
for await (const part of opened) bytes += part.length
console.log(bytes) // prints: 1048576

// The credit bureau knows applicants by names that only the lender can trace.
const bureau = { purpose: 'lending', actor, recipient: 'credit-bureau' } as const
const pseudonym = await privity.pseudonyms.of({ ...bureau, subjectId: anna.id })
const back = await privity.pseudonyms.resolve(pseudonym, bureau)
console.log(pseudonym.length, back.id === anna.id) // prints: 64 true

await privity.erasure.erase(anna.id, { reason: 'subject_request' })
const refused = async (call: () => Promise<unknown>): Promise<string> =>
  call().then(
    () => 'it opened',
    (error: unknown) => (isPrivityError(error) ? error.code : 'it failed'),
  )
const again = createReadStream('scan.sealed')
console.log(await refused(() => privity.blobs.open({ ...attachment, blobId }, again))) // prints: erased
console.log(await refused(() => privity.pseudonyms.resolve(pseudonym, bureau))) // prints: erased
await privity.close()
