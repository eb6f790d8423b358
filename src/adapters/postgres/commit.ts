import { isPrivityError, PrivityError } from '../../base/errors.ts'
import { systemClock } from '../../base/time.ts'
import { backoff } from '../../storage/patience.ts'
import { textOf } from './cell.ts'
import { asksAgain, codeOf, type Phase, toStoreError } from './errors.ts'
import type { Query, Session } from './session.ts'
import {
  commitStatement,
  type Flush,
  flushStatement,
  type StepKind,
  type Statements,
} from './statements.ts'
import type { WriteKind, Writes, WriteSet } from './writes.ts'

/** How commits are carried out on an engine. */
export interface CommitMode {
  readonly flush: Flush
  /** `steps` where an engine cannot write a table in several ways in one statement. */
  readonly by: 'statement' | 'steps'
}

/** What a commit needs. */
export interface Committer {
  readonly session: Session
  readonly statements: Statements
  readonly mode: CommitMode
}

/** Times that a transaction is repeated because the server asks for it. */
const REPEATS = 4

/** The order of a transaction in steps; each step is one statement and must write all its rows. */
const STEPS: readonly { readonly of: readonly WriteKind[]; readonly as: StepKind }[] = [
  // A removal of a row that is absent writes nothing, so that two batches could pass each other by. An
  // empty row in its place keeps others out until the transaction ends.
  { of: ['absent'], as: 'create' },
  { of: ['remove'], as: 'put' },
  { of: ['change'], as: 'change' },
  { of: ['create'], as: 'create' },
  { of: ['put'], as: 'put' },
  { of: ['drop'], as: 'drop' },
  { of: ['absent', 'remove'], as: 'remove' },
]

/** Applies a batch, or rejects with the errors of the contract. */
export async function commitWrites(committer: Committer, writes: Writes): Promise<void> {
  await again('commit', () => attempt(committer, writes))
}

/** Repeats what the server wants repeated: it has applied none of it. */
export async function again<T>(phase: Phase, run: () => Promise<T>): Promise<T> {
  for (let repeat = 1; ; repeat += 1) {
    try {
      return await run()
    } catch (error) {
      if (repeat > REPEATS || !asksAgain(error)) throw toStoreError(error, phase)
    }
    await systemClock().wait(backoff(repeat))
  }
}

/** Commits in steps; the level of flushing as it was inside the transaction. */
export async function commitInSteps(
  { session, statements, mode }: Committer,
  writes: Writes,
): Promise<string> {
  let phase: Phase = 'before-commit'
  let level = ''
  try {
    await session.transaction(async (query) => {
      phase = 'before-commit'
      level = await flushLevel(query, mode.flush)
      for (const { of, as } of STEPS) {
        for (const kind of of) await step({ query, statements, as }, writes[kind])
      }
      phase = 'commit'
    })
    return level
  } catch (error) {
    if (asksAgain(error)) throw error
    throw toStoreError(error, phase)
  }
}

async function attempt(committer: Committer, writes: Writes): Promise<void> {
  const { session, statements, mode } = committer
  if (mode.by === 'steps' || writes.absent.count > 0) {
    await commitInSteps(committer, writes)
    return
  }
  const { text, parameters } = commitStatement(statements, writes, {
    flush: mode.flush,
    all: false,
  })
  try {
    await session.query(text, parameters)
  } catch (error) {
    // Either a check failed, or a row to be removed is absent, which only a lock can make sure of.
    if (isCastFault(error) && writes.remove.count > 0) {
      await commitInSteps(committer, writes)
      return
    }
    throw error
  }
}

async function step(
  { query, statements, as }: { query: Query; statements: Statements; as: StepKind },
  set: WriteSet,
): Promise<void> {
  if (set.count === 0) return
  const { text, parameters } = statements.write(as, set, 1)
  const done = await query(text, parameters)
  if (done.length !== set.count) throw new PrivityError('write_conflict', { attempts: 1 })
}

async function flushLevel(query: Query, flush: Flush): Promise<string> {
  const { text, parameters } = flushStatement(flush)
  const [row] = await query(text, parameters)
  return textOf(row?.[0])
}

function isCastFault(error: unknown): boolean {
  return !isPrivityError(error) && codeOf(error) === '22P02'
}
