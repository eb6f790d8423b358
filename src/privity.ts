import { toHex, utf8 } from './base/bytes.ts'
import type { AuditFace } from './audit/query.ts'
import type { Blobs } from './blobs/blobs.ts'
import type { Consent } from './consent/consent.ts'
import { createReceipts } from './consent/receipt.ts'
import { createSpool } from './consent/spool.ts'
import { spoolWithdrawals } from './consent/spool-withdrawal.ts'
import { sha256 } from './crypto/hash.ts'
import type { Erasure } from './erasure/erasure.ts'
import type { ErasureHook } from './erasure/hook.ts'
import { holdAgainst } from './erasure/replay/hold-against.ts'
import { createLedgerFace, type LedgerFace } from './evidence/ledger-face.ts'
import type { Forms } from './forms/forms.ts'
import type { KeyProvider } from './keys/provider.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { Notices } from './notices/notices.ts'
import type { MayAsk, AccessAsk } from './permit/ask.ts'
import type { Decision } from './permit/decide.ts'
import type { Relationship } from './permit/permit.ts'
import type { Accessor } from './policy/accessor-types.ts'
import { compilePolicy } from './policy/compile.ts'
import type { CompiledPolicy } from './policy/compiled.ts'
import type { GivenPolicy, Policy } from './policy/policy-type.ts'
import type { Purposes } from './policy/purposes.ts'
import type { Pseudonyms } from './pseudonyms/pseudonyms.ts'
import type { RetentionFace } from './retention/retention.ts'
import { closedRooms, type Rooms } from './rooms/closed-rooms.ts'
import { openRooms } from './rooms/open-rooms.ts'
import { roomsFor } from './rooms/replay-rooms.ts'
import type { KeysFace } from './rotation/keys-face.ts'
import { once } from './startup/once.ts'
import { openHold } from './startup/open-journal.ts'
import { openRoot } from './startup/open-root.ts'
import { type ClockOption, type ParsedOptions, parseOptions } from './startup/options.ts'
import { closeStores, openStores } from './startup/stores.ts'
import type { Anchor } from './storage/anchor.ts'
import { createKeyspace } from './storage/keyspace.ts'
import type { DurabilityLevel, Store } from './storage/store.ts'
import type { Subjects } from './subjects/subjects.ts'

/** What an app chooses. */
export interface PrivityOptions<P extends Purposes, R> {
  /** What `definePolicy` gave: a look-alike is refused. */
  readonly policy: GivenPolicy<P, R>
  /** Where everything is kept, sealed; opened by `createPrivity`, and closed by `close`. */
  readonly store: Store
  /**
   * A store of its own for the keys of people, to be backed up apart from the store and kept for less long: an old
   * backup of the store then opens nothing of who was erased since. Fixed when the store is made. Default: the keys
   * are in the store.
   */
  readonly keyStore?: Store
  /**
   * A store in another trust domain that remembers erasures: a backup of the store that brings erased people back
   * opens only for `erasure.replay`. Once used, the store never opens without it. Default: none.
   */
  readonly journal?: Store
  /**
   * `on` (the default) remembers blinded which `externalId`s were erased, so that no import brings them back
   * unnoticed; `off` remembers nothing.
   */
  readonly suppression?: 'on' | 'off'
  /** Keeps the secret that opens the store; the same one each time it is opened. */
  readonly keys: KeyProvider
  /** Reach into the other systems that hold data of the people. Default: none. */
  readonly hooks?: readonly ErasureHook[]
  /**
   * `strict` (the default): an access is durably logged before its data is returned. `deferred`: within a
   * second or 256 accesses.
   */
  readonly audit?: 'strict' | 'deferred'
  /**
   * Remembers the newest checkpoint where whoever can change the store cannot: an older copy of the store, put
   * back, is noticed. Default: none, and receipts say so.
   */
  readonly anchor?: Anchor
  /**
   * How many logs share the people with each other, 1 to 64, when many processes write at once. Fixed when the
   * store is made. Default: as it was made, or one. An anchor protects what is in the further logs once the main
   * log has their checkpoints: within a minute, at `close`, and when the store is opened again.
   * Until then their receipts claim nothing.
   */
  readonly shards?: number
  /** Isolates several controllers in one store. Default: the policy's controller id. */
  readonly tenant?: string
  /** Milliseconds since the epoch; `wait` serves every delay. Default: the system's. */
  readonly clock?: ClockOption
  /** May this actor see this person at all? Silence for ten seconds is a no. Default: yes, if a role has the purpose. */
  readonly relationship?: Relationship
}

