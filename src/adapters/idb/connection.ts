import { openDB, unwrap } from 'idb'
import { toHex } from '../../base/bytes.ts'
import { PrivityError } from '../../base/errors.ts'
import { toStoreError } from './errors.ts'
import { beginWriting, closed, drop, lasting, ROWS, type Session, WRITING } from './session.ts'

const VERSION = 1
/** A key that no row can have; it sorts before all of them. */
const IDENTITY = ''
const IDENTITY_BYTES = 16

/**
 * Connects, and gives the durability that the browser reports of a write transaction. The first
 * connection of a session makes what is missing; a later one must find what was there.
 */
export function connect(session: Session): Promise<IDBTransactionDurability | undefined> {
  session.connecting ??= establish(session).finally(() => {
    session.connecting = undefined
  })
  return session.connecting
}

/** Ends the session once its transactions have ended. */
export async function end(session: Session): Promise<void> {
  const last = session.live === undefined ? undefined : beginWriting(session)
  session.ended ??= 'closed'
  const { live } = session
  if (live === undefined) return
  session.live = undefined
  // A write transaction waits for everything that was begun before it.
  if (last !== undefined) await Promise.allSettled([lasting(session, last, identityIn(last))])
  live.close()
}

async function establish(session: Session): Promise<IDBTransactionDurability | undefined> {
  const database = await open(session)
  database.onclose = () => lose(session, database)
  try {
    if (!database.objectStoreNames.contains(ROWS)) throw foreign()
    const transaction = database.transaction(ROWS, 'readwrite', WRITING)
    const { durability } = transaction
    adopt(session, database, await lasting(session, transaction, identityIn(transaction)))
    return durability
  } catch (error) {
    drop(session, database)
    throw toStoreError(error, 'before-commit')
  }
}

async function open(session: Session): Promise<IDBDatabase> {
  if (typeof indexedDB === 'undefined') {
    throw new PrivityError('store_unavailable', { reason: 'no_indexeddb' })
  }
  try {
    return unwrap(
      await openDB(session.name, VERSION, {
        upgrade: (database, ...[, , transaction]) => {
          // idb's own promise; what goes wrong is in that of openDB too.
          transaction.done.catch(() => undefined)
          if (session.identity === undefined) return create(unwrap(database))
          // An empty database in place of the one that was: to go on would deny what was written.
          session.ended ??= 'deleted'
          transaction.abort()
        },
        blocking: (_from, to, { target }) => giveWay(session, target as IDBDatabase, to),
      }),
    )
  } catch (error) {
    if (session.ended !== undefined) throw closed(session.ended)
    throw toStoreError(error, 'before-commit')
  }
}

function create(database: IDBDatabase): void {
  const identity = crypto.getRandomValues(new Uint8Array(IDENTITY_BYTES))
  database.createObjectStore(ROWS).put(identity.buffer, IDENTITY)
}

/** Another tab deletes the database or is of a newer release; it waits for this connection. */
function giveWay(session: Session, database: IDBDatabase, version: number | null): void {
  if (version === null) session.ended ??= 'deleted'
  drop(session, database)
}

function lose(session: Session, database: IDBDatabase): void {
  drop(session, database)
  for (const { transaction } of session.running) {
    if (transaction.db === database) transaction.dispatchEvent(new Event('abort'))
  }
}

function adopt(session: Session, database: IDBDatabase, identity: string): void {
  // Deleted and made anew, while this session had no connection.
  if (session.identity !== undefined && session.identity !== identity) session.ended ??= 'deleted'
  if (session.ended !== undefined) throw closed(session.ended)
  session.identity = identity
  session.live = database
}

/** Resolves when the transaction is over. */
function identityIn(transaction: IDBTransaction): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = transaction.objectStore(ROWS).get(IDENTITY)
    transaction.oncomplete = () => {
      const { result }: { readonly result: unknown } = request
      const found = result instanceof ArrayBuffer && result.byteLength === IDENTITY_BYTES
      if (found) resolve(toHex(new Uint8Array(result)))
      else reject(foreign())
    }
    transaction.onabort = () => reject(toStoreError(transaction.error, 'before-commit'))
  })
}

function foreign(): PrivityError {
  return new PrivityError('store_corrupt', { reason: 'schema' })
}
