import { isPrivityError, PrivityError } from '../base/errors.ts'
import { endOfTurn } from '../base/platform.ts'
import type { Clock } from '../base/time.ts'
import { type Member, QueuedMember } from './member.ts'
import { createOverlay, type Overlay } from './overlay.ts'
import type { Applied, Change, Committed, Finisher, Participant } from './participant.ts'
import { guardStore } from './guarded-store.ts'
import { backoff, PATIENCE, pause } from './patience.ts'
import { rowsOf } from './read-rows.ts'
import type { Key, Store } from './store.ts'

/**
 * One writer queue per log: operations that arrive together leave in one atomic batch, with one signed
 * head. An acknowledged operation is in the store; a failed one is provably not; anything else is
 * resolved, or reported as `outcome_unknown`.
 */
export interface GroupCommit<Entry, Receipt> {
  submit<Value>(participant: Participant<Entry, Value>): Promise<Committed<Value, Receipt>>
  /** Resolves once everything submitted so far has an outcome. */
  drain(): Promise<void>
}

/** What a group commit needs. */
export interface GroupCommitDeps<Entry, Receipt> {
  readonly store: Store
  readonly clock: Clock
  readonly finisher: Finisher<Entry, Receipt>
}

interface Group<Entry, Receipt> extends GroupCommitDeps<Entry, Receipt> {
  readonly queue: Member<Entry, Receipt>[]
  leading: Promise<void> | undefined
}

interface Attempt<Entry, Receipt> {
  readonly overlay: Overlay
  /** The head that this attempt is conditional on. */
  readonly head: Uint8Array | undefined
  readonly built: readonly BuiltMember<Entry, Receipt>[]
  /** Need no change of their own, but saw what those before them changed. */
  readonly waiting: readonly Member<Entry, Receipt>[]
}

/** What was sent to the store. */
interface Sent<Receipt> {
  readonly receipts: readonly Receipt[]
  /** The head that the store holds if the batch was applied and nothing came after it. */
  readonly wrote: Uint8Array | undefined
}

interface BuiltMember<Entry, Receipt> {
  readonly member: Member<Entry, Receipt>
  readonly change: Applied<Entry>
}

type Verdict = 'retry' | 'bisect' | 'refuse' | 'unknown'

const MAX_ENTRIES = 256
/** Lost rounds that are put up with before a batch is made smaller. */
const PATIENT_ROUNDS = 3
/** Rows that the log adds: a leaf and a body per entry, and at most 64 nodes and the head. */
const LOG_OPS_PER_ENTRY = 3
const LOG_OPS = 64
const LOG_BYTES_PER_ENTRY = 2_048

/** What an error of the store says about the batch (storage/store.ts); any other is unknown. */
const VERDICTS: { readonly [code: string]: Verdict } = {
  write_conflict: 'retry',
  store_full: 'bisect',
  invalid_input: 'bisect',
  policy_outdated: 'bisect',
  key_unavailable: 'bisect',
  ledger_inconsistent: 'refuse',
  store_unavailable: 'refuse',
  store_closed: 'refuse',
}

/** A queue whose leader commits for everyone who waits. */
export function createGroupCommit<Entry, Receipt>(
  deps: GroupCommitDeps<Entry, Receipt>,
): GroupCommit<Entry, Receipt> {
  const group: Group<Entry, Receipt> = {
    ...deps,
    store: guardStore(deps.store),
    queue: [],
    leading: undefined,
  }
  function submit<Value>(
    participant: Participant<Entry, Value>,
  ): Promise<Committed<Value, Receipt>> {
    const member = new QueuedMember<Entry, Receipt, Value>(participant)
    group.queue.push(member)
    group.leading ??= lead(group)
    return member.outcome
  }
  return {
    submit,
    drain: async () => {
      await group.leading
    },
  }
}

async function lead<Entry, Receipt>(group: Group<Entry, Receipt>): Promise<void> {
  await endOfTurn()
  let round = 0
  try {
    while (group.queue.length > 0) round = await leadRound(group, round)
  } finally {
    group.leading = undefined
  }
}

/** Counts the rounds in which nobody got on. */
async function leadRound<Entry, Receipt>(
  group: Group<Entry, Receipt>,
  round: number,
): Promise<number> {
  const members = group.queue.splice(0, shareOf(group.queue.length, round))
  const open = await run(group, members)
  // Those that lost a round go first in the next, so that nobody starves.
  const waiting = [...open, ...group.queue.splice(0)]
  for (const member of waiting) member.expire(PATIENCE)
  group.queue.push(...waiting.filter((member) => member.open))
  if (open.length < members.length) return 0
  if (group.queue.length > 0) await pause(group.clock, backoff(round + 1))
  return round + 1
}

/** Who loses again and again tries less at a time: what is built faster is overtaken less often. */
function shareOf(waiting: number, round: number): number {
  const share = Math.max(1, Math.ceil(waiting / 2 ** Math.max(0, round - PATIENT_ROUNDS)))
  return Math.min(MAX_ENTRIES, share)
}