/** Personal data behind purposes, consents, keys and a ledger. */
export interface Privity<P extends Purposes, R> {
  /** As it was given. */
  readonly policy: Policy<P, R>
  /** Who is known here: people by random ids, and groups of them. */
  readonly subjects: Subjects
  /** The words that people are shown, and that they were. */
  readonly notices: Notices
  /** What people decided, with a receipt for each decision. */
  readonly consent: Consent<keyof P & string>
  /**
   * May this actor use this person's data for this purpose, now? The answer is an object: look at `allowed`.
   *
   * @throws {@link not_found} when the person was never registered
   * @example
   * ```ts
   * const actor = { id: 'staff:bo', roles: ['marketer'] }
   * const { allowed, reasons } = await privity.may({ subjectId, purpose: 'marketing', actor })
   * if (!allowed) console.log(reasons) // ['not_asked']
   * ```
   */
  may(ask: MayAsk<keyof P & string>): Promise<Decision>
  /**
   * The record types as one actor sees them for one purpose. Every call is decided anew.
   *
   * @throws {@link not_declared} when the policy has no such purpose
   */
  accessor<const Q extends keyof P & string>(ask: AccessAsk<Q>): Accessor<R, Q>
  /** Attachments of records. */
  readonly blobs: Blobs<R, keyof P & string>
  /** What was sealed in a browser. */
  readonly forms: Forms<R, keyof P & string>
  /** Names for people that only this controller can trace back. */
  readonly pseudonyms: Pseudonyms<keyof P & string>
  /** Erasing people, and parts of what there is about them. */
  readonly erasure: Erasure
  /** When what has to go, and what has to stay. */
  readonly retention: RetentionFace<R>
  /** Epochs of the key provider, and what is sealed under keys of which. */
  readonly keys: KeysFace
  /** Who looked at what. */
  readonly audit: AuditFace
  /** Proof of what was decided and done, and what checks it. */
  readonly ledger: LedgerFace
  /** Makes everything durable, frees what is held, and closes the store. */
  close(): Promise<void>
}

/**
 * Opens a store for a policy, and makes it if it is new.
 *
 * @throws {@link invalid_input} for wrong options
 * @throws {@link key_unreadable} when the store was made under another secret
 * @throws {@link ledger_inconsistent} when the log is not what was signed, or the anchor remembers one that is gone
 * @throws {@link journal_diverged} when the journal is not all of what the store was used with
 * @example
 * ```ts
 * import * as z from 'zod'
 * import { createPrivity, definePolicy, definePurposes, defineRecord, localKeys } from 'privity'
 * import { memoryStore } from 'privity/memory'
 *
 * const purposes = definePurposes({ support: { basis: 'contract', description: 'Answer your questions' } })
 * const contact = defineRecord(purposes, ({ field }) => ({ name: field(z.string(), { purposes: ['support'] }) }))
 * const policy = definePolicy({
 *   controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
 *   purposes,
 *   records: { contact },
 *   roles: { agent: { purposes: ['support'] } },
 * })
 * const privity = await createPrivity({ policy, store: memoryStore(), keys: localKeys(crypto.getRandomValues(new Uint8Array(32))) })
 * const anna = await privity.subjects.register()
 * const support = privity.accessor({ purpose: 'support', actor: { id: 'staff:ida', roles: ['agent'] } })
 * await support.contact.create(anna.id, { name: 'Anna' })
 * await privity.close()
 * ```
 */
export async function createPrivity<P extends Purposes, R>(
  options: PrivityOptions<P, R>,
): Promise<Privity<P, R>> {
  const parsed = parseOptions(options)
  const policy = compilePolicy(parsed.policy)
  const durability = await openStores(parsed)
  try {
    return await assemble(parsed.policy as Policy<P, R>, { ...parsed, policy, durability })
  } catch (error) {
    // What went wrong first is what the caller should hear of.
    await closeStores(parsed).catch(() => undefined)
    throw error
  }
}

interface Parts extends Omit<ParsedOptions, 'policy'> {
  readonly policy: CompiledPolicy
  readonly durability: DurabilityLevel
}

async function assemble<P extends Purposes, R>(
  declared: Policy<P, R>,
  parts: Parts,
): Promise<Privity<P, R>> {
  const { store, clock, policy, keys: provider } = parts
  const tenant = parts.tenant ?? policy.controller.id
  const keyspace = createKeyspace(toHex(sha256(utf8(tenant))).slice(0, 16))
  const root = await openRoot({ ...parts, keyspace, provider })
  const { controller, ledger, signing, origin } = root
  const { quarantine } = ledger
  await settle(ledger)
  const rows = { store, keyspace, clock, controller, ledger }
  const key = (): Uint8Array => signing.jws.secret
  const receipts = createReceipts({ key, durability: parts.durability })
  const spooling = { policy, rows, spool: createSpool(rows), receipts, clock, quarantine, origin }
  const hold =
    quarantine.contradiction === undefined ? await openHold(parts, root, rows) : undefined
  const held = hold === undefined ? undefined : await holdAgainst(hold)
  const open = (): Promise<Rooms> =>
    openRooms({ ...parts, root, keyspace, receipts, spooling, hold, held })
  const rooms =
    quarantine.contradiction !== undefined
      ? closedRooms(quarantine, spoolWithdrawals(spooling))
      : await roomsFor(held, open)
  const { drain, people, flush, check, ...faces } = rooms
  return Object.freeze({
    policy: declared,
    ...faces,
    accessor: (ask: unknown) => faces.accessor(ask) as never,
    blobs: faces.blobs as never,
    forms: faces.forms as never,
    retention: faces.retention as never,
    ledger: createLedgerFace({ ...rows, signing, origin, people, flush, check }),
    close: once(async () => {
      await drain()
      await ledger.drain()
      await closeStores(parts)
    }),
  })
}

/** What the anchor contradicts is for the app to see, and for an operator to resolve. */
async function settle({ anchoring, quarantine }: Ledger): Promise<void> {
  try {
    await anchoring.settle()
  } catch (error) {
    if (quarantine.contradiction === undefined) throw error
  }
}
