export type {
  ControllerContext,
  KantaraContext,
  KantaraPurpose,
  PersonalDataContext,
  PartyContext,
  PostalAddress,
  PurposeContext,
  RecipientContext,
  RecordContext,
  WithdrawalContext,
} from './consent/render-context.ts'
export { toDpv27560 } from './consent/render-dpv27560.ts'
export {
  type Iso27560Event,
  type Iso27560Party,
  type Iso27560Pii,
  type Iso27560Processing,
  type Iso27560Record,
  toIso27560,
} from './consent/render-iso27560.ts'
export {
  type KantaraController,
  type KantaraPurposeEntry,
  type KantaraReceipt,
  toKantara,
} from './consent/render-kantara.ts'
