import { fromUtf8 } from '../../base/bytes.ts'
import type { Cell } from './cell.ts'
import type { PostgresJs, PostgresJsTransaction } from './client.ts'
import type { Query, Session } from './session.ts'

/** Without one it may wait for ever, for a connection that was lost before. */
const END_TIMEOUT_S = 5

/** What `postgres()` of postgres.js gives. */
export function postgresJsSession(sql: PostgresJs): Session {
  const query = queryOn(sql)
  return {
    read: query,
    query,
    transaction: async (work) => {
      await sql.begin((transaction) => work(queryOn(transaction)))
    },
    ephemeral: false,
    attach: () => undefined,
    detach: () => undefined,
    end: () => sql.end({ timeout: END_TIMEOUT_S }),
  }
}

function queryOn(sql: PostgresJsTransaction): Query {
  return async (text, parameters) => {
    const rows = await sql.unsafe(text, [...parameters]).raw()
    return Array.from(rows as readonly (readonly unknown[])[], (row) => row.map(toText))
  }
}

function toText(cell: unknown): Cell {
  return cell instanceof Uint8Array ? (fromUtf8(cell) ?? null) : null
}
