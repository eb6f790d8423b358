import { PrivityError } from '../../base/errors.ts'
import { inTransaction, type SqliteClient } from './client.ts'
import { isMisplaced, type Phase, toStoreError } from './errors.ts'

/** Runs a change in a transaction of its own: all or nothing, with the errors of the contract. */
export type Transact = (change: () => void) => void

/** Prepares the statements around a change once. */
export function createTransact(client: SqliteClient): Transact {
  // IMMEDIATE: the lock is taken, and waited for, before anything is read.
  const begin = client.prepare('BEGIN IMMEDIATE')
  const commit = client.prepare('COMMIT')
  const rollback = client.prepare('ROLLBACK')
  function isRolledBack(): boolean {
    try {
      rollback.run()
      return true
    } catch {
      // After some errors SQLite has rolled back by itself.
      return inTransaction(client) === false
    }
  }
  return (change) => {
    let phase: Phase = 'before-commit'
    try {
      begin.run()
    } catch (error) {
      // Nobody else can have begun one meanwhile.
      if (inTransaction(client) === true) isRolledBack()
      throw toStoreError({ client, phase, error })
    }
    try {
      change()
      phase = 'commit'
      commit.run()
    } catch (error) {
      // What is left open could still be committed, by the app or by a later call.
      if (!isRolledBack()) throw new PrivityError('outcome_unknown', {})
      throw toStoreError({ client, phase, error })
    }
  }
}

/**
 * Refuses to work inside a transaction of the app: a change would depend on its COMMIT, and a read
 * would see the moment it began at, not the present.
 */
export function assertIdle(client: SqliteClient): void {
  const busy = inTransaction(client)
  if (busy === false) return
  if (busy === true || !canBegin(client)) {
    throw new PrivityError('store_unavailable', { reason: 'in_transaction' })
  }
}

// For drivers that do not tell: node:sqlite before Node 22.16, or a closed connection.
function canBegin(client: SqliteClient): boolean {
  try {
    client.exec('BEGIN')
    client.exec('ROLLBACK')
    return true
  } catch (error) {
    if (isMisplaced(error)) return false
    throw toStoreError({ client, phase: 'before-commit', error })
  }
}
