import { PrivityError } from '../../base/errors.ts'

/** One opening of a store. It outlives connections, which browsers and other tabs may end. */
export interface Session {
  readonly name: string
  /** The connection, as long as it is known to work. */
  live: IDBDatabase | undefined
  /** One entry for each answer that is waited for. */
  readonly running: Set<{ readonly transaction: IDBTransaction }>
  /** A transaction that further reads of this turn may join. */
  reading: IDBTransaction | undefined
  connecting: Promise<IDBTransactionDurability | undefined> | undefined
  /** Tells the database from a later one of the same name. */
  identity: string | undefined
  /** Why no connection is made any more. */
  ended: 'closed' | 'deleted' | undefined
}

/** The only object store: checks and writes must share a transaction, and so must all tabs. */
export const ROWS = 'privity_rows'

/** Unless asked to, a browser acknowledges what it has only handed to the operating system. */
export const WRITING: IDBTransactionOptions = { durability: 'strict' }

/** A session without a connection. */
export function createSession(name: string): Session {
  return {
    name,
    live: undefined,
    running: new Set(),
    reading: undefined,
    connecting: undefined,
    identity: undefined,
    ended: undefined,
  }
}

/**
 * Begins a transaction at once; `undefined` when there is no connection, or none that works. Its
 * requests must be made before anything is awaited.
 */
export function beginWriting(session: Session): IDBTransaction | undefined {
  return begin(session, 'readwrite')
}

/**
 * The same for reads. Those of one turn share a transaction, and the moment that it shows: no
 * answer to a commit arrives within a turn, and many at once are twice as fast.
 */
export function beginReading(session: Session): IDBTransaction | undefined {
  if (session.reading !== undefined) return session.reading
  session.reading = begin(session, 'readonly')
  queueMicrotask(() => {
    session.reading = undefined
  })
  return session.reading
}

/**
 * The answer of a transaction, or what its `abort` event rejects with once the connection is lost:
 * Chromium then sends `close` to the connection and nothing to transactions under way (measured).
 */
export async function lasting<T>(
  { running }: Session,
  transaction: IDBTransaction,
  answer: Promise<T>,
): Promise<T> {
  const entry = { transaction }
  running.add(entry)
  try {
    return await answer
  } finally {
    running.delete(entry)
  }
}

/** Gives up a connection that failed; its transactions end first. */
export function drop(session: Session, database: IDBDatabase): void {
  if (session.live === database) session.live = undefined
  database.close()
}

/** What a call on a session that has ended gets. */
export function closed(reason: string): PrivityError {
  return new PrivityError('store_closed', { reason })
}

function begin(session: Session, mode: 'readonly' | 'readwrite'): IDBTransaction | undefined {
  const { live, ended } = session
  if (ended !== undefined) throw closed(ended)
  try {
    return live?.transaction(ROWS, mode, mode === 'readwrite' ? WRITING : undefined)
  } catch {
    // A connection that is closing, or that the browser lost without telling (WebKit).
    if (live !== undefined) drop(session, live)
    return undefined
  }
}
