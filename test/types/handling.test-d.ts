import * as z from 'zod'
import { definePurposes, defineRecord, type Privity, type Pseudonym } from 'privity'
import { sealFor } from 'privity/seal'
import { test } from 'vitest'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  care: { basis: 'consent', description: 'Mind your allergies', explicit: true },
})
const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string(), { purposes: ['support'] }),
  phone: field(z.string().exactOptional(), { purposes: ['support'] }),
  allergies: field(z.string().exactOptional(), { purposes: ['care'] }),
}))
declare const privity: Privity<typeof purposes, { readonly contact: typeof contact }>
declare const id: string
declare const bytes: ReadableStream<Uint8Array>
const actor = { id: 'staff:ida', roles: ['agent'] }

async function pseudonyms() {
  const ask = { subjectId: id, purpose: 'support', actor } as const
  const ofBank = await privity.pseudonyms.of({ ...ask, recipient: 'bank' })
  const ofMail = await privity.pseudonyms.of({ ...ask, recipient: 'mail' })
  const sendToBank = (_: Pseudonym<'bank'>): void => undefined
  sendToBank(ofBank)
  // @ts-expect-error the pseudonym of another recipient
  sendToBank(ofMail)
  await privity.pseudonyms.resolve(ofBank, { recipient: 'bank', purpose: 'support', actor })
  const bank = { recipient: 'bank', purpose: 'support', actor } as const
  // @ts-expect-error traced as that of another recipient
  await privity.pseudonyms.resolve(ofMail, bank)
  // @ts-expect-error no such purpose
  await privity.pseudonyms.of({ ...ask, recipient: 'bank', purpose: 'spying' })
  // @ts-expect-error nobody acts
  await privity.pseudonyms.of({ subjectId: id, purpose: 'support', recipient: 'bank' })
}

async function attachments() {
  const ask = { subjectId: id, purpose: 'support', actor, record: 'contact' } as const
  const { blobId, sealed } = await privity.blobs.seal({ ...ask, field: 'name' }, bytes)
  await privity.blobs.open({ ...ask, field: 'name', blobId }, sealed)
  // @ts-expect-error the purpose does not serve the field
  await privity.blobs.seal({ ...ask, field: 'allergies' }, bytes)
  // @ts-expect-error no such field
  await privity.blobs.seal({ ...ask, field: 'shoeSize' }, bytes)
  // @ts-expect-error which one is to be opened
  await privity.blobs.open({ ...ask, field: 'name' }, sealed)
  // @ts-expect-error no bytes
  await privity.blobs.seal({ ...ask, field: 'name' }, 'text')
}

async function forms() {
  const context = { record: 'contact', purpose: 'support' } as const
  const sealed = await sealFor(await privity.forms.publicKey(), { name: 'Anna' }, context)
  const support = privity.accessor({ purpose: 'support', actor })
  const { fields, operationId } = await privity.forms.open(sealed, context)
  await support.contact.create(id, fields, { operationId })
  const name: string = fields.name
  const phone: string | undefined = fields.phone
  // @ts-expect-error the purpose does not serve the field
  fields.allergies
  const changes = await privity.forms.openChanges(sealed, context)
  await support.contact.update(id, changes.fields, changes)
  // @ts-expect-error not a whole record
  await support.contact.create(id, changes.fields)
  // @ts-expect-error no such record type
  await privity.forms.open(sealed, { ...context, record: 'tickets' })
  return [name, phone]
}

test('pseudonyms, attachments and forms are typed by the policy', () => {
  void [pseudonyms, attachments, forms]
})
