import type { JsonObject, JsonValue } from '../base/canonical.ts'
import {
  type ConsentPurpose,
  type ConsentRecord,
  consentsOf,
  readRecord,
} from './consent-record.ts'
import { basisTerm, CONSENT_STATUS, consentTypeTerm } from './dpv-terms.ts'
import { contextOf, parseRecordContext } from './parse-context.ts'
import { present } from './present.ts'
import { partiesOf, type Party } from './record-parties.ts'
import type { RecordContext } from './render-context.ts'

const NAMES = {
  dpv: 'https://w3id.org/dpv#',
  pd: 'https://w3id.org/dpv/pd#',
  loc: 'https://w3id.org/dpv/loc#',
  'eu-gdpr': 'https://w3id.org/dpv/legal/eu/gdpr#',
  dct: 'http://purl.org/dc/terms/',
  schema: 'https://schema.org/',
  rdf: 'http://www.w3.org/1999/02/22-rdf-syntax-ns#',
  skos: 'http://www.w3.org/2004/02/skos/core#',
} as const
const CONFORMS_TO = [
  'https://w3id.org/dpv/schema/dpv-27560#record',
  'https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr',
] as const

/**
 * Writes a record as JSON-LD in the terms of DPV 2.3, after its guide to ISO/IEC TS 27560; purposes that rest on
 * another ground than consent are left out.
 *
 * @throws {@link invalid_input} with `no_consent` for a record of other grounds only, and for a context that
 * lacks what the standard makes mandatory
 */
export function toDpv27560(record: JsonObject, context: RecordContext): JsonObject {
  const read = readRecord(record)
  const facts = parseRecordContext(context)
  const purposes = consentsOf(read)
  const { receiptId, subject } = read
  return {
    '@context': NAMES,
    '@id': urn('record', receiptId),
    '@type': 'dpv:ConsentRecord',
    // The guide uses both.
    'dct:identifier': receiptId,
    'dpv:hasIdentifier': receiptId,
    'dct:conformsTo': CONFORMS_TO,
    'dpv:hasDataSubject': { '@id': urn('subject', subject.ref), '@type': 'dpv:DataSubject' },
    'dpv:hasNotice': [toNotice(read, facts)],
    'dpv:hasProcess': purposes.map((purpose) => toProcess(read, facts, purpose)),
    'dpv:hasEntity': partiesOf(read, facts, purposes).map(toEntity),
    'dpv:hasConsentStatus': purposes.map((purpose) => toStatus(read, purpose)),
  }
}

function toNotice({ notice }: ConsentRecord, context: RecordContext): JsonObject {
  return present({
    '@id': context.noticeUrl,
    '@type': 'dpv:ConsentNotice',
    'dct:identifier': notice?.hash,
    'dct:hasVersion': notice?.version,
    'dct:language': notice?.language ?? context.language,
  }) as JsonObject
}

function toProcess(
  record: ConsentRecord,
  context: RecordContext,
  purpose: ConsentPurpose,
): JsonObject {
  const used = contextOf(context, purpose)
  const controller = urn('party', record.controller.id)
  return present({
    '@id': processOf(record, purpose),
    '@type': 'dpv:Process',
    'dpv:hasPurpose': present({
      '@type': 'dpv:Purpose',
      'skos:broader': used.purposeTypes ?? (purpose.dpv === undefined ? undefined : [purpose.dpv]),
      'dct:description': purpose.description,
    }),
    'dpv:hasPersonalData': used.personalData.map(({ type, optional = false }) => ({
      '@type': 'dpv:PersonalData',
      'skos:broader': type,
      'dpv:hasNecessity': optional ? 'dpv:Optional' : 'dpv:Required',
    })),
    'dpv:hasProcessing': used.processing,
    'dpv:hasStorageCondition': [
      { '@type': 'dpv:StorageLocation', 'dpv:hasLocation': used.storageLocations },
      { '@type': 'dpv:StorageDuration', 'dpv:hasDuration': lasting(used.retention) },
    ],
    'dpv:hasDataController': controller,
    'dpv:hasLegalBasis': [basisTerm(purpose)],
    'dpv:hasRecipient': [controller, ...used.recipients.map(({ id }) => urn('party', id))],
    'dpv:hasConsentControl': [
      present({ '@type': 'dpv:WithdrawConsent', ...withdrawalOf(context) }),
    ],
    'dpv:hasJurisdiction': context.jurisdictions.map((code) => `loc:${code}`),
    'dpv:hasRight': rightsOf(context),
  }) as JsonObject
}

function withdrawalOf({ withdrawal: { method, url } }: RecordContext): object {
  return { 'dct:description': method, 'dpv:isExercisedAt': url }
}

function rightsOf({ rights, rightsUrl }: RecordContext): readonly JsonObject[] | undefined {
  return rights?.map(
    (right) =>
      present({
        '@type': ['dpv:DataSubjectRight', right],
        'dpv:isExercisedAt': rightsUrl,
      }) as JsonObject,
  )
}

function toEntity({ id, role, name, address, contact }: Party): JsonObject {
  return {
    '@id': urn('party', id),
    '@type': role,
    'dpv:hasIdentifier': id,
    'schema:legalName': name,
    'schema:address': { ...address },
    'schema:contactPoint': contact,
  }
}

function toStatus(record: ConsentRecord, purpose: ConsentPurpose): JsonObject {
  return present({
    '@type': [CONSENT_STATUS[purpose.state], consentTypeTerm(purpose)],
    'dpv:isApplicableFor': processOf(record, purpose),
    'dpv:isIndicatedAtTime': record.occurredAt,
    'dpv:isIndicatedBy': 'dpv:DataSubject',
    'dpv:hasDuration': validityOf(purpose),
    'dpv:hasIndicationMethod': record.method?.channel,
  }) as JsonObject
}

function validityOf({ validUntil }: ConsentPurpose): JsonValue {
  if (validUntil !== undefined) return { '@type': 'dpv:UntilTimeDuration', 'rdf:value': validUntil }
  return { '@type': 'dpv:UntilEventDuration', 'rdf:value': 'next decision of the person' }
}

function lasting(duration: string): JsonObject {
  return { '@type': 'dpv:TemporalDuration', 'rdf:value': duration }
}

/** What one purpose of a record is about; decisions on several purposes may differ. */
function processOf({ receiptId }: ConsentRecord, { purpose }: ConsentPurpose): string {
  return `${urn('record', receiptId)}#${encodeURIComponent(purpose)}`
}

function urn(kind: 'record' | 'subject' | 'party', id: string): string {
  return `urn:privity:${kind}:${encodeURIComponent(id)}`
}
