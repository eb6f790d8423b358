import { isPrivityError } from '../base/errors.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { createNoting, type Noting } from '../ledger/noting.ts'
import { rest } from '../storage/patience.ts'
import { readNoted, sealNoted } from './noted.ts'
import { type Access, SEGMENT_ENTRIES } from './segment.ts'
import { claimWriter, DISPLACED, type Writer, type WriterDeps, writerLog } from './writer.ts'
import { writerHeads } from './writers.ts'

/** Who looked at what, for which purpose, when: every access is logged before or soon after it returns. */
export interface Audit {
  readonly mode: 'strict' | 'deferred'
  /** `strict`: durable when this resolves. `deferred`: within a second or 256 accesses. */
  record(access: Access): Promise<void>
  /** Makes everything recorded so far durable. */
  flush(): Promise<void>
  /** Flushes, enters the access log into the main log, and frees it. */
  close(): Promise<void>
}

/** What an audit needs. */
export interface AuditDeps extends WriterDeps {
  readonly ledger: Ledger
  readonly mode: Audit['mode']
}

interface State extends AuditDeps {
  writer: Promise<Writer> | undefined
  pending: Access[]
  flushing: Promise<void> | undefined
  /** Why the last flush failed, and until when nobody tries again unasked. */
  outage: { readonly error: unknown; readonly until: number } | undefined
  readonly noting: Noting
  readonly timer: AbortController
  timing: boolean
}

const FLUSH_MS = 1_000
/** What came while another commit was under way goes in one, whose signature and sync are paid once. */
const COMMIT_ENTRIES = 4 * SEGMENT_ENTRIES
/** Beyond this a deferred access waits for the store, so that an outage cannot fill the memory. */
const MAX_PENDING = 4_096

/** Logs the accesses of this instance. */
export function createAudit(deps: AuditDeps): Audit {
  const state: State = {
    ...deps,
    writer: undefined,
    pending: [],
    flushing: undefined,
    outage: undefined,
    noting: createNoting(deps, () => noteWriter(state)),
    timer: new AbortController(),
    timing: false,
  }
  return {
    mode: deps.mode,
    record: (access) => (state.mode === 'strict' ? append(state, [access]) : defer(state, access)),
    flush: () => flush(state),
    close: async () => {
      state.timer.abort()
      state.noting.stop()
      await flush(state)
      const writer = await state.writer
      if (writer === undefined) return
      await writer.group.drain()
      await enterNote(state, writer.number)
      await writer.close()
    },
  }
}

/** Enters what a writer that died left behind into the main log; anyone may, since notes are signed. */
export async function enterTails(deps: AuditDeps): Promise<void> {
  for await (const { writer } of writerHeads(deps)) await enterNote(deps, writer)
}

async function append(state: State, accesses: readonly Access[]): Promise<void> {
  state.writer ??= claimWriter(state)
  const claimed = state.writer
  try {
    const writer = await claimed
    const change = { put: [], del: [], entry: accesses }
    await writer.group.submit({ reads: [], build: () => ({ kind: 'change', change, value: null }) })
  } catch (error) {
    const displaced =
      isPrivityError(error, 'store_unavailable') && error.details.reason === DISPLACED
    if (displaced || (await isRejected(claimed))) forgetWriter(state, claimed)
    if (!displaced) throw error
    return append(state, accesses)
  }
  state.noting.grew()
}

/** Only the one that failed: others may have claimed the next meanwhile. */
function forgetWriter(state: State, claimed: Promise<Writer>): void {
  if (state.writer === claimed) state.writer = undefined
}

async function isRejected(claimed: Promise<Writer>): Promise<boolean> {
  return claimed.then(
    () => false,
    () => true,
  )
}

async function defer(state: State, access: Access): Promise<void> {
  if (state.pending.length >= MAX_PENDING) await flushForRoom(state)
  state.pending.push(access)
  if (isFull(state)) flushSoon(state)
  else startTimer(state)
}

/** A store that was away a moment ago is not asked again for every reader. */
async function flushForRoom(state: State): Promise<void> {
  if (state.outage !== undefined && isAway(state)) throw state.outage.error
  await (state.flushing ?? flush(state))
}

function isFull(state: State): boolean {
  return state.pending.length >= SEGMENT_ENTRIES && state.flushing === undefined && !isAway(state)
}

function isAway({ outage }: State): boolean {
  return outage !== undefined && performance.now() < outage.until
}

/** In the background; what fails is tried again a second later, whether or not anybody reads. */
function flushSoon(state: State): void {
  flush(state).then(
    () => {
      if (isFull(state)) flushSoon(state)
    },
    () => startTimer(state),
  )
}

function startTimer(state: State): void {
  if (state.timing) return
  state.timing = true
  rest(state.clock, FLUSH_MS, state.timer.signal).then(
    () => {
      state.timing = false
      flushSoon(state)
    },
    () => {
      state.timing = false
    },
  )
}

async function flush(state: State): Promise<void> {
  while (state.flushing !== undefined) await state.flushing.catch(() => undefined)
  if (state.pending.length === 0) return
  state.flushing = appendPending(state)
  try {
    await state.flushing
    state.outage = undefined
  } catch (error) {
    state.outage = { error, until: performance.now() + FLUSH_MS }
    throw error
  } finally {
    state.flushing = undefined
  }
}

/** In order: what could not be written stays, and what came later stays behind it. */
async function appendPending(state: State): Promise<void> {
  let count = COMMIT_ENTRIES
  for (let left = state.pending.length; left > 0; ) {
    const accesses = state.pending.slice(0, Math.min(count, left))
    try {
      await append(state, accesses)
      state.pending.splice(0, accesses.length)
      left -= accesses.length
    } catch (error) {
      if (!isTooMuch(error) || accesses.length === 1) throw error
      count = accesses.length >> 1
    }
  }
}

/** Fewer at a time may fit. */
function isTooMuch(error: unknown): boolean {
  return isPrivityError(error, 'invalid_input') || isPrivityError(error, 'store_full')
}

async function noteWriter(state: State): Promise<void> {
  const writer = await state.writer
  if (writer !== undefined) await enterNote(state, writer.number)
}

/** A leaf of the main log that holds the signed note of a writer's log. */
async function enterNote(deps: AuditDeps, writer: number): Promise<void> {
  const { store, keyspace, ledger, clock } = deps
  const log = writerLog(deps, writer)
  const [bytes] = await store.read([log.keys.head])
  const { note, range } = await log.head(bytes)
  const register = keyspace.writerRegister(writer)
  await ledger.submit<null>({
    reads: [register],
    build: (rows) => {
      if (readNoted(deps, writer, rows.get(register)) >= range.size)
        return { kind: 'done', value: null }
      const put = [[register, sealNoted(deps, writer, range.size)] as const]
      const event = { type: 'access.noted', writer, note }
      return {
        kind: 'change',
        change: { put, del: [], entry: { kind: 'controller', at: clock.now(), event } },
        value: null,
      }
    },
  })
}
