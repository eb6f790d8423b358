import * as z from 'zod/mini'
import { invalidInput } from '../base/errors.ts'
import { parseInput } from '../base/parse.ts'
import type { RecordPurpose } from './consent-record.ts'
import type { KantaraContext, RecordContext } from './render-context.ts'

const text = z.string().check(z.minLength(1), z.maxLength(2_000))
const texts = z.array(text)
const some = z.array(text).check(z.minLength(1))
const maybe = z.optional(text)
const flag = z.optional(z.boolean())

const address = z
  .strictObject({
    streetAddress: maybe,
    postalCode: maybe,
    addressLocality: maybe,
    addressRegion: maybe,
    addressCountry: maybe,
  })
  .check(z.refine((parts) => Object.values(parts).some((part) => part !== undefined)))
const party = {
  id: text,
  name: text,
  address,
  contact: text,
  email: maybe,
  phone: maybe,
  url: maybe,
}
const recipient = z.strictObject({
  ...party,
  role: z.enum(['processor', 'sub_processor', 'joint_controllers', 'third_party', 'authority']),
})
const personalData = z.strictObject({
  type: text,
  attribute: maybe,
  optional: flag,
  sensitive: flag,
  special: flag,
})
const kantaraPurpose = {
  personalData: z.array(personalData).check(z.minLength(1)),
  storageLocations: z.optional(some),
  retention: maybe,
  recipients: z.array(recipient),
  purposeTypes: z.optional(some),
  processing: z.optional(texts),
  processingLocations: z.optional(texts),
  geographicRestrictions: z.optional(texts),
  primary: flag,
}
const recordPurpose = { ...kantaraPurpose, storageLocations: some, retention: text }
const controller = { address, email: maybe, phone: maybe, url: maybe, onBehalf: flag }
const shared = {
  noticeUrl: text,
  jurisdictions: some,
  withdrawal: z.strictObject({ method: text, url: maybe }),
  collectionMethod: maybe,
  rights: z.optional(texts),
  rightsUrl: maybe,
  codesOfConduct: z.optional(texts),
  impactAssessment: maybe,
  authority: z.optional(z.strictObject(party)),
}

// Both name every option of either, so that one object serves all renderings.
const recordContext = z.strictObject({
  ...shared,
  controller: z.strictObject(controller),
  language: text,
  service: maybe,
  purposes: z.record(z.string(), z.strictObject(recordPurpose)),
})
const kantaraContext = z.strictObject({
  ...shared,
  controller: z.strictObject({ ...controller, email: text, phone: text }),
  language: maybe,
  service: text,
  purposes: z.record(z.string(), z.strictObject(kantaraPurpose)),
})

/** @throws {@link invalid_input} */
export function parseRecordContext(context: unknown): RecordContext {
  return parseInput(z.object({ context: recordContext }), { context }).context as RecordContext
}

/** @throws {@link invalid_input} */
export function parseKantaraContext(context: unknown): KantaraContext {
  return parseInput(z.object({ context: kantaraContext }), { context }).context as KantaraContext
}

/**
 * What the app says of a purpose of the record.
 *
 * @throws {@link invalid_input} with `required` when it says nothing
 */
export function contextOf<C>(
  { purposes }: { readonly purposes: { readonly [purpose: string]: C } },
  { purpose }: RecordPurpose,
): C {
  const found = Object.hasOwn(purposes, purpose) ? purposes[purpose] : undefined
  if (found === undefined) throw invalidInput(['context', 'purposes', purpose], 'required')
  return found
}
