import { invalidInput } from '../../base/errors.ts'
import { membersOf } from '../../base/members.ts'

/** Settings of a store in PostgreSQL. */
export interface PostgresStoreOptions {
  /** Schema that the table is in, and in which it is created if it is missing. Default: `public`. */
  readonly schema?: string
  /** Name of the table. Default: `privity_rows`. */
  readonly table?: string
  /**
   * With `'on'`, a commit waits until it is flushed also where the server, the role or the connection has
   * `synchronous_commit` off; a setting that waits for more stays. With `'keep'`, what is set is reported
   * and left. Default: `'on'`.
   */
  readonly synchronousCommit?: 'on' | 'keep'
  /** What `close` does with the client that the app brought. Default: `'keep'`. */
  readonly onClose?: 'keep' | 'end'
}

/** The same, complete; the table as it stands in statements. */
export interface Settings {
  readonly schema: string
  readonly table: string
  readonly synchronousCommit: 'on' | 'keep'
  readonly onClose: 'keep' | 'end'
}

const NAMES = ['schema', 'table', 'synchronousCommit', 'onClose'] as const
/** What needs no quotes in PostgreSQL, and is not cut off there. */
const IDENTIFIER = /^[a-z_][a-z0-9_]{0,62}$/

/**
 * Reads the settings once; a misspelt one must not weaken what the app relies on.
 *
 * @throws {@link invalid_input}
 */
export function parseSettings(options: unknown): Settings {
  const given = options === undefined ? {} : membersOf(options, NAMES, ['options'])
  return Object.freeze({
    schema: identifier('schema', given.schema ?? 'public'),
    table: identifier('table', given.table ?? 'privity_rows'),
    synchronousCommit: oneOf('synchronousCommit', given.synchronousCommit, ['on', 'keep']),
    onClose: oneOf('onClose', given.onClose, ['keep', 'end']),
  })
}

/** As it stands in a statement; a name alone would be looked for among temporary tables first. */
export function qualified({ schema, table }: Settings): string {
  return `"${schema}"."${table}"`
}

function identifier(name: string, value: unknown): string {
  if (typeof value === 'string' && IDENTIFIER.test(value)) return value
  throw invalidInput(['options', name], 'not_an_identifier')
}

/** The first is the default. */
function oneOf<T extends string>(
  name: string,
  value: unknown,
  [first, ...others]: readonly [T, ...T[]],
): T {
  if (value === undefined) return first
  const found = [first, ...others].find((word) => word === value)
  if (found === undefined) throw invalidInput(['options', name], 'not_a_setting')
  return found
}
