export { fileAnchor } from './anchors/file-anchor.ts'
export { httpAnchor } from './anchors/http-anchor.ts'
export type { HttpAnchorOptions } from './anchors/http-options.ts'
export { memoryAnchor } from './anchors/memory-anchor.ts'
export { type StoreAnchorOptions, storeAnchor } from './anchors/store-anchor.ts'
export type { AccessFilter, AccessQueryOptions } from './audit/filter.ts'
export type { AccessRecord, AuditFace } from './audit/query.ts'
export type { JsonObject, JsonValue } from './base/canonical.ts'
export {
  type AnyPrivityError,
  type DenialReason,
  ERROR_TABLE,
  type ErrorCode,
  type ErrorDetails,
  type ErrorTraits,
  type InputIssue,
  type InputPath,
  isPrivityError,
  PrivityError,
  type StoreFailure,
} from './base/errors.ts'
export type { Fetch } from './base/http.ts'
export type { SubjectId } from './base/id.ts'
export type { Duration, Instant } from './base/time.ts'
export type { BlobAsk, OpenBlobAsk, SealBlobAsk } from './blobs/blob-ask.ts'
export type { Blobs } from './blobs/blobs.ts'
export type { ByteSource } from './blobs/byte-source.ts'
export type { SealedBlob } from './blobs/seal-blob.ts'
export type { Consent, Given, Withdrawal, WithdrawalOutcome } from './consent/consent.ts'
export type { DataAfter, GoingFields, StayingField } from './consent/data-after.ts'
export type { ConsentMethod, DecisionInput, WithdrawInput } from './consent/consent-input.ts'
export type { HistoryEntry } from './consent/history.ts'
export type { ConsentStatus, Standing } from './consent/read-status.ts'
export type { EraseAsk, Erasure } from './erasure/erasure.ts'
export type { RequestAsk, RequestedErasure } from './erasure/grace.ts'
export type { CertificatesOptions, StoredCertificate } from './erasure/stored-certificates.ts'
export type {
  ErasureHook,
  HookContext,
  HookItem,
  HookOutcome,
  HookPart,
  HookRecord,
  HookScope,
} from './erasure/hook.ts'
export type { PendingErasure, PendingHook } from './erasure/pending.ts'
export type { RetryAsk } from './erasure/retry.ts'
export type { WorkCounts, WorkOptions } from './erasure/work.ts'
export type { ErasurePlan, PlanItem } from './erasure/plan.ts'
export type { ErasureScope, ScopedRecord } from './erasure/scope.ts'
export type { RunOptions } from './erasure/erasure-deps.ts'
export {
  type EnvelopeCall,
  envelopeKeys,
  type EnvelopeOptions,
} from './keys/envelope-keys.ts'
export { fileKeys, type FileKeysOptions } from './keys/file-keys.ts'
export type { FormJwk } from './crypto/form-key.ts'
export type { FormContext } from './forms/form-payload.ts'
export type {
  FormExpectation,
  Forms,
  OpenedForm,
  RotateFormKeyOptions,
} from './forms/forms.ts'
export { localKeys } from './keys/local-keys.ts'
export type { Destruction, KeyContext, KeyProvider } from './keys/provider.ts'
export { webCryptoKeys, type WebCryptoKeysOptions } from './keys/web-crypto-keys.ts'
export type { Contradiction, ContradictionKind } from './ledger/quarantine.ts'
export type {
  Fault,
  FaultKind,
  Verification,
  VerifyOptions,
  WatchOptions,
} from './ledger/verify-log.ts'
export type { NoticeRef } from './notices/notice-ref.ts'
export type { Notices, PublishInput } from './notices/notices.ts'
export type { ServeInput } from './notices/servings.ts'
export type { AccessAsk, Actor, MayAsk } from './permit/ask.ts'
export type { Decision } from './permit/decide.ts'
export type { Relationship } from './permit/permit.ts'
export type {
  Accessor,
  Found,
  ListOptions,
  ManyAccessor,
  ReadOptions,
  SingleAccessor,
  UpdateOptions,
  WriteOptions,
} from './policy/accessor-types.ts'
export type { Collection } from './policy/collections.ts'
export { definePolicy } from './policy/define-policy.ts'
export { defineRecord } from './policy/define-record.ts'
export type {
  CollectionFinding,
  ExplainOptions,
  FindingLevel,
  LookupFinding,
  OwnershipFinding,
  PolicyFinding,
  RetentionFinding,
} from './policy/findings.ts'
export type {
  AnyField,
  Field,
  FieldKit,
  FieldOptions,
  SpecialCategory,
} from './policy/field.ts'
export type { LegalBasis } from './policy/legal-basis.ts'
export type { CompoundOptions, LookupExpectations, LookupOptions } from './policy/lookup-options.ts'
export type { LookupNormaliser, Normaliser } from './policy/normaliser.ts'
export type { Controller, Policy, PolicyInput, Records, Role } from './policy/policy-type.ts'
export { definePurposes, type Purpose, type Purposes } from './policy/purposes.ts'
export type { LookupKind } from './policy/record-lookups.ts'
export type { RecordOptions, RecordType } from './policy/record-type.ts'
export type { Ownership, Reference, Sharing, Waiver } from './policy/ownership.ts'
export type { Retention, RetentionFloor } from './policy/retention.ts'
export { statutory, type StatutoryDuty } from './policy/statutory.ts'
export type { AllowedKeys, Input, Picked, PurposesOf, View, Where } from './policy/view-types.ts'
export type { Pseudonym } from './pseudonyms/pseudonym.ts'
export type { PseudonymAsk, Pseudonyms } from './pseudonyms/pseudonyms.ts'
export type { PseudonymScope } from './pseudonyms/scope-keys.ts'
export { exportStore } from './moving/export-store.ts'
export type { ExportTotals } from './moving/format.ts'
export { importStore } from './moving/import-store.ts'
export type { MoveOptions } from './moving/move-options.ts'
export { createPrivity, type Privity, type PrivityOptions } from './privity.ts'
export type { DueField, DueOptions, DueRecord, KeptField } from './retention/due-records.ts'
export type { Hold, HoldAsk, HoldReview } from './retention/hold.ts'
export type { RetentionFace, RetentionWriteOptions } from './retention/retention.ts'
export type { DueReview, ReviewOptions } from './retention/reviews.ts'
export type { SweepOptions, SweepReport } from './retention/sweep.ts'
export type { EventAsk } from './retention/tell-event.ts'
export type { EpochState } from './rotation/epoch-register.ts'
export type { Epoch, KeyJobOptions, KeysFace } from './rotation/keys-face.ts'
export type { LeftRecords, ResealReport } from './rotation/reseal.ts'
export type { LeftKeys, RewrapReport } from './rotation/rewrap.ts'
export type { DroppedLookupKeys } from './rotation/rotate-lookups.ts'
export type { KeyUsage } from './rotation/usage.ts'
export type { ExportOptions } from './evidence/export-options.ts'
export { type Finding, fsck, type FsckReport } from './evidence/fsck.ts'
export type { Meaning } from './evidence/fault-meanings.ts'
export type { LedgerFace } from './evidence/ledger-face.ts'
export type { LogFace } from './evidence/log-face.ts'
export type { Consistency, Inclusion } from './evidence/proofs.ts'
export type { PublicKeys } from './evidence/public-keys.ts'
export type { ClockOption } from './startup/options.ts'
export type { Anchor, ProveConsistency } from './storage/anchor.ts'
export { assertBatch, assertKeys, assertScan } from './storage/batch-rules.ts'
export type {
  Batch,
  DurabilityLevel,
  Key,
  Row,
  ScanOptions,
  ScrubReport,
  Store,
  StoreInfo,
  StoreLimits,
} from './storage/store.ts'
export type { ConsentState } from './subjects/head.ts'
export type { GroupInput, GroupOptions } from './subjects/groups.ts'
export type { ReauthoriseInput, RegisterInput, Subjects } from './subjects/subjects.ts'
export { revisionOf } from './vault/view.ts'