/** One attempt for these members; returns those that have no outcome yet, in order. */
async function run<Entry, Receipt>(
  group: Group<Entry, Receipt>,
  members: readonly Member<Entry, Receipt>[],
): Promise<readonly Member<Entry, Receipt>[]> {
  let attempt: Attempt<Entry, Receipt> | undefined
  let sent: Sent<Receipt> | undefined
  try {
    attempt = await prepare(group, members)
    if (attempt.built.length > 0) {
      sent = await finish(group, attempt)
      await send(group, attempt, sent)
    }
  } catch (error) {
    return fail(group, { members, attempt, sent, error })
  }
  return members.filter((member) => member.open)
}

/** Reads everything at once and lets each member build on what those before it changed. */
async function prepare<Entry, Receipt>(
  group: Group<Entry, Receipt>,
  members: readonly Member<Entry, Receipt>[],
): Promise<Attempt<Entry, Receipt>> {
  const keys = [...new Set([...group.finisher.reads, ...members.flatMap((member) => member.reads)])]
  const values = await group.store.read(keys)
  const overlay = createOverlay(rowsOf(keys, values))
  const head = overlay.get(group.finisher.reads[0])
  const built: BuiltMember<Entry, Receipt>[] = []
  const waiting: Member<Entry, Receipt>[] = []
  for (const member of members.filter(({ open }) => open)) {
    const change = member.build(overlay, head)
    if (change === undefined) {
      // An answer that rests on a batch is only given once that batch is applied.
      if (built.length === 0) member.settle(undefined)
      else waiting.push(member)
      continue
    }
    const entries = built.length + 1
    if (built.length > 0 && exceeds(group.store, { overlay, entries, held: member.held }, change))
      break
    const before = overlay.seen([...change.put.map(([key]) => key), ...change.del])
    overlay.apply(change)
    for (const key of member.held) overlay.hold(key)
    member.send()
    built.push({ member, change: { ...change, before } })
  }
  return { overlay, head, built, waiting }
}

interface Grown {
  readonly overlay: Overlay
  readonly entries: number
  readonly held: readonly Key[]
}

function exceeds(
  { limits }: Store,
  { overlay, entries, held }: Grown,
  change: Change<unknown>,
): boolean {
  const rows = change.put.length + change.del.length + held.length
  const ops = overlay.ops + rows + entries * LOG_OPS_PER_ENTRY
  const heldBytes = held.reduce((sum, key) => sum + (overlay.get(key)?.length ?? 0), overlay.bytes)
  const bytes = change.put.reduce((sum, [, value]) => sum + value.length, heldBytes)
  return ops + LOG_OPS > limits.maxOps || bytes + entries * LOG_BYTES_PER_ENTRY > limits.maxBytes
}

async function finish<Entry, Receipt>(
  { finisher }: Group<Entry, Receipt>,
  { overlay, built }: Attempt<Entry, Receipt>,
): Promise<Sent<Receipt>> {
  const changes = built.map(({ change }) => change)
  const { put, receipts } = await finisher.finish(changes, overlay)
  overlay.apply({ put, del: [] })
  return { receipts, wrote: overlay.get(finisher.reads[0]) }
}

async function send<Entry, Receipt>(
  { store, finisher }: Group<Entry, Receipt>,
  { overlay, built, waiting }: Attempt<Entry, Receipt>,
  sent: Sent<Receipt>,
): Promise<void> {
  await store.commit(overlay.toBatch())
  const receipts = (await finisher.applied?.(sent.receipts)) ?? sent.receipts
  built.forEach(({ member }, index) => {
    member.settle(receipts[index])
  })
  for (const member of waiting) member.settle(undefined)
}

interface Failure<Entry, Receipt> {
  readonly members: readonly Member<Entry, Receipt>[]
  readonly attempt: Attempt<Entry, Receipt> | undefined
  readonly sent: Sent<Receipt> | undefined
  readonly error: unknown
}

async function fail<Entry, Receipt>(
  group: Group<Entry, Receipt>,
  failure: Failure<Entry, Receipt>,
): Promise<readonly Member<Entry, Receipt>[]> {
  const { attempt, sent, error } = failure
  const members = failure.members.filter((member) => member.open)
  const verdict = verdictOn(failure)
  if (verdict === 'bisect' && members.length > 1) {
    const middle = members.length >> 1
    const first = await run(group, members.slice(0, middle))
    const rest = members.slice(middle)
    // Nobody overtakes: what is left of the first half goes before the second.
    return first.length > 0 ? [...first, ...rest] : run(group, rest)
  }
  if (verdict === 'unknown' && attempt !== undefined && sent !== undefined) {
    attempt.built.forEach(({ member }, index) => {
      member.doubt({ head: attempt.head, wrote: sent.wrote, receipt: sent.receipts[index] })
    })
  } else if (verdict !== 'retry') {
    for (const member of members) member.refuse(typed(error), attempt?.head)
  }
  return members.filter((member) => member.open)
}

function verdictOn({ attempt, sent, error }: Failure<unknown, unknown>): Verdict {
  if (!isPrivityError(error)) return 'unknown'
  // The finisher refuses what one of them found: no reason to refuse the others.
  const isRefusal = attempt !== undefined && sent === undefined
  if (isRefusal && error.code === 'store_corrupt') return 'bisect'
  return VERDICTS[error.code] ?? 'unknown'
}

/** Nothing foreign leaves: a driver's message may hold what was written. */
function typed(error: unknown): unknown {
  if (isPrivityError(error)) return error
  return new PrivityError('store_unavailable', { reason: 'failed' })
}
