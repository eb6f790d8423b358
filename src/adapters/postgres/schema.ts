import { isPrivityError, PrivityError } from '../../base/errors.ts'
import { systemClock } from '../../base/time.ts'
import { backoff } from '../../storage/patience.ts'
import { textOf } from './cell.ts'
import { again } from './commit.ts'
import { codeOf, toStoreError } from './errors.ts'
import type { Session } from './session.ts'
import { qualified, type Settings } from './settings.ts'

/** What was found out about the table. */
export interface Table {
  /** Whether its rows survive a crash of the server. */
  readonly logged: boolean
}

/** What another process that creates the same table at the same time may cause. */
const RACES: readonly unknown[] = ['23505', '42P07', '42710', '40001', '40P01', 'XX000']
const ATTEMPTS = 8

/**
 * Columns, key and order of the table, or no row. A collation that knows words would make a page of keys
 * out of order, and could take two keys for one; the one of the database is good if it sorts like bytes.
 */
const SHAPE = `SELECT c.relkind::text, c.relpersistence::text,
  (SELECT string_agg(a.attname::text || ' ' || format_type(a.atttypid, a.atttypmod)
      || CASE WHEN a.attnotnull THEN '' ELSE ' null' END, ',' ORDER BY a.attnum)
    FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  (SELECT count(*)::text FROM pg_index AS i
    WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate AND i.indkey::text = '1'),
  (SELECT l.collname::text FROM pg_attribute AS a JOIN pg_collation AS l ON l.oid = a.attcollation
    WHERE a.attrelid = c.oid AND a.attname = 'k'),
  (SELECT string_agg(t.x, '' ORDER BY t.x)
    FROM unnest(string_to_array('a Z _ B ab a/b a-b ~ 0 - aB', ' ')) AS t(x))
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2`

const COLUMNS = 'k text,v bytea'
const BYTE_ORDERS: readonly string[] = ['C', 'POSIX', 'ucs_basic', 'pg_c_utf8']
const SORTED_LIKE_BYTES = '-0BZ_aa-ba/baBab~'

/** Creates the table where it is missing; several processes may do so at once. */
export async function ensureTable(session: Session, settings: Settings): Promise<Table> {
  for (let attempt = 1; ; attempt += 1) {
    const found = await again('before-commit', () => findTable(session, settings))
    if (found !== undefined) return found
    try {
      await createTable(session, settings)
    } catch (error) {
      if (attempt === ATTEMPTS || !RACES.includes(codeOf(error))) {
        throw toStoreError(error, 'before-commit')
      }
      await systemClock().wait(backoff(attempt))
    }
  }
}

/** A table that is there is not created, so that a role without that right can use it. */
async function findTable(
  session: Session,
  { schema, table }: Settings,
): Promise<Table | undefined> {
  const [row] = await session.query(SHAPE, [schema, table])
  if (row === undefined) return undefined
  const [kind = '', persistence, columns, keys, collation = '', sorted] = row.map(textOf)
  const inOrder =
    BYTE_ORDERS.includes(collation) || (collation === 'default' && sorted === SORTED_LIKE_BYTES)
  const ours = ['r', 'p'].includes(kind) && columns === COLUMNS && keys === '1' && inOrder
  if (!ours) throw new PrivityError('store_corrupt', { reason: 'schema' })
  return { logged: persistence === 'p' }
}

/** Alone in its transaction: some engines mix definitions with nothing else. */
async function createTable(session: Session, settings: Settings): Promise<void> {
  const name = qualified(settings)
  try {
    await session.query(
      `CREATE TABLE IF NOT EXISTS ${name} (k text COLLATE "C" PRIMARY KEY, v bytea NOT NULL)`,
      [],
    )
  } catch (error) {
    if (!isNotSupported(error)) throw error
    // An engine that knows no other order; findTable makes sure.
    await session.query(
      `CREATE TABLE IF NOT EXISTS ${name} (k text PRIMARY KEY, v bytea NOT NULL)`,
      [],
    )
  }
}

function isNotSupported(error: unknown): boolean {
  const failure = toStoreError(error, 'before-commit')
  return isPrivityError(failure, 'store_unavailable') && failure.details.reason === 'not_supported'
}
