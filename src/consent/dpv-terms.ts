import type { ConsentState } from '../subjects/head.ts'
import type { RecordPurpose } from './consent-record.ts'
import type { RecipientContext } from './render-context.ts'

// Terms of the Data Privacy Vocabulary 2.3 (W3C) for what records say in our words.

/** The state of a consent. */
export const CONSENT_STATUS: { readonly [S in ConsentState]: string } = {
  unknown: 'dpv:ConsentUnknown',
  requested: 'dpv:ConsentRequested',
  deferred: 'dpv:ConsentRequestDeferred',
  refused: 'dpv:ConsentRefused',
  given: 'dpv:ConsentGiven',
  renewed: 'dpv:RenewedConsentGiven',
  expired: 'dpv:ConsentExpired',
  withdrawn: 'dpv:ConsentWithdrawn',
  revoked: 'dpv:ConsentRevoked',
  invalidated: 'dpv:ConsentInvalidated',
}

/** The role of a recipient. */
export const ROLE: { readonly [R in RecipientContext['role']]: string } = {
  processor: 'dpv:DataProcessor',
  sub_processor: 'dpv:DataSubProcessor',
  joint_controllers: 'dpv:JointDataControllers',
  third_party: 'dpv:ThirdParty',
  authority: 'dpv:Authority',
}

/** The ground of a consent in Article 6(1)(a) GDPR. */
export function basisTerm({ explicit }: RecordPurpose): string {
  return explicit === true
    ? 'eu-gdpr:A6-1-a-explicit-consent'
    : 'eu-gdpr:A6-1-a-non-explicit-consent'
}

/** Consent here is always an act of the person, and never implied. */
export function consentTypeTerm({ explicit }: RecordPurpose): string {
  return explicit === true ? 'dpv:ExplicitlyExpressedConsent' : 'dpv:ExpressedConsent'
}
