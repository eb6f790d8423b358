import { invalidInput, isPrivityError, PrivityError } from '../base/errors.ts'
import { membersOf } from '../base/members.ts'
import type { ErasureHook, HookContext, HookItem, HookOutcome } from '../erasure/hook.ts'
import { type PartialOption, partialOf } from './partial-of.ts'
import { idOf } from './person-key.ts'
import { openSqlSession, type SqlClient, type SqlSession, type Work } from './sql-session.ts'
import { statementsFor, type TableStatements } from './sql-statements.ts'
import { type ParsedTable, parseTables, type SqlTable } from './sql-table.ts'

/** Which tables of the app hold rows of people. */
export interface SqlTablesOptions extends PartialOption {
  /** Id of the hook. */
  readonly id: string
  /** Opened by the app, and not closed here. */
  readonly client: SqlClient
  /** In the order in which they are changed: first those that refer to others. */
  readonly tables: readonly SqlTable[]
}

interface Shop {
  readonly session: SqlSession
  readonly tables: readonly ParsedTable[]
}

const NAMES = ['id', 'client', 'tables', 'partial'] as const
/** Reasons that last until somebody repairs what they name. */
const LASTING: readonly string[] = ['ambiguous_id', 'foreign_key', 'constraint']

/**
 * Erases a person from tables of the app's own database: all of them in one transaction, in the order given, with one
 * line of the plan for each. A row belongs to a person when the id in it is theirs to the letter; where the database
 * takes another for it, as 42 for `042`, nothing is changed and the hook is blocked.
 *
 * @throws {@link invalid_input}
 * @example
 * ```ts
 * import { DatabaseSync } from 'node:sqlite'
 *
 * const hook = sqlTables({
 *   id: 'shop',
 *   client: new DatabaseSync('shop.db'),
 *   tables: [
 *     { table: 'reviews', column: 'customer_id', action: 'detach' },
 *     { table: 'invoices', column: 'customer_id', action: 'anonymise', set: { name: 'erased', street: null } },
 *     { table: 'customers', column: 'id', action: 'delete' },
 *   ],
 * })
 * ```
 */
export function sqlTables(options: SqlTablesOptions): ErasureHook {
  const { id, client, tables, partial } = membersOf(options, NAMES, ['options'])
  const shop = { session: openSqlSession(client), tables: parseTables(tables) }
  return Object.freeze({
    id: id as string,
    version: 1,
    ...partialOf(partial),
    plan: (context: HookContext) => plan(shop, context),
    execute: (item: HookItem, context: HookContext) => execute(shop, item, context),
    verify: (item: HookItem, context: HookContext) => verify(shop, item, context),
  })
}

/** Tables without a row of the person too: there may be one by the time they are looked at again. */
function plan({ session, tables }: Shop, context: HookContext): Promise<readonly HookItem[]> {
  return session.read(function* counts() {
    const items: HookItem[] = []
    for (const table of tables) {
      const asked = ask({ session, table }, context)
      if (asked === undefined) continue
      const count = yield asked.count
      items.push({ id: table.name, description: `${table.action} rows of ${table.table}`, count })
    }
    return items
  })
}

/** Changes all tables, whichever item it is asked for: what is in one transaction is never seen half done. */
async function execute(shop: Shop, item: HookItem, context: HookContext): Promise<HookOutcome> {
  if (!shop.tables.some(({ name }) => name === item.id)) return { blocked: 'unknown_table' }
  context.signal.throwIfAborted()
  try {
    return (await shop.session.change(changes(shop, context))) > 0 ? 'done' : 'already_done'
  } catch (error) {
    if (!isPrivityError(error, 'store_unavailable')) throw error
    const { reason } = error.details
    return LASTING.includes(reason)
      ? { blocked: reason }
      : { retryAfter: { hours: 1 }, why: reason }
  }
}

function changes({ session, tables }: Shop, context: HookContext): Work<number> {
  return function* change() {
    let changed = 0
    for (const table of tables) {
      const asked = ask({ session, table }, context)
      if (asked === undefined) continue
      if ((yield asked.doubtful) > 0)
        throw new PrivityError('store_unavailable', { reason: 'ambiguous_id' })
      const count = yield asked.count
      if (count > 0) yield asked.change
      changed += count
    }
    return changed
  }
}

async function verify(
  { session, tables }: Shop,
  item: HookItem,
  context: HookContext,
): Promise<'absent' | 'unknown' | { readonly residual: number }> {
  const table = tables.find(({ name }) => name === item.id)
  const asked = table === undefined ? undefined : ask({ session, table }, context)
  if (asked === undefined) return 'unknown'
  return session.read(function* look() {
    if ((yield asked.doubtful) > 0) return 'unknown' as const
    const residual = yield asked.count
    return residual === 0 ? ('absent' as const) : { residual }
  })
}

/** Undefined for a person without such an id: no row can hold it. */
function ask(
  { session, table }: { readonly session: SqlSession; readonly table: ParsedTable },
  context: HookContext,
): TableStatements | undefined {
  const id = idOf(context, table.key)
  if (id === undefined) return undefined
  if (id.includes('\0')) throw invalidInput(['externalId'], 'not_a_string')
  return statementsFor(table, id, session.dialect)
}
