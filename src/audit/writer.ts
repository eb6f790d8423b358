import { equalBytes } from '../base/bytes.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'
import type { SigningKey } from '../crypto/signature.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import { createLog, type Log } from '../ledger/log.ts'
import type { LogHead } from '../ledger/log-head.ts'
import { createGroupCommit, type GroupCommit } from '../storage/commit.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Change, Finished, Rows } from '../storage/participant.ts'
import type { Row, Store } from '../storage/store.ts'
import { type Access, createSegment, encodeSegmentLeaf } from './segment.ts'

/**
 * The access log of one instance. Reads never contend with writes, nor with the reads of another process:
 * each instance appends to a log of its own, and only its signed note goes into the main one.
 */
export interface Writer {
  readonly number: number
  readonly log: Log
  readonly group: GroupCommit<Access, null>
  /** Marks the log as free for another instance. */
  close(): Promise<void>
}

/** What a writer needs. */
export interface WriterDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly clock: Clock
  readonly controller: ControllerKey
  readonly signer: SigningKey
  /** Origin of the main log. */
  readonly origin: string
  /** Random id of this instance. */
  readonly instance: string
}

/** Why a batch of a writer was refused: another instance took its log over. */
export const DISPLACED = 'writer_displaced'

/** An instance that has logged nothing for so long is taken to be gone; if it is not, it moves on. */
const IDLE_MS = 600_000
const MAX_WRITERS = 4_096
const PAGE = 64

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
  { keyspace, signer, origin }: Pick<WriterDeps, 'keyspace' | 'signer' | 'origin'>,
  number: number,
): Log {
  return createLog({ origin: `${origin}/access/${number}`, keys: keyspace.writer(number), signer })
}

async function claim(deps: WriterDeps, log: Log, bytes: Uint8Array | undefined): Promise<boolean> {
  const head = await log.head(bytes)
  const free =
    bytes === undefined || head.state['closed'] === true || head.at + IDLE_MS < deps.clock.now()
  return free && replaceHead(deps, log, { bytes, head, state: { owner: deps.instance } })
}

interface HeadChange {
  readonly bytes: Uint8Array | undefined
  readonly head: LogHead
  readonly state: { readonly owner: string; readonly closed?: true }
}

/** Swaps the head alone; false when somebody else was faster. */
async function replaceHead(
  { store, clock }: WriterDeps,
  log: Log,
  { bytes, head, state }: HeadChange,
): Promise<boolean> {
  const { put } = await log.append(head, { leaves: [], at: clock.now(), state })
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
  const group = createGroupCommit<Access, null>({
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
      await replaceHead(deps, log, { bytes, head, state: { owner: instance, closed: true } })
    },
  }
}

interface FinishInput {
  readonly number: number
  readonly log: Log
  readonly changes: readonly Change<Access>[]
  readonly rows: Rows
}

async function finish(
  deps: WriterDeps,
  { number, log, changes, rows }: FinishInput,
): Promise<Finished<null>> {
  const { keyspace, controller, instance } = deps
  const head = await log.head(rows.get(log.keys.head))
  if (head.state['owner'] !== instance)
    throw new PrivityError('store_unavailable', { reason: DISPLACED })
  const accesses = changes.map(({ entry }) => entry)
  const index = head.range.size
  const { bytes, root } = createSegment(accesses)
  const leaf = encodeSegmentLeaf(controller.tag, { writer: number, index, root })
  const at = Math.max(...accesses.map((access) => access.at))
  const { put } = await log.append(head, { leaves: [leaf], at, state: { owner: instance } })
  const key = keyspace.segment(number, index)
  const people = new Set(accesses.map(({ pseudonym }) => pseudonym))
  const byPerson = [...people].map(
    (pseudonym): Row => [keyspace.access(pseudonym, number, index), new Uint8Array(0)],
  )
  return {
    put: [[key, controller.seal(key, bytes)], ...byPerson, ...put],
    receipts: changes.map(() => null),
  }
}
