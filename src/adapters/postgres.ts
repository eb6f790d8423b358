import { PrivityError } from '../base/errors.ts'
import { assertBatch, assertKeys, assertScan } from '../storage/batch-rules.ts'
import type { Batch, Key, Row, ScanOptions, Store, StoreLimits } from '../storage/store.ts'
import { bytesOf, type Cell, textOf } from './postgres/cell.ts'
import type { PostgresClient, PostgresParameter } from './postgres/client.ts'
import { again, commitWrites } from './postgres/commit.ts'
import { openSession } from './postgres/open-session.ts'
import type { Session } from './postgres/session.ts'
import { type PostgresStoreOptions, parseSettings, type Settings } from './postgres/settings.ts'
import { type Setup, setUp } from './postgres/setup.ts'
import { toWrites } from './postgres/writes.ts'

interface OpenStore extends Setup {
  readonly session: Session
}

interface State {
  readonly session: Session
  readonly settings: Settings
  opening: Promise<OpenStore> | undefined
  open: OpenStore | undefined
  reason: 'not_open' | 'closed'
  readonly underway: Set<Promise<unknown>>
}

// What the smallest of the engines takes in one transaction.
const LIMITS: StoreLimits = Object.freeze({ maxOps: 3_000, maxBytes: 8_388_608 })
/** Greater than every character of a key: what follows all keys that begin alike. */
const PAST = '\x7f'

/**
 * A store in PostgreSQL, in one table `privity_rows`, over a client that the app opens: a `Pool` of pg,
 * what `postgres()` of postgres.js gives, or a `PGlite`. Each call is one statement, and keeps nothing in
 * the connection: any number of processes may share the database, also through a pooler that gives each
 * transaction another connection. Give it the primary server; a replica is refused.
 *
 * @example
 * ```ts
 * import { PGlite } from '@electric-sql/pglite'
 * import { postgresStore } from 'privity/postgres'
 *
 * const store = postgresStore(new PGlite())
 * const { durability } = await store.open()
 * console.log(durability) // none
 * ```
 *
 * @throws {@link invalid_input} when the client is none of the three, for options that do not exist, and
 * for names that are not lower-case identifiers.
 */
export function postgresStore(client: PostgresClient, options?: PostgresStoreOptions): Store {
  const state: State = {
    session: openSession(client),
    settings: parseSettings(options),
    opening: undefined,
    open: undefined,
    reason: 'not_open',
    underway: new Set(),
  }
  return {
    limits: LIMITS,
    open: async () => (await open(state)).info,
    read: async (keys) => track(state, read(opened(state), keys)),
    scan: async (prefix, page) => track(state, scan(opened(state), prefix, page)),
    commit: async (batch) => track(state, commit(opened(state), batch)),
    close: () => close(state),
  }
}

function opened({ open: store, reason }: State): OpenStore {
  if (store === undefined) throw new PrivityError('store_closed', { reason })
  return store
}

async function open(state: State): Promise<OpenStore> {
  state.opening ??= openStore(state)
  try {
    return await state.opening
  } catch (error) {
    state.opening = undefined
    throw error
  }
}

async function openStore(state: State): Promise<OpenStore> {
  const { session, settings } = state
  session.attach()
  try {
    state.open = { ...(await setUp(session, settings)), session }
    return state.open
  } catch (error) {
    session.detach()
    throw error
  }
}

async function close(state: State): Promise<void> {
  const { session, settings, opening } = state
  if (opening === undefined) return
  await Promise.allSettled([opening])
  if (state.open === undefined) return
  state.open = undefined
  state.opening = undefined
  state.reason = 'closed'
  await Promise.allSettled(state.underway)
  session.detach()
  if (settings.onClose === 'end') await session.end()
}

/** Remembers a call until it ends, because `close` waits for it. */
function track<T>({ underway }: State, call: Promise<T>): Promise<T> {
  underway.add(call)
  const forget = (): void => void underway.delete(call)
  call.then(forget, forget)
  return call
}

async function read(
  { session, statements }: OpenStore,
  keys: readonly Key[],
): Promise<readonly (Uint8Array | undefined)[]> {
  assertKeys(keys)
  const [only] = keys
  if (only === undefined) return []
  if (keys.length === 1) {
    const [row] = await ask(session, statements.get, [only])
    return [row === undefined ? undefined : bytesOf(row[0])]
  }
  const wanted = [...keys]
  const few = statements.getFew[keys.length - 1]
  const rows =
    few === undefined
      ? await ask(session, statements.getMany, [[...new Set(wanted)].join(' ')])
      : await ask(session, few, wanted)
  const found = new Map(rows.map(([key, value]) => [textOf(key), value]))
  return wanted.map((key) => {
    const value = found.get(key)
    return value === undefined ? undefined : bytesOf(value)
  })
}

async function scan(
  { session, statements }: OpenStore,
  prefix: Key,
  page: ScanOptions,
): Promise<readonly Row[]> {
  assertScan(prefix, page)
  const { after, limit } = page
  const rows =
    after === undefined
      ? await ask(session, statements.scan, [prefix, prefix + PAST, String(limit)])
      : await ask(session, statements.scanAfter, [after, prefix + PAST, String(limit)])
  return rows.map(([key, value]) => [textOf(key), bytesOf(value)])
}

function ask(
  session: Session,
  text: string,
  parameters: readonly PostgresParameter[],
): Promise<readonly (readonly Cell[])[]> {
  return again('before-commit', () => session.read(text, parameters))
}

async function commit(store: OpenStore, batch: Batch): Promise<void> {
  assertBatch(batch, LIMITS)
  if (batch.put.length + batch.del.length === 0) return
  // Copies what it was given, before the first await.
  await commitWrites(store, toWrites(batch))
}
