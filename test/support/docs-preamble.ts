/**
 * Names that snippets of the documentation may use without declaring them: the app that all pages
 * talk about. Nothing here runs.
 */
import * as z from 'zod'
import {
  definePolicy,
  definePurposes,
  defineRecord,
  type FieldKit,
  type FormJwk,
  type KeyProvider,
  type NoticeRef,
  type Privity,
  type SubjectId,
} from 'privity'
import { memoryStore } from 'privity/memory'

export const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions and handle your orders' },
  marketing: { basis: 'consent', description: 'Send you offers by e-mail' },
  care: { basis: 'consent', description: 'Mind your allergies at our events', explicit: true },
})

export const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string().min(1), { purposes: ['support', 'marketing'] }),
  email: field(z.email(), { purposes: ['support', 'marketing'], lookup: 'email' }),
  address: field(z.string(), { purposes: ['support'] }),
  allergies: field(z.string().exactOptional(), { purposes: ['care'], special: 'health' }),
}))

export const policy = definePolicy({
  controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
  purposes,
  records: { contact },
  roles: { agent: { purposes: ['support', 'care'] }, marketer: { purposes: ['marketing'] } },
})

export declare const privity: Privity<typeof purposes, { readonly contact: typeof contact }>
export const support = privity.accessor({
  purpose: 'support',
  actor: { id: 'staff:ida', roles: ['agent'] },
})
/** As `defineRecord` hands it in, for pages that show one field. */
export declare const field: FieldKit<keyof typeof purposes & string>['field']
export declare const keys: KeyProvider
export declare const notice: NoticeRef
export declare const secret: Uint8Array
/** What a person was given. */
export declare const receipt: string
export declare const certificate: string
/** The random id of a registered person. */
export declare const subjectId: SubjectId
export const store: ReturnType<typeof memoryStore> = memoryStore()
/** What a browser sealed, and what ties it to the session. */
export declare const sealed: string
export declare const csrfToken: string
export declare const publicKey: FormJwk
