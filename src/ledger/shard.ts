import type { JsonObject } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'
import { createGroupCommit, type GroupCommit } from '../storage/commit.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Applied, Finished, Rows } from '../storage/participant.ts'
import type { Row, Store } from '../storage/store.ts'
import { fingerprintOf } from './anchoring.ts'
import {
  createBody,
  type Entry,
  type EntryReceipt,
  encodeLeaf,
  type RollbackProtection,
} from './entry.ts'
import type { Log } from './log.ts'
import { type LogHead, splitOrigin } from './log-head.ts'
import { type NamedRows, renamed, requireNamedRows } from './named-rows.ts'
import { createProver, type Prover } from './prover.ts'
import type { Quarantine } from './quarantine.ts'
import { keyIdOf, type Signers } from './signers.ts'

/** One log of entries: the main one, or one of several that share the people among them. */
export interface Shard extends GroupCommit<Entry, EntryReceipt> {
  /** 0 is the main log. */
  readonly number: number
  /** Submits in quarantine too: for whoever resolves the contradiction. */
  resolve: GroupCommit<Entry, EntryReceipt>['submit']
  readonly log: Log
  /** Verified, as the store has it now. */
  head(): Promise<LogHead>
  /** Shows that entries are in the log as it is now. */
  prover(): Prover
}

/** What a log of entries needs. */
export interface ShardDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly clock: Clock
  readonly controller: EntryController
  readonly signers: Signers
  readonly quarantine: Quarantine
  readonly log: Log
  readonly number: number
  /** Follows the epochs that keys are wrapped under; absent where nobody wraps any. */
  readonly epochs?: LedgerEpochs | undefined
  /** How far an entry that this checkpoint covers is protected; the one that it was appended to, if it is known. */
  protect(checkpoint: string, follows?: string): Promise<RollbackProtection>
}

/** What the log tells those who wrap keys. */
export interface LedgerEpochs {
  /** A newer epoch is in use. */
  advance(epoch: number): Promise<void>
  /** Runs, and once more when keys that were missing could be fetched. */
  meet<T>(run: () => T | Promise<T>): Promise<T>
}

/** Seals and blinds entries that are about no person. */
export interface EntryController {
  seal(row: string, plaintext: Uint8Array): Uint8Array
  open(row: string, sealed: Uint8Array): Uint8Array
  /** Of heads. */
  tag(message: Uint8Array): Uint8Array
  /** Of entries. */
  leaf(message: Uint8Array): Uint8Array
}

/** State in the head of a log of entries. */
export interface ShardState {
  /** Next number of an entry about no person; those are in the main log only. */
  readonly controllerSequence: number
  /** Hash of the newest policy. */
  readonly policy: string
  /** Id of the key that signs from now on. */
  readonly signer: string
  /** Epoch of the provider that keys are wrapped under. */
  readonly epoch?: number
  /** Fingerprint of the checkpoint that an accepted copy does not follow. */
  readonly succeeds?: string
  readonly rows?: NamedRows
}

/** A log over a store: every operation that changes something leaves with its leaf in one batch. */
export function createShard(deps: ShardDeps): Shard {
  const { store, clock, log, number, quarantine, epochs } = deps
  const group = createGroupCommit<Entry, EntryReceipt>({
    store,
    clock,
    finisher: {
      reads: [log.keys.head],
      finish: (changes, rows) => finish(deps, changes, rows),
      applied: (receipts) => acknowledge(deps, receipts),
    },
  })
  return {
    ...group,
    submit: (participant) => {
      const checked: typeof participant = {
        ...participant,
        build: (rows) => {
          quarantine.check()
          return participant.build(rows)
        },
      }
      if (epochs === undefined) return group.submit(checked)
      return epochs.meet(() => group.submit(checked))
    },
    resolve: group.submit,
    number,
    log,
    head: () => readStored(store, log),
    prover: () => createProver(deps),
  }
}

/**
 * What a head says of the store. The key in use is the one that it names: another process may have put a new
 * one in use.
 *
 * @throws {@link ledger_inconsistent} when it names a key that there is not
 */
export async function readState(
  { signers, log }: Pick<ShardDeps, 'signers' | 'log'>,
  { state }: LogHead,
): Promise<ShardState> {
  const known = stateOf(state, keyIdOf(signers.current.publicKey))
  if (known.signer === keyIdOf(signers.current.publicKey)) return known
  await signers.refresh()
  const signer = keyIdOf(signers.current.publicKey)
  // A log that was not told yet names a key that is out of use: from here on it names the one in use.
  if (signers.publicKeys.some((publicKey) => keyIdOf(publicKey) === known.signer))
    return { ...known, signer }
  throw new PrivityError('ledger_inconsistent', { origin: log.origin, kind: 'signature' })
}

async function readStored(store: Store, log: Log): Promise<LogHead> {
  const [bytes] = await store.read([log.keys.head])
  if (bytes !== undefined) return log.head(bytes)
  throw new PrivityError('ledger_inconsistent', { origin: log.origin, kind: 'head' })
}

/** What was committed is acknowledged with the protection that it has by then. */
async function acknowledge(
  { protect }: ShardDeps,
  receipts: readonly EntryReceipt[],
): Promise<readonly EntryReceipt[]> {
  const [receipt] = receipts
  if (receipt === undefined) return receipts
  const rollbackProtection = await protect(receipt.checkpoint, receipt.follows)
  return receipts.map((unprotected) => ({ ...unprotected, rollbackProtection }))
}

