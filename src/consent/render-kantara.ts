import type { JsonObject } from '../base/canonical.ts'
import { invalidInput } from '../base/errors.ts'
import { fromInstant } from '../base/time.ts'
import { type ConsentRecord, methodOf, readRecord, type RecordPurpose } from './consent-record.ts'
import { contextOf, parseKantaraContext } from './parse-context.ts'
import type { KantaraContext, PostalAddress } from './render-context.ts'

/** A receipt in the form of Kantara's Consent Receipt 1.1. */
export interface KantaraReceipt {
  readonly version: 'KI-CR-v1.1.0'
  readonly jurisdiction: string
  /** Whole seconds since the epoch. */
  readonly consentTimestamp: number
  readonly collectionMethod: string
  readonly consentReceiptID: string
  readonly language?: string
  readonly piiPrincipalId: string
  readonly piiControllers: readonly KantaraController[]
  readonly policyUrl: string
  readonly services: readonly {
    readonly service: string
    readonly purposes: readonly KantaraPurposeEntry[]
  }[]
  readonly sensitive: boolean
  readonly spiCat: readonly string[]
}

/** Who decides why the data is used. */
export interface KantaraController {
  readonly piiController: string
  readonly onBehalf: boolean
  readonly contact: string
  readonly address: PostalAddress
  readonly email: string
  readonly phone: string
  readonly piiControllerUrl?: string
}

/** One granted purpose. */
export interface KantaraPurposeEntry {
  readonly purpose: string
  readonly consentType: string
  readonly purposeCategory: readonly string[]
  readonly piiCategory: readonly string[]
  readonly primaryPurpose: boolean
  readonly termination: string
  readonly thirdPartyDisclosure: boolean
  /** All third parties in one text. */
  readonly thirdPartyName?: string
}

/**
 * Writes what a record granted as a Kantara Consent Receipt 1.1. That format knows no state: purposes that were
 * refused or withdrawn are left out.
 *
 * @throws {@link invalid_input} with `nothing_granted` for a record without a granted purpose, and for a
 * context that lacks what the format makes mandatory
 * @example
 * ```ts
 * import { toKantara } from 'privity/reports'
 * import { verifyReceipt } from 'privity/verify'
 *
 * const { record } = await verifyReceipt(receipt, privity.ledger.publicKeys)
 * if (record === undefined) throw new TypeError('not their receipt')
 * const marketing = { personalData: [{ type: 'pd:EmailAddress' }], recipients: [] }
 * const { consentTimestamp } = toKantara(record, {
 *   controller: {
 *     address: { addressCountry: 'NL' },
 *     email: 'privacy@acme.example',
 *     phone: '+31 20 000',
 *   },
 *   noticeUrl: 'https://acme.example/privacy',
 *   jurisdictions: ['NL'],
 *   withdrawal: { method: 'account page' },
 *   service: 'Acme',
 *   purposes: { marketing },
 * })
 * console.log(new Date(consentTimestamp * 1_000))
 * ```
 */
export function toKantara(record: JsonObject, context: KantaraContext): KantaraReceipt {
  const read = readRecord(record)
  const facts = parseKantaraContext(context)
  const granted = read.purposes.filter(({ state }) => state === 'given' || state === 'renewed')
  if (granted.length === 0) throw invalidInput(['record', 'purposes'], 'nothing_granted')
  const language = read.notice?.language ?? facts.language
  const collectionMethod = facts.collectionMethod ?? methodOf(read) ?? 'not recorded'
  const sensitive = granted.flatMap((purpose) => sensitiveOf(facts, purpose))
  const purposes = granted.map((purpose) => toPurpose(facts, purpose, collectionMethod))
  return {
    version: 'KI-CR-v1.1.0',
    jurisdiction: facts.jurisdictions.join(', '),
    consentTimestamp: Math.floor((fromInstant(read.occurredAt) ?? 0) / 1_000),
    collectionMethod,
    consentReceiptID: read.receiptId,
    ...(language === undefined ? {} : { language }),
    piiPrincipalId: read.subject.ref,
    piiControllers: [toController(read, facts)],
    policyUrl: facts.noticeUrl,
    services: [{ service: facts.service, purposes }],
    sensitive: sensitive.length > 0,
    spiCat: [...new Set(sensitive)],
  }
}

function toController(
  { controller: { name, contact } }: ConsentRecord,
  { controller: { address, email, phone, url, onBehalf = false } }: KantaraContext,
): KantaraController {
  return {
    piiController: name,
    onBehalf,
    contact,
    address,
    email,
    phone,
    ...(url === undefined ? {} : { piiControllerUrl: url }),
  }
}

function toPurpose(
  context: KantaraContext,
  purpose: RecordPurpose,
  collectionMethod: string,
): KantaraPurposeEntry {
  const { personalData, recipients, purposeTypes, primary = false } = contextOf(context, purpose)
  // Processors act for the controller: data that they handle is disclosed to nobody.
  const thirdParties = recipients.filter(({ role }) => !PROCESSORS.has(role))
  return {
    purpose: purpose.description,
    // The format asks for the method wherever the consent was not explicit.
    consentType: purpose.explicit === true ? 'EXPLICIT' : `EXPRESSED (${collectionMethod})`,
    purposeCategory: purposeTypes ?? [purpose.dpv ?? purpose.purpose],
    piiCategory: personalData.map(({ type }) => type),
    primaryPurpose: primary,
    termination: terminationOf(context, purpose),
    thirdPartyDisclosure: thirdParties.length > 0,
    ...(thirdParties.length === 0
      ? {}
      : { thirdPartyName: thirdParties.map(({ name }) => name).join(', ') }),
  }
}

const PROCESSORS: ReadonlySet<string> = new Set(['processor', 'sub_processor'])

function terminationOf(
  { withdrawal: { method, url } }: KantaraContext,
  { validUntil }: RecordPurpose,
): string {
  const withdrawn = `when withdrawn: ${method}${url === undefined ? '' : ` (${url})`}`
  return validUntil === undefined ? withdrawn : `${validUntil}, or ${withdrawn}`
}

function sensitiveOf(context: KantaraContext, purpose: RecordPurpose): readonly string[] {
  return contextOf(context, purpose)
    .personalData.filter(({ sensitive, special }) => sensitive === true || special === true)
    .map(({ type }) => type)
}
