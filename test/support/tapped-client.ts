import {
  isPGlite,
  isPgPool,
  type PGliteClient,
  type PGliteTransaction,
  type PgConnection,
  type PgPool,
  type PgQuery,
  type PostgresClient,
  type PostgresJs,
  type PostgresJsTransaction,
} from '../../src/adapters/postgres/client.ts'

/** A statement on its way, as the client is asked for it. */
export interface Tapped {
  readonly text: string
  readonly parameters: readonly unknown[]
  /** Everything that the client was given. */
  readonly given: object
}

/** Stands between the store and its client: `run` carries the statement out. */
export type Tap = <T>(statement: Tapped, run: () => Promise<T>) => Promise<T>

/** The same client, each statement of which passes the tap. */
export function tappedClient(client: PostgresClient, tap: Tap): PostgresClient {
  if (isPgPool(client)) return tappedPool(client, tap)
  return isPGlite(client) ? tappedPGlite(client, tap) : tappedPostgresJs(client, tap)
}

function tappedPool(pool: PgPool, tap: Tap): PgPool {
  return over(pool, {
    query: (query) => tapQuery(query, tap, () => pool.query(query)),
    connect: async () => tappedConnection(await pool.connect(), tap),
  })
}

function tappedConnection(connection: PgConnection, tap: Tap): PgConnection {
  return over(connection, {
    query: (query) => tapQuery(query, tap, () => connection.query(query)),
  })
}

function tapQuery<T>(query: PgQuery, tap: Tap, run: () => Promise<T>): Promise<T> {
  return tap({ text: query.text, parameters: query.values ?? [], given: query }, run)
}

function tappedPostgresJs(sql: PostgresJs, tap: Tap): PostgresJs {
  return Object.assign(() => undefined, {
    ...tappedUnsafe(sql, tap),
    begin: (work: (transaction: PostgresJsTransaction) => Promise<void>) =>
      sql.begin((transaction) => work(tappedUnsafe(transaction, tap))),
    end: (options: { timeout: number }) => sql.end(options),
  })
}

function tappedUnsafe(sql: PostgresJsTransaction, tap: Tap): PostgresJsTransaction {
  return {
    unsafe: (text, parameters) => ({
      raw: () =>
        tap({ text, parameters, given: {} }, async () => sql.unsafe(text, parameters).raw()),
    }),
  }
}

function tappedPGlite(pglite: PGliteClient, tap: Tap): PGliteClient {
  return over(pglite, {
    ...tappedQuery(pglite, tap),
    transaction: (work) => pglite.transaction((transaction) => work(tappedQuery(transaction, tap))),
  })
}

function tappedQuery(pglite: PGliteTransaction, tap: Tap): PGliteTransaction {
  return {
    query: (text, parameters = [], options = {}) =>
      tap({ text, parameters, given: options }, () => pglite.query(text, parameters, options)),
  }
}

/** The object with some methods replaced; the others keep their `this`. */
function over<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get: (_, name) => {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
