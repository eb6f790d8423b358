import { PrivityError } from '../../base/errors.ts'
import type { DurabilityLevel, StoreInfo } from '../../storage/store.ts'
import { textOf } from './cell.ts'
import { again, commitInSteps, type CommitMode } from './commit.ts'
import { toStoreError } from './errors.ts'
import type { Session } from './session.ts'
import { ensureTable } from './schema.ts'
import { qualified, type Settings } from './settings.ts'
import { commitStatement, type Statements, statementsFor } from './statements.ts'
import { toWrites } from './writes.ts'

/** A database that is ready, and what it was found to give. */
export interface Setup {
  readonly info: StoreInfo
  readonly statements: Statements
  readonly mode: CommitMode
}

/** What the server says of itself; a word is empty where it does not tell. */
interface Facts {
  readonly version: string
  readonly isolation: string
  readonly fsync: string
  readonly fullPageWrites: string
  readonly synchronousCommit: string
  readonly logged: boolean
}

const FACTS = `SELECT version(), current_setting('default_transaction_isolation', true),
  current_setting('fsync', true), current_setting('full_page_writes', true)`

const NO_WRITES = toWrites({ checks: [], put: [], del: [] })

/** Creates the table where it is missing, finds out how the engine commits, and reads back how safely. */
export async function setUp(session: Session, settings: Settings): Promise<Setup> {
  const statements = statementsFor(qualified(settings))
  const { logged } = await ensureTable(session, settings)
  const { mode, level } = await findMode(session, { statements, settings })
  const [row = []] = await again('before-commit', () => session.query(FACTS, []))
  const [version = '', isolation = '', fsync = '', fullPageWrites = ''] = row.map(textOf)
  const facts = { version, isolation, fsync, fullPageWrites, synchronousCommit: level, logged }
  return { info: describe(session, facts), statements, mode }
}

/**
 * Asks the engine instead of knowing it by its name: the commit of nothing is understood, or it is not.
 * A server that only reads refuses it: replicas lag behind, so none is good enough.
 */
async function findMode(
  session: Session,
  { statements, settings }: { readonly statements: Statements; readonly settings: Settings },
): Promise<{ readonly mode: CommitMode; readonly level: string }> {
  for (const mode of modesFor(settings)) {
    try {
      const level = await again('before-commit', () => tryMode(session, statements, mode))
      return { mode, level }
    } catch (error) {
      const failure = toStoreError(error, 'before-commit')
      const { reason } = { reason: '', ...failure.details }
      if (reason !== 'not_supported') throw failure
    }
  }
  throw new PrivityError('store_unavailable', { reason: 'not_supported' })
}

function modesFor({ synchronousCommit }: Settings): readonly CommitMode[] {
  const flushes =
    synchronousCommit === 'on' ? (['raise', 'as-set'] as const) : (['as-set'] as const)
  return (['statement', 'steps'] as const).flatMap((by) => flushes.map((flush) => ({ by, flush })))
}

async function tryMode(
  session: Session,
  statements: Statements,
  mode: CommitMode,
): Promise<string> {
  if (mode.by === 'steps') return commitInSteps({ session, statements, mode }, NO_WRITES)
  const { text, parameters } = commitStatement(statements, NO_WRITES, {
    flush: mode.flush,
    all: true,
  })
  const [row] = await session.query(text, parameters)
  return textOf(row?.[1])
}

function describe(session: Session, facts: Facts): StoreInfo {
  const { version, isolation, fsync, fullPageWrites, synchronousCommit } = facts
  const settings = {
    synchronous_commit: synchronousCommit,
    fsync,
    full_page_writes: fullPageWrites,
    isolation,
  }
  const told = Object.entries(settings).filter(([, value]) => value !== '')
  const name = version.split(' ').slice(0, 2).join(' ')
  return {
    durability: session.ephemeral ? 'none' : levelOf(facts),
    shared: true,
    detail: [name, ...told.map((pair) => pair.join(' '))].join(', '),
  }
}

/** The weakest link. A server that does not tell is taken at its word that it has the commit. */
function levelOf({ fsync, fullPageWrites, synchronousCommit, logged }: Facts): DurabilityLevel {
  // Not written out, or in a table that is emptied, when the server itself crashes.
  if (synchronousCommit === 'off' || !logged) return 'none'
  return fsync === 'on' && fullPageWrites === 'on' ? 'power-loss' : 'process-crash'
}
