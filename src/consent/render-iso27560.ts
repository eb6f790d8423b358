import type { JsonObject } from '../base/canonical.ts'
import type { Instant } from '../base/time.ts'
import {
  type ConsentPurpose,
  type ConsentRecord,
  consentsOf,
  methodOf,
  readRecord,
} from './consent-record.ts'
import { basisTerm, CONSENT_STATUS, consentTypeTerm } from './dpv-terms.ts'
import { contextOf, parseRecordContext } from './parse-context.ts'
import { present } from './present.ts'
import { partiesOf, type Party } from './record-parties.ts'
import type { PostalAddress, RecordContext } from './render-context.ts'

/** A record and receipt under the field names of ISO/IEC TS 27560, by section. */
export interface Iso27560Record {
  readonly receipt: { readonly schema_version: string; readonly receipt_id: string }
  readonly header: {
    readonly schema_version: string
    readonly record_id: string
    readonly pii_principal_id: string
  }
  /** One for each purpose that rests on consent, as `event`. */
  readonly processing: readonly Iso27560Processing[]
  readonly party: readonly Iso27560Party[]
  readonly event: readonly Iso27560Event[]
}

/** Why and how data is used. */
export interface Iso27560Processing {
  readonly privacy_notice: {
    readonly uri: string
    readonly id?: string
    readonly version?: string
    readonly hash?: string
  }
  readonly language: string
  readonly purpose: string
  readonly purpose_type?: readonly string[]
  readonly lawful_basis: string
  readonly pii_information: readonly Iso27560Pii[]
  readonly pii_controllers: readonly string[]
  readonly collection_method?: string
  readonly processing_method?: readonly string[]
  readonly storage_locations: readonly string[]
  readonly retention_period: string
  readonly processing_locations?: readonly string[]
  readonly geographic_restrictions?: readonly string[]
  readonly service?: string
  readonly jurisdiction: readonly string[]
  readonly recipient_third_parties: readonly string[]
  readonly withdrawal_method: { readonly method: string; readonly url?: string }
  readonly privacy_rights?: { readonly rights: readonly string[]; readonly url?: string }
  readonly codes_of_conduct?: readonly string[]
  readonly impact_assessment?: string
  readonly authority_party?: string
}

/** A kind of personal data. */
export interface Iso27560Pii {
  readonly pii_type: string
  readonly pii_attribute_id?: string
  readonly pii_optional?: boolean
  readonly sensitive_pii_category?: boolean
  readonly special_pii_category?: boolean
}

/** Somebody who has a part in it. */
export interface Iso27560Party {
  readonly party_id: string
  readonly party_name: string
  readonly party_role: string
  readonly party_type: string
  readonly party_address: PostalAddress
  readonly party_contact: string
  readonly party_email?: string
  readonly party_url?: string
  readonly party_phone?: string
}

/** What a person decided on one purpose. */
export interface Iso27560Event {
  readonly purpose: string
  readonly event_time: Instant
  readonly validity_duration: string
  readonly entity_id: string
  readonly event_type: string
  readonly event_state: string
}

const SCHEMA = 'ISO/IEC TS 27560:2023'

/**
 * Writes a record under the field names of ISO/IEC TS 27560; purposes that rest on another ground than consent
 * are left out.
 *
 * @throws {@link invalid_input} with `no_consent` for a record of other grounds only, and for a context that
 * lacks what the standard makes mandatory
 */
export function toIso27560(record: JsonObject, context: RecordContext): Iso27560Record {
  const read = readRecord(record)
  const facts = parseRecordContext(context)
  const purposes = consentsOf(read)
  const { receiptId, subject } = read
  return {
    receipt: { schema_version: SCHEMA, receipt_id: receiptId },
    header: { schema_version: SCHEMA, record_id: receiptId, pii_principal_id: subject.ref },
    processing: purposes.map((purpose) => toProcessing(read, facts, purpose)),
    party: partiesOf(read, facts, purposes).map(toParty),
    event: purposes.map((purpose) => toEvent(read, purpose)),
  }
}

function toProcessing(
  record: ConsentRecord,
  context: RecordContext,
  purpose: ConsentPurpose,
): Iso27560Processing {
  const { id, version, hash, language = context.language } = record.notice ?? {}
  const { rights, rightsUrl: url } = context
  const used = contextOf(context, purpose)
  return present({
    privacy_notice: present({ uri: context.noticeUrl, id, version, hash }),
    language,
    purpose: purpose.description,
    purpose_type: used.purposeTypes ?? (purpose.dpv === undefined ? undefined : [purpose.dpv]),
    lawful_basis: basisTerm(purpose),
    pii_information: used.personalData.map(toPii),
    pii_controllers: [record.controller.id],
    collection_method: context.collectionMethod ?? methodOf(record),
    processing_method: used.processing,
    storage_locations: used.storageLocations,
    retention_period: used.retention,
    processing_locations: used.processingLocations,
    geographic_restrictions: used.geographicRestrictions,
    service: context.service,
    jurisdiction: context.jurisdictions,
    recipient_third_parties: used.recipients.map((recipient) => recipient.id),
    withdrawal_method: context.withdrawal,
    privacy_rights: rights === undefined ? undefined : present({ rights, url }),
    codes_of_conduct: context.codesOfConduct,
    impact_assessment: context.impactAssessment,
    authority_party: context.authority?.id,
  })
}

type PersonalData = RecordContext['purposes'][string]['personalData'][number]

function toPii({ type, attribute, optional, sensitive, special }: PersonalData): Iso27560Pii {
  return present({
    pii_type: type,
    pii_attribute_id: attribute,
    pii_optional: optional,
    sensitive_pii_category: sensitive,
    special_pii_category: special,
  })
}

function toParty(party: Party): Iso27560Party {
  return present({
    party_id: party.id,
    party_name: party.name,
    party_role: party.role,
    party_type: party.type,
    party_address: party.address,
    party_contact: party.contact,
    party_email: party.email,
    party_url: party.url,
    party_phone: party.phone,
  })
}

function toEvent({ occurredAt, subject }: ConsentRecord, purpose: ConsentPurpose): Iso27560Event {
  return {
    purpose: purpose.description,
    event_time: occurredAt,
    validity_duration: purpose.validUntil ?? 'until the next decision of the person',
    entity_id: subject.ref,
    event_type: consentTypeTerm(purpose),
    event_state: CONSENT_STATUS[purpose.state],
  }
}
