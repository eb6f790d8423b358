import { PrivityError } from '../../base/errors.ts'
import type { Cell } from './cell.ts'
import type { PGliteClient, PGliteTransaction } from './client.ts'
import type { Query, Session } from './session.ts'

const TEXT = 25
const BYTEA = 17

const AS_IT_COMES = { [TEXT]: (cell: string) => cell, [BYTEA]: (cell: string) => cell }

/** A PGlite: one connection in this process, which runs one call after the other. */
export function pgliteSession(pglite: PGliteClient): Session {
  function assertOpen(): void {
    if (pglite.closed) throw new PrivityError('store_closed', { reason: 'connection_closed' })
  }
  const query: Query = async (text, parameters) => {
    assertOpen()
    return queryOn(pglite)(text, parameters)
  }
  return {
    read: query,
    query,
    transaction: async (work) => {
      assertOpen()
      await pglite.transaction((transaction) => work(queryOn(transaction)))
    },
    ephemeral: true,
    attach: () => undefined,
    detach: () => undefined,
    end: () => pglite.close(),
  }
}

function queryOn(pglite: PGliteTransaction): Query {
  return async (text, parameters) => {
    const { rows } = await pglite.query(text, [...parameters], {
      rowMode: 'array',
      parsers: AS_IT_COMES,
    })
    return rows as readonly (readonly Cell[])[]
  }
}
