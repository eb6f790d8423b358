import { equalBytes } from '../base/bytes.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { createLog, type Log } from '../ledger/log.ts'
import type { LogHead } from '../ledger/log-head.ts'
import { createGroupCommit, type GroupCommit } from '../storage/commit.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Change, Finished, Rows } from '../storage/participant.ts'
import type { Row, Store } from '../storage/store.ts'
import { indexKeys } from './access-index.ts'
import {
  type Access,
  createSegments,
  encodeSegmentLeaf,
  type Segment,
  type SegmentPlace,
} from './segment.ts'

/**
 * The access log of one instance. Reads never contend with writes, nor with the reads of another process:
 * each instance appends to a log of its own, and only its signed note goes into the main one.
 */
export interface Writer {
  readonly number: number
  readonly log: Log
  /** Accesses that are submitted together are logged together. */
  readonly group: GroupCommit<readonly Access[], null>
  /** Marks the log as free for another instance. */
  close(): Promise<void>
}

/** What a writer needs. */
export interface WriterDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly clock: Clock
  readonly controller: ControllerKey
  /** Its keys sign the access logs too; a restored copy that it accepted is one of all of them. */
  readonly ledger: Pick<Ledger, 'log' | 'signers'>
  /** Of the first generation of the main log. */
  readonly origin: string
  /** Random id of this instance. */
  readonly instance: string
}

/** Why a batch of a writer was refused: another instance took its log over. */
export const DISPLACED = 'writer_displaced'

/** An instance that has logged nothing for so long is taken to be gone; if it is not, it moves on. */
const IDLE_MS = 600_000
/** A log further ahead was left by a clock that was wrong, and would make every later time wrong. */
const AHEAD_MS = 600_000
const MAX_WRITERS = 4_096
const PAGE = 64
const NOTHING = new Uint8Array(0)

/** Takes the first log that is free, closed or idle. */
export async function claimWriter(deps: WriterDeps): Promise<Writer> {
  for (let first = 0; first < MAX_WRITERS; first += PAGE) {
    const numbers = Array.from({ length: PAGE }, (_, offset) => first + offset)
    const heads = await deps.store.read(numbers.map((number) => deps.keyspace.writer(number).head))
    for (const [offset, number] of numbers.entries()) {
      const log = writerLog(deps, number)
      if (await claim(deps, log, heads[offset])) return openWriter(deps, number, log)
    }
  }
  throw new PrivityError('store_unavailable', { reason: 'too_many_writers' })
}

/** The log of a writer number. */
export function writerLog(
  { keyspace, ledger, controller, origin }: WriterLogDeps,
  number: number,
): Log {
  return createLog({
    origin: `${origin}/access/${number}`,
    keys: keyspace.writer(number),
    signers: ledger.signers,
    mac: controller.tag,
  })
}

/** What the log of a writer needs. */
export type WriterLogDeps = Pick<WriterDeps, 'keyspace' | 'ledger' | 'controller' | 'origin'>

async function claim(deps: WriterDeps, log: Log, bytes: Uint8Array | undefined): Promise<boolean> {
  const head = await log.head(bytes)
  const now = deps.clock.now()
  const left = head.state['closed'] === true || head.at + IDLE_MS < now
  const free = bytes === undefined || (left && head.at <= now + AHEAD_MS)
  const state = { owner: deps.instance, last: lastOf(head) }
  return free && replaceHead(deps, log, { bytes, head, state })
}

/** Time of the last access: the head's own is also that of the claim, which may come after the access. */
function lastOf({ state }: LogHead): number {
  return typeof state['last'] === 'number' ? state['last'] : 0
}

interface HeadChange {
  readonly bytes: Uint8Array | undefined
  readonly head: LogHead
  readonly state: { readonly owner: string; readonly last: number; readonly closed?: true }
}

/** Swaps the head alone; false when somebody else was faster. */
async function replaceHead(
  { store, clock, ledger }: WriterDeps,
  log: Log,
  { bytes, head, state }: HeadChange,
): Promise<boolean> {
  const { generation } = ledger.log
  const { put } = await log.append(head, { leaves: [], at: clock.now(), state, generation })
  try {
    await store.commit({ checks: [[log.keys.head, bytes ?? null]], put, del: [] })
    return true
  } catch (error) {
    if (isPrivityError(error, 'write_conflict')) return false
    const [now] = await store.read([log.keys.head])
    const written = put.find(([key]) => key === log.keys.head)?.[1]
    if (now !== undefined && written !== undefined && equalBytes(now, written)) return true
    throw error
  }
}

function openWriter(deps: WriterDeps, number: number, log: Log): Writer {
  const { store, clock, instance } = deps
  const group = createGroupCommit<readonly Access[], null>({
    store,
    clock,
    finisher: {
      reads: [log.keys.head],
      finish: (changes, rows) => finish(deps, { number, log, changes, rows }),
    },
  })
  return {
    number,
    log,
    group,
    close: async () => {
      await group.drain()
      const [bytes] = await store.read([log.keys.head])
      const head = await log.head(bytes)
      if (head.state['owner'] !== instance) return
      const state = { owner: instance, last: lastOf(head), closed: true } as const
      await replaceHead(deps, log, { bytes, head, state })
    },
  }
}

interface FinishInput {
  readonly number: number
  readonly log: Log
  readonly changes: readonly Change<readonly Access[]>[]
  readonly rows: Rows
}

async function finish(
  deps: WriterDeps,
  { number, log, changes, rows }: FinishInput,
): Promise<Finished<null>> {
  const { controller, instance } = deps
  const head = await log.head(rows.get(log.keys.head))
  if (head.state['owner'] !== instance)
    throw new PrivityError('store_unavailable', { reason: DISPLACED })
  const segments = createSegments(
    changes.flatMap(({ entry }) => entry),
    lastOf(head),
  ).map((segment, offset) => ({ ...segment, writer: number, index: head.range.size + offset }))
  const at = segments.at(-1)?.at ?? head.at
  const { put } = await log.append(head, {
    leaves: segments.map((segment) => encodeSegmentLeaf(controller.tag, segment)),
    at,
    state: { owner: instance, last: at },
  })
  return {
    put: [...segments.flatMap((segment) => segmentRows(deps, segment)), ...put],
    receipts: changes.map(() => null),
  }
}

function segmentRows(
  { keyspace, controller }: WriterDeps,
  { writer, index, accesses, bytes }: Segment & SegmentPlace,
): readonly Row[] {
  const key = keyspace.segment(writer, index)
  const found = indexKeys({ keyspace, controller }, { writer, index }, accesses)
  return [[key, controller.seal(key, bytes)], ...found.map((row): Row => [row, NOTHING])]
}
