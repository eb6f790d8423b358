export type { LogTrust, LogVerdict } from './consent/log-place.ts'
export { type BundleVerdict, verifyReceiptBundle } from './consent/verify-bundle.ts'
export { type ReceiptTrust, type ReceiptVerdict, verifyReceipt } from './consent/verify-receipt.ts'
export type { TreeHead } from './crypto/checkpoint.ts'
export type { DocumentTrust, Jwks } from './crypto/verify-jws.ts'
export type { ConsistencyInput, InclusionInput } from './crypto/merkle.ts'
export {
  type CheckpointReason,
  type CheckpointTrust,
  type CheckpointVerdict,
  parseCheckpoint,
  verifyCheckpoint,
} from './crypto/verify-checkpoint.ts'
export { leafHash, verifyConsistency, verifyInclusion } from './crypto/verify-proof.ts'
export {
  type Certificate,
  type CertificateExclusion,
  type CertificateFacts,
  type CertificateScope,
  type CertificateTrust,
  type CertificateVerdict,
  verifyCertificate,
} from './erasure/verify-certificate.ts'
export type { DisclosedAccess } from './evidence/verify-accesses.ts'
export type { DisclosedEntry } from './evidence/verify-bodies.ts'
export type { EvidenceSource } from './evidence/verify-bytes.ts'
export {
  type Evidence,
  type EvidenceLog,
  type EvidenceSubject,
  type EvidenceTrust,
  type EvidenceVerdict,
  verifyEvidence,
} from './evidence/verify-evidence.ts'
export type { EvidenceReason, Refusal } from './evidence/verify-refusal.ts'