async function finish(
  deps: ShardDeps,
  changes: readonly Applied<Entry>[],
  rows: Rows,
): Promise<Finished<EntryReceipt>> {
  const { log, quarantine } = deps
  const accepted = changes.flatMap(({ entry }) => acceptedBy(entry))
  if (accepted.length < changes.length) quarantine.check()
  const before = await log.head(rows.get(log.keys.head))
  const current = await readState(deps, before)
  await requireEpoch(deps, changes, current)
  const folded = foldEntries(deps, { changes, before, state: current })
  const successor = changes.flatMap(({ entry }) => successorOf(entry)).at(-1)
  const appended = await log.append(before, {
    leaves: folded.written.map(({ leaf }) => leaf),
    at: Math.max(...changes.flatMap(({ entry }) => (entry.kind === 'person' ? [entry.at] : [0]))),
    state: { ...folded.state },
    // Beyond that of the anchor too: the copy may be of before an earlier acceptance.
    generation: Math.max(before.generation, ...accepted.map(generationIn)) + accepted.length,
    successor,
  })
  const { range, note } = appended.head
  const receipts = folded.written.map(
    ({ leaf, index, sequence }): EntryReceipt => ({
      origin: log.origin,
      index,
      sequence,
      size: range.size,
      leaf,
      inclusion: () => appended.inclusion(index),
      checkpoint: note,
      follows: before.note,
      rollbackProtection: 'none',
    }),
  )
  return { put: [...folded.written.map(({ body }) => body), ...appended.put], receipts }
}

/** A key under an epoch that is out of use could outlive its destruction unseen: whoever wrapped it does so anew. */
async function requireEpoch(
  deps: ShardDeps,
  changes: readonly Applied<Entry>[],
  { epoch = 0 }: ShardState,
): Promise<void> {
  const { epochs } = deps
  const wrapped = changes.flatMap(({ entry }) => entry.wraps ?? [])
  await requireKnown(
    deps,
    wrapped.filter((wraps) => wraps > epoch),
  )
  if (!wrapped.some((wraps) => wraps < epoch)) return
  await epochs?.advance(epoch)
  throw new PrivityError('write_conflict', { attempts: 1 })
}

/** A log that was not told yet is behind the store; a store that an older copy was put into has lost the epoch. */
async function requireKnown(
  { store, keyspace, log }: ShardDeps,
  newer: readonly number[],
): Promise<void> {
  if (newer.length === 0) return
  const rows = await store.read([...new Set(newer)].map(keyspace.controllerKey))
  if (rows.includes(undefined))
    throw new PrivityError('ledger_inconsistent', { origin: log.origin, kind: 'epoch' })
}

interface FoldInput {
  readonly changes: readonly Applied<Entry>[]
  readonly before: LogHead
  readonly state: ShardState
}

interface Written {
  readonly body: Row
  readonly leaf: Uint8Array
  readonly index: number
  readonly sequence: number
}

/** The entries in order, each numbered by what those before it left. */
function foldEntries(
  deps: ShardDeps,
  { changes, before, state }: FoldInput,
): { readonly written: readonly Written[]; readonly state: ShardState } {
  const written: Written[] = []
  let folded = state
  for (const change of changes) {
    const { entry } = change
    if (entry.policy !== undefined && entry.policy !== folded.policy)
      throw new PrivityError('policy_outdated', { newest: folded.policy })
    if (entry.kind === 'controller')
      requireNamedRows(deps.keyspace, { state: { ...folded } }, change.before)
    const sequence = entry.kind === 'person' ? entry.sequence : folded.controllerSequence
    written.push(write(deps, change, { index: before.range.size + written.length, sequence }))
    folded = nextState(deps, folded, change)
  }
  return { written, state: folded }
}

function write(
  { keyspace, controller }: ShardDeps,
  change: Applied<Entry>,
  place: { readonly index: number; readonly sequence: number },
): Written {
  const { entry } = change
  const { bytes, commitment } = createBody(change, { ...place, prefix: keyspace.prefix })
  const key = entry.kind === 'person' ? entry.bodyKey : keyspace.controllerBody(place.sequence)
  const sealed = entry.kind === 'person' ? entry.seal(bytes) : controller.seal(key, bytes)
  const tag = entry.kind === 'person' ? entry.tag : controller.leaf
  return { ...place, body: [key, sealed], leaf: encodeLeaf(tag, place.sequence, commitment) }
}

function nextState(
  { keyspace }: ShardDeps,
  state: ShardState,
  { entry, put }: Applied<Entry>,
): ShardState {
  if (entry.kind === 'person') return state
  const { registers, successor, accepts, rotates } = entry
  const rows = renamed(keyspace, state.rows, put)
  return {
    ...state,
    controllerSequence: state.controllerSequence + 1,
    ...(registers === undefined ? {} : { policy: registers }),
    ...(successor === undefined ? {} : { signer: keyIdOf(successor.publicKey) }),
    ...(rotates === undefined ? {} : { epoch: Math.max(rotates, state.epoch ?? 0) }),
    ...(accepts === undefined ? {} : { succeeds: fingerprintOf(accepts) }),
    ...(rows === undefined ? {} : { rows }),
  }
}

/** Of a log without entries, when there is nothing yet. */
function stateOf(json: JsonObject, signer: string): ShardState {
  return { controllerSequence: 0, policy: '', signer, ...json }
}

function acceptedBy(entry: Entry): readonly string[] {
  return entry.kind === 'controller' && entry.accepts !== undefined ? [entry.accepts] : []
}

function generationIn(note: string): number {
  return splitOrigin(note.slice(0, note.indexOf('\n'))).generation
}

function successorOf(entry: Entry): readonly NonNullable<Signers['current']>[] {
  return entry.kind === 'controller' && entry.successor !== undefined ? [entry.successor] : []
}
