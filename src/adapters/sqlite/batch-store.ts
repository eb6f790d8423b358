import { PrivityError } from '../../base/errors.ts'
import { assertBatch, assertKeys, assertScan } from '../../storage/batch-rules.ts'
import type { Batch, Key, Row, Store, StoreInfo, StoreLimits } from '../../storage/store.ts'
import { type BatchClient, isD1 } from './batch-client.ts'
import { toBatchError } from './batch-errors.ts'
import {
  type BatchRows,
  type BatchSession,
  type BatchStatement,
  batchSession,
  bytesIn,
} from './batch-session.ts'
import {
  commitStatements,
  firstOf,
  readStatements,
  SETUP,
  SHAPE,
  scanStatement,
} from './batch-statements.ts'
import type { Phase } from './errors.ts'

interface State {
  readonly session: BatchSession
  readonly onThisMachine: boolean
  opening: Promise<StoreInfo> | undefined
  isOpen: boolean
  reason: 'not_open' | 'closed'
  readonly underway: Set<Promise<unknown>>
}

interface Call {
  readonly mode: 'read' | 'write'
  readonly phase: Phase
}

const READ: Call = { mode: 'read', phase: 'before-commit' }
// Bytes travel as text of up to four characters each, and both services bound what comes in one call.
const LIMITS: StoreLimits = Object.freeze({ maxOps: 1_000, maxBytes: 1_048_576 })

/** A store over a database that takes batches: D1 and libSQL. */
export function batchStore(client: BatchClient): Store {
  const state: State = {
    session: batchSession(client),
    onThisMachine: !isD1(client) && client.protocol === 'file',
    opening: undefined,
    isOpen: false,
    reason: 'not_open',
    underway: new Set(),
  }
  return {
    limits: LIMITS,
    open: () => open(state),
    read: async (keys) => track(state, read(state, keys)),
    scan: async (prefix, page) => {
      assertOpen(state)
      assertScan(prefix, page)
      return track(state, scan(state, scanStatement(prefix, page)))
    },
    commit: async (batch) => track(state, commit(state, batch)),
    close: () => close(state),
  }
}

async function open(state: State): Promise<StoreInfo> {
  state.opening ??= setUp(state)
  try {
    const info = await state.opening
    state.isOpen = true
    return info
  } catch (error) {
    state.opening = undefined
    throw error
  }
}

async function setUp(state: State): Promise<StoreInfo> {
  const [, made = []] = await run(state, { mode: 'write', phase: 'before-commit' }, SETUP)
  if (cellOf(made[0], 'sql') !== SHAPE)
    throw new PrivityError('store_corrupt', { reason: 'schema' })
  return {
    // Neither service tells how it flushes; both say that what they acknowledge is kept.
    durability: (await isInMemory(state)) ? 'none' : 'process-crash',
    shared: true,
    detail: `SQLite, in batches of ${state.session.name}`,
  }
}

async function isInMemory(state: State): Promise<boolean> {
  if (!state.onThisMachine) return false
  const sql = "SELECT file FROM pragma_database_list WHERE name = 'main'"
  const [files = []] = await run(state, READ, [{ sql, args: [] }])
  return (cellOf(files[0], 'file') ?? '') === ''
}

async function close(state: State): Promise<void> {
  if (state.opening === undefined) return
  await Promise.allSettled([state.opening])
  state.opening = undefined
  state.isOpen = false
  state.reason = 'closed'
  await Promise.allSettled(state.underway)
}

async function read(
  state: State,
  keys: readonly Key[],
): Promise<readonly (Uint8Array | undefined)[]> {
  assertOpen(state)
  assertKeys(keys)
  if (keys.length === 0) return []
  const values: (Uint8Array | undefined)[] = keys.map(() => undefined)
  const found = await run(state, READ, readStatements(keys))
  found.forEach((rows, statement) => {
    for (const row of rows) {
      values[firstOf(statement) + Number(cellOf(row, 'at'))] = bytesIn(cellOf(row, 'value'))
    }
  })
  return values
}

async function scan(state: State, statement: BatchStatement): Promise<readonly Row[]> {
  const [rows = []] = await run(state, READ, [statement])
  return rows.map((row) => [String(cellOf(row, 'key')), bytesIn(cellOf(row, 'value'))])
}

async function commit(state: State, batch: Batch): Promise<void> {
  assertOpen(state)
  assertBatch(batch, LIMITS)
  if (batch.put.length + batch.del.length === 0) return
  await run(state, { mode: 'write', phase: 'commit' }, commitStatements(batch))
}

async function run(
  { session }: State,
  { mode, phase }: Call,
  statements: readonly BatchStatement[],
): Promise<readonly BatchRows[]> {
  try {
    return await session.run(mode, statements)
  } catch (error) {
    throw toBatchError(error, phase)
  }
}

function assertOpen({ isOpen, reason }: State): void {
  if (!isOpen) throw new PrivityError('store_closed', { reason })
}

/** Remembers a call until it ends, because `close` waits for it. */
function track<T>({ underway }: State, call: Promise<T>): Promise<T> {
  underway.add(call)
  const forget = (): void => void underway.delete(call)
  call.then(forget, forget)
  return call
}

function cellOf(row: unknown, column: string): unknown {
  return typeof row === 'object' && row !== null ? Reflect.get(row, column) : undefined
}
