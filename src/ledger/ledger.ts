import { toBase64url } from '../base/bytes.ts'
import { canonicalBytes, type JsonObject } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'
import type { SigningKey } from '../crypto/signature.ts'
import { createGroupCommit, type GroupCommit } from '../storage/commit.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Change, Finished, Rows } from '../storage/participant.ts'
import type { Row, Store } from '../storage/store.ts'
import { createBody, type Entry, type EntryReceipt, encodeLeaf } from './entry.ts'
import { createLog, type Log } from './log.ts'
import type { LogHead } from './log-head.ts'

/** The main log: every operation that changes something leaves with its leaf in one batch. */
export interface Ledger extends GroupCommit<Entry, EntryReceipt> {
  readonly log: Log
  /** Signed note over everything acknowledged so far. */
  checkpoint(): Promise<string>
  /** Time of the last operation about a person, as far as this instance knows; milliseconds since the epoch. */
  lastAt(): number
}

/** What the ledger needs. */
export interface LedgerDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly clock: Clock
  /** Seals and blinds entries that are about no person. */
  readonly controller: {
    seal(row: string, plaintext: Uint8Array): Uint8Array
    tag(message: Uint8Array): Uint8Array
  }
  readonly signer: SigningKey
  readonly origin: string
}

/** State in the head of the main log. */
interface LedgerState {
  /** Next number of an entry about no person. */
  readonly controllerSequence: number
  /** Hash of the newest policy. */
  readonly policy: string
}

/** The main log over a store. */
export function createLedger(deps: LedgerDeps): Ledger {
  const { store, keyspace, clock, origin, signer } = deps
  const log = createLog({ origin, keys: keyspace.log, signer })
  const group = createGroupCommit<Entry, EntryReceipt>({
    store,
    clock,
    finisher: {
      reads: [keyspace.log.head],
      finish: (changes, rows) => finish(deps, { log, changes, rows }),
    },
  })
  return {
    ...group,
    log,
    lastAt: () => log.lastAt(),
    checkpoint: async () => {
      const [bytes] = await store.read([keyspace.log.head])
      if (bytes === undefined) throw inconsistent(origin, 'head')
      return (await readHead(deps, log, bytes)).note
    },
  }
}

interface FinishInput {
  readonly log: Log
  readonly changes: readonly Change<Entry>[]
  readonly rows: Rows
}

async function finish(
  deps: LedgerDeps,
  { log, changes, rows }: FinishInput,
): Promise<Finished<EntryReceipt>> {
  const before = await readHead(deps, log, rows.get(log.keys.head))
  let state = readState(before.state)
  const put: Row[] = []
  const leaves: Uint8Array[] = []
  const places: { readonly index: number; readonly sequence: number }[] = []
  for (const change of changes) {
    const { entry } = change
    if (entry.policy !== undefined && entry.policy !== state.policy) {
      throw new PrivityError('policy_outdated', { newest: state.policy })
    }
    const sequence = entry.kind === 'person' ? entry.sequence : state.controllerSequence
    const place = { index: before.range.size + leaves.length, sequence }
    const { body, leaf } = write(deps, change, place)
    put.push(body)
    leaves.push(leaf)
    places.push(place)
    state = nextState(state, entry)
  }
  const at = Math.max(
    before.at,
    ...changes.flatMap(({ entry }) => (entry.kind === 'person' ? [entry.at] : [])),
  )
  const appended = await log.append(before, {
    leaves,
    at,
    state: sealState(deps, { size: before.range.size + leaves.length, at, state }),
  })
  const receipts = places.map((place) => ({
    ...place,
    origin: log.origin,
    checkpoint: appended.head.note,
  }))
  return { put: [...put, ...appended.put], receipts }
}

function write(
  { keyspace, controller }: LedgerDeps,
  change: Change<Entry>,
  place: { readonly index: number; readonly sequence: number },
): { readonly body: Row; readonly leaf: Uint8Array } {
  const { entry } = change
  const { bytes, commitment } = createBody(change, { ...place, prefix: keyspace.prefix })
  const key = entry.kind === 'person' ? entry.bodyKey : keyspace.controllerBody(place.sequence)
  const sealed = entry.kind === 'person' ? entry.seal(bytes) : controller.seal(key, bytes)
  const tag = entry.kind === 'person' ? entry.tag : controller.tag
  return { body: [key, sealed], leaf: encodeLeaf(tag, place.sequence, commitment) }
}

function nextState(state: LedgerState, entry: Entry): LedgerState {
  if (entry.kind === 'person') return state
  return {
    controllerSequence: state.controllerSequence + 1,
    policy: entry.registers ?? state.policy,
  }
}

function readState(json: JsonObject): LedgerState {
  const { controllerSequence, policy } = json
  return {
    controllerSequence: typeof controllerSequence === 'number' ? controllerSequence : 0,
    policy: typeof policy === 'string' ? policy : '',
  }
}

/** The signed note covers the leaves only: what else the head says is authenticated by the controller. */
function sealState(
  { controller }: LedgerDeps,
  { size, at, state }: { readonly size: number; readonly at: number; readonly state: LedgerState },
): JsonObject {
  const mac = toBase64url(controller.tag(canonicalBytes({ head: 1, size, at, ...state })))
  return { ...state, mac }
}

async function readHead(
  deps: LedgerDeps,
  log: Log,
  bytes: Uint8Array | undefined,
): Promise<LogHead> {
  const head = await log.head(bytes)
  if (bytes === undefined) return head
  const state = readState(head.state)
  const { mac } = sealState(deps, { size: head.range.size, at: head.at, state })
  if (head.state['mac'] !== mac) throw inconsistent(log.origin, 'head')
  return head
}

function inconsistent(origin: string, kind: string): PrivityError {
  return new PrivityError('ledger_inconsistent', { origin, kind })
}
