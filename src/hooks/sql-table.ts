import { invalidInput, type InputPath } from '../base/errors.ts'
import { membersOf } from '../base/members.ts'
import { type PersonKey, parsePersonKey } from './person-key.ts'

/** A value of a column that stands for nobody. */
export type SqlValue = string | number | boolean | null

/** A table with rows of people, and what becomes of them. */
export type SqlTable =
  | (SqlRows & {
      /** The row goes. */
      readonly action: 'delete'
    })
  | (SqlRows & {
      /** The row stays, and `column` is set to NULL. */
      readonly action: 'detach'
    })
  | (SqlRows & {
      /** The row stays, with these values. */
      readonly action: 'anonymise'
      readonly set: { readonly [column: string]: SqlValue }
    })

/** Where the rows of one person are. */
export interface SqlRows {
  /** Name of the table, with its schema where it needs one: `orders`, `shop.orders`. */
  readonly table: string
  /** The column with the person's id or, with `through`, with the id of a row there. */
  readonly column: string
  /** Which of the person's ids it is. Default: `externalId`. */
  readonly key?: PersonKey
  /** The table between this one and the person: lines of an order belong to whom the order belongs to. */
  readonly through?: SqlThrough
}

/** A table in between. */
export interface SqlThrough {
  /** The table that the rows refer to. */
  readonly table: string
  /** The column that the table below refers to. */
  readonly id: string
  /** The column with the person's id or, with `through`, with the id of a row there. */
  readonly column: string
  /** Where that one does not name the person either: the next table on the way. */
  readonly through?: SqlThrough
}

/** A table as it was read once and checked. */
export interface ParsedTable extends SqlThrough {
  /** Item of the plan. */
  readonly name: string
  readonly key: PersonKey
  readonly action: SqlTable['action']
  readonly set: readonly (readonly [column: string, value: SqlValue])[]
}

const ROWS = ['table', 'column', 'key', 'through', 'action', 'set'] as const
const THROUGH = ['table', 'id', 'column', 'through'] as const
const ACTIONS: readonly unknown[] = ['delete', 'detach', 'anonymise']
/** No more than PostgreSQL keeps of a name, and nothing that would need to be escaped. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/
const TABLE = /^(?:[A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,62}$/
const MAX_TABLES = 100
const MAX_COLUMNS = 100
const MAX_STEPS = 8
/** An item of a plan has an id of so many characters. */
const MAX_ITEM = 128

/** @throws {@link invalid_input} */
export function parseTables(tables: unknown): readonly ParsedTable[] {
  if (!Array.isArray(tables) || tables.length === 0) throw invalidInput(['tables'], 'not_a_list')
  if (tables.length > MAX_TABLES) throw invalidInput(['tables'], 'too_big')
  const parsed = Array.from(tables, (table: unknown, index) => parseTable(table, ['tables', index]))
  parsed.forEach((table, index) => {
    checkName(parsed, index)
    checkOrder(parsed.slice(0, index), table, ['tables', index, 'through'])
  })
  return parsed
}

function parseTable(table: unknown, path: InputPath): ParsedTable {
  const { key, action, set, ...rows } = membersOf(table, ROWS, path)
  if (!ACTIONS.includes(action)) throw invalidInput([...path, 'action'], 'unknown_action')
  const { through, ...place } = parsePlace({ ...rows, id: rows.column }, path, MAX_STEPS)
  return {
    ...place,
    ...(through === undefined ? {} : { through }),
    name: `${place.table}.${place.column}`,
    key: parsePersonKey(key, [...path, 'key']),
    action: action as ParsedTable['action'],
    set: parseSet(action, set, [...path, 'set']),
  }
}

function parsePlace(
  { table, id, column, through }: { readonly [name: string]: unknown },
  path: InputPath,
  steps: number,
): SqlThrough {
  if (typeof table !== 'string' || !TABLE.test(table))
    throw invalidInput([...path, 'table'], 'not_a_name')
  const place = { table, column: parseName(column, [...path, 'column']) }
  const named = { ...place, id: parseName(id, [...path, 'id']) }
  if (through === undefined) return named
  const above = [...path, 'through']
  if (steps === 1) throw invalidInput(above, 'too_deep')
  return { ...named, through: parsePlace(membersOf(through, THROUGH, above), above, steps - 1) }
}

function parseName(name: unknown, path: InputPath): string {
  if (typeof name === 'string' && NAME.test(name)) return name
  throw invalidInput(path, 'not_a_name')
}

function parseSet(action: unknown, set: unknown, path: InputPath): ParsedTable['set'] {
  if (action !== 'anonymise') {
    if (set !== undefined) throw invalidInput(path, 'not_for_this_action')
    return []
  }
  const names = typeof set === 'object' && set !== null ? Object.keys(set) : []
  const values = Object.entries(membersOf(set, names, path))
  if (values.length === 0 || values.length > MAX_COLUMNS) throw invalidInput(path, 'not_columns')
  return values.map(([name, value]) => {
    const column = parseName(name, [...path, name])
    if (!isValue(value)) throw invalidInput([...path, name], 'not_a_value')
    return [column, value] as const
  })
}

function isValue(value: unknown): value is SqlValue {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  return value === null || typeof value === 'boolean' || Number.isFinite(value)
}

function checkName(tables: readonly ParsedTable[], index: number): void {
  const name = tables[index]?.name ?? ''
  if (name.length > MAX_ITEM) throw invalidInput(['tables', index, 'table'], 'too_big')
  if (tables.findIndex((table) => table.name === name) !== index)
    throw invalidInput(['tables', index], 'duplicate')
}

/** Rows that are found through others have to go before the way to them does. */
function checkOrder(before: readonly ParsedTable[], table: SqlThrough, path: InputPath): void {
  for (let above = table.through; above !== undefined; above = above.through) {
    const { table: name } = above
    if (before.some((one) => one.table === name)) throw invalidInput(path, 'after_its_parent')
  }
}
