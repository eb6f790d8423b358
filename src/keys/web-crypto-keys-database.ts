import { type DBSchema, type IDBPDatabase, openDB, type StoreNames } from 'idb'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { isId } from '../base/id.ts'

/** An epoch with its key, or what is left of one. Times are milliseconds since the epoch. */
export type StoredEpoch = LiveEpoch | DeadEpoch

/** An epoch that can be used. */
export interface LiveEpoch {
  /** Random, the same for all epochs of a database. */
  readonly database: string
  readonly epoch: number
  readonly createdAt: number
  readonly key: CryptoKey
}

/** The number and the times stay, so that no number is used twice. */
export interface DeadEpoch {
  readonly database: string
  readonly epoch: number
  readonly createdAt: number
  readonly destroyedAt: number
}

/** What a transaction sees, and what it writes in the end. */
export interface Change<T> {
  readonly put?: StoredEpoch
  readonly answer: T
}

interface Schema extends DBSchema {
  readonly epochs: { readonly key: number; readonly value: StoredEpoch }
}

const VERSION = 1
const EPOCHS: StoreNames<Schema> = 'epochs'

/** What the browser's exceptions say (Indexed Database API 3.0, section 3); the messages are its own. */
const WORDS: { readonly [name: string]: string } = {
  QuotaExceededError: 'full',
  SecurityError: 'permission',
  AbortError: 'aborted',
  UnknownError: 'io',
}

/**
 * Every epoch of the database in order, decided upon and changed in one transaction, which no other tab can
 * come between. A connection lives for one call, so that none stands in the way of who deletes the database.
 *
 * @throws {@link key_unavailable} when the database is not to be had
 * @throws {@link key_unreadable} for a database of something else
 * @throws {@link unsupported_format} for one of a newer release
 */
export async function changeEpochs<T>(
  name: string,
  decide: (epochs: readonly StoredEpoch[]) => Change<T>,
): Promise<T> {
  return typed(async () => {
    const database = await open(name)
    try {
      if (!database.objectStoreNames.contains(EPOCHS)) throw foreign()
      const transaction = database.transaction(EPOCHS, 'readwrite', { durability: 'strict' })
      // Whatever ends it is thrown below.
      transaction.done.catch(() => undefined)
      const epochs = await transaction.store.getAll()
      if (!isSequence(epochs)) throw foreign()
      const { put, answer } = decide(epochs)
      if (put !== undefined) await transaction.store.put(put)
      await transaction.done
      return answer
    } finally {
      database.close()
    }
  })
}

/** Every epoch of the database in order; it is made when there is none. */
export async function readEpochs(name: string): Promise<readonly StoredEpoch[]> {
  return typed(async () => {
    const database = await open(name)
    try {
      if (!database.objectStoreNames.contains(EPOCHS)) throw foreign()
      const epochs = await database.getAll(EPOCHS)
      if (!isSequence(epochs)) throw foreign()
      return epochs
    } finally {
      database.close()
    }
  })
}

/** Whether the key is still there. */
export function isLive(epoch: StoredEpoch): epoch is LiveEpoch {
  return 'key' in epoch
}

/** A database that is not to be had now. */
export function databaseFault(word: string): PrivityError {
  return new PrivityError('key_unavailable', { what: `key_database.${word}` })
}

/** There is one version, so that nothing is waited for but a deletion that is under way. */
function open(name: string): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>(name, VERSION, {
    upgrade: (database, ...[, , transaction]) => {
      // What goes wrong is in the promise of openDB too.
      transaction.done.catch(() => undefined)
      database.createObjectStore(EPOCHS, { keyPath: 'epoch' })
    },
  })
}

async function typed<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (isPrivityError(error)) throw error
    const name = error instanceof DOMException ? error.name : ''
    if (name === 'VersionError')
      throw new PrivityError('unsupported_format', { what: 'key_database', version: VERSION + 1 })
    throw databaseFault(WORDS[name] ?? 'failed')
  }
}

function isSequence(epochs: readonly StoredEpoch[]): boolean {
  const [first] = epochs
  const last = epochs.at(-1)
  if (first === undefined || last === undefined) return epochs.length === 0
  return (
    isId(first.database) &&
    isLive(last) &&
    epochs.every((epoch, index) => isEpoch(epoch, index + 1) && epoch.database === first.database)
  )
}

function isEpoch(stored: StoredEpoch, epoch: number): boolean {
  const isWhole = isLive(stored)
    ? stored.key instanceof CryptoKey
    : Number.isFinite(stored.destroyedAt)
  return isWhole && stored.epoch === epoch && Number.isFinite(stored.createdAt)
}

function foreign(): PrivityError {
  return new PrivityError('key_unreadable', { what: 'key_database' })
}
