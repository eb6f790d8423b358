import { type Audit, createAudit, enterTails } from '../audit/audit.ts'
import { createAuditFace } from '../audit/query.ts'
import { randomId } from '../base/id.ts'
import { createBlobs } from '../blobs/blobs.ts'
import { createConsent } from '../consent/consent.ts'
import type { Receipts } from '../consent/receipt.ts'
import { recordKept, type SpoolingDeps, withSpool } from '../consent/spool-withdrawal.ts'
import { createCertificates } from '../erasure/certificate.ts'
import { createErasure } from '../erasure/erasure.ts'
import { startJournal } from '../erasure/replay/erasure-journal.ts'
import type { Held, HoldDeps } from '../erasure/replay/hold-against.ts'
import { createForms } from '../forms/forms.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { quarantined } from '../ledger/quarantine.ts'
import { createNotices } from '../notices/notices.ts'
import { createPermit } from '../permit/permit.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import { createPseudonyms } from '../pseudonyms/pseudonyms.ts'
import { createKeptOf } from '../retention/kept-of.ts'
import { createRetention } from '../retention/retention.ts'
import { createKeysFace } from '../rotation/keys-face.ts'
import { followProvider } from '../rotation/rotate.ts'
import type { Root } from '../startup/open-root.ts'
import type { ParsedOptions } from '../startup/options.ts'
import { registerPolicy } from '../startup/register-policy.ts'
import { rotationDeps } from '../startup/rotation-deps.ts'
import { openKeyRows } from '../startup/stores.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { createPeople } from '../subjects/people.ts'
import { createSubjects } from '../subjects/subjects.ts'
import { createSuppression, NO_SUPPRESSION } from '../subjects/suppression.ts'
import { createAccessor } from '../vault/accessor.ts'
import { openLayouts } from '../vault/layouts.ts'
import { openLookups } from '../vault/lookups.ts'
import type { Vault } from '../vault/vault.ts'
import type { Rooms } from './closed-rooms.ts'

/** What was settled before the rooms open. */
export interface RoomParts extends Omit<ParsedOptions, 'policy'> {
  readonly policy: CompiledPolicy
  readonly root: Root
  readonly keyspace: Keyspace
  readonly receipts: Receipts
  readonly spooling: SpoolingDeps
  readonly hold: HoldDeps | undefined
  readonly held: Held | undefined
}

/** Opens the vault, takes up what the last process left, and opens everything that an app works with. */
export async function openRooms(parts: RoomParts): Promise<Rooms> {
  const { policy, keys: provider, hooks, root, receipts, spooling, hold, held } = parts
  const { ledger, origin, signing } = root
  const vault = await openVault(parts)
  const { people, permit, audit, layouts } = vault
  const certificateDeps = {
    key: () => signing.jws.secret,
    controller: policy.controller,
    policy: policy.hash,
    origin,
    provider,
  }
  const certificates = createCertificates(certificateDeps)
  const rotation = rotationDeps({ provider, policy, root }, vault)
  await followProvider(rotation, await provider.currentEpoch())
  const consenting = { people, policy, receipts, typeOf: layouts.typeOf }
  const consent = createConsent(consenting)
  await recordKept(spooling, (under) => createConsent({ ...consenting, policy: under }))
  const suppression = parts.suppression === 'on' ? createSuppression(people.deps) : NO_SUPPRESSION
  const journal = await startJournal({ hold, held, suppression, certificates: certificateDeps })

  const keptOf = createKeptOf(vault)
  const erasing = { vault, hooks, certificates, journal, suppression, keptOf }
  const erasure = createErasure(erasing)

  return {
    subjects: createSubjects({ people, policy: policy.hash, suppression }),
    notices: createNotices(people, policy.hash),
    consent: withSpool(consent, spooling),
    may: (ask) => permit.may(ask),
    accessor: (ask) => createAccessor(vault, ask),
    blobs: createBlobs(vault),
    forms: createForms({ people, policy }),
    pseudonyms: createPseudonyms({ people, policy, permit, audit }),
    keys: createKeysFace(rotation),
    retention: createRetention({ ...erasing, erasure }),
    erasure,
    audit: createAuditFace({ people, audit, origin }),
    drain: async () => {
      await journal?.settle()
      await drain(ledger, audit)
    },
    flush: () => audit.flush(),
    people,
  }
}

/** Registers the policy, and opens what reads and writes people under it. */
async function openVault({ policy, clock, root, keyspace, ...parts }: RoomParts): Promise<Vault> {
  const { controller, ledger, storeId, origin } = root
  const store = quarantined(parts.store, ledger.quarantine)
  const rows = { store, keyspace, clock, controller, ledger }
  const { catalogue, keys } = await registerPolicy({ ...rows, provider: parts.keys, root, policy })
  await ledger.adopt()

  const { quarantine } = ledger
  const keyRows = openKeyRows({ ...parts, keyspace, controller, clock, quarantine })
  const people = createPeople({ ...rows, keys, storeId, keyRows })
  const auditDeps = { ...rows, origin, instance: randomId(), mode: parts.mode }
  await enterTails(auditDeps)
  await ledger.note()
  const audit = createAudit(auditDeps)
  const permit = createPermit({ people, policy, relationship: parts.relationship })
  const layouts = await openLayouts({ store, keyspace, controller, catalogue, policy })
  const lookups = await openLookups({ store, keyspace, keys, catalogue })
  return { people, policy, permit, audit, layouts, lookups }
}

/** Nothing more is written to a store that its anchor contradicts, and that keeps nobody from closing it. */
async function drain(ledger: Ledger, audit: Audit): Promise<void> {
  try {
    await audit.close()
    await ledger.close()
  } catch (error) {
    if (ledger.quarantine.contradiction === undefined) throw error
  }
}
