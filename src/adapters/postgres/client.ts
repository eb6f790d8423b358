/** What Privity binds to a statement, always by position. */
export type PostgresParameter = string | Uint8Array

/** The part of a statement's result that Privity uses; rows are arrays of cells. */
export interface PostgresRows {
  readonly rows: readonly unknown[]
}

/** How Privity asks pg for a statement: never by a name, because a pooler gives it any connection. */
export interface PgQuery {
  readonly text: string
  readonly values?: PostgresParameter[]
  readonly rowMode?: 'array'
  readonly types?: {
    /** Gives every cell as it came. */
    getTypeParser(): (cell: unknown) => unknown
  }
}

/** The part of a connection of a `Pool` of pg that Privity uses. */
export interface PgConnection {
  /** Sends one statement. */
  query(query: PgQuery): Promise<PostgresRows>
  /** Gives the connection back, or closes it. */
  release(destroy?: boolean): void
  /** What goes wrong between statements must not end the process. */
  on(event: 'error', listener: () => void): unknown
  /** Takes the listener away again. */
  removeListener(event: 'error', listener: () => void): unknown
}

/** The part of a `Pool` of pg that Privity uses. */
export interface PgPool {
  /** Sends one statement. */
  query(query: PgQuery): Promise<PostgresRows>
  /** Lends a connection, for a transaction. */
  connect(): Promise<PgConnection>
  /** What goes wrong between statements must not end the process. */
  on(event: 'error', listener: () => void): unknown
  /** Takes the listener away again. */
  removeListener(event: 'error', listener: () => void): unknown
  /** Closes every connection. */
  end(): Promise<void>
  /** Tells a pool from a single connection, which could not run calls side by side. */
  readonly totalCount: number
  readonly ending?: boolean
}

/** A statement of postgres.js that was not sent yet. */
export interface PostgresJsQuery {
  /** Cells as the bytes that came, whatever the app does with types. */
  raw(): PromiseLike<readonly unknown[]>
}

/** The part of a transaction of postgres.js that Privity uses. */
export interface PostgresJsTransaction {
  /** Sends a statement as it is, with parameters beside it. */
  unsafe(text: string, parameters: PostgresParameter[]): PostgresJsQuery
}

/** The part of what `postgres()` of postgres.js gives that Privity uses. */
export interface PostgresJs extends PostgresJsTransaction {
  /** Runs work in a transaction, and rolls back if it rejects. */
  begin(work: (transaction: PostgresJsTransaction) => Promise<void>): Promise<unknown>
  /** Gives up waiting for connections after so many seconds. */
  end(options: { timeout: number }): Promise<void>
}

/** How Privity asks PGlite for rows. */
export interface PGliteQueryOptions {
  readonly rowMode?: 'array'
  readonly parsers?: {
    /** What is made of the text of a cell of this type. */
    [type: number]: (cell: string) => unknown
  }
}

/** The part of a transaction of PGlite that Privity uses. */
export interface PGliteTransaction {
  /** Sends one statement. */
  query(
    text: string,
    parameters?: PostgresParameter[],
    options?: PGliteQueryOptions,
  ): Promise<PostgresRows>
}

/** The part of a `PGlite` that Privity uses. */
export interface PGliteClient extends PGliteTransaction {
  /** Runs work in a transaction, and rolls back if it rejects. */
  transaction(work: (transaction: PGliteTransaction) => Promise<void>): Promise<void>
  /** Ends the database of this process. */
  close(): Promise<void>
  readonly closed: boolean
}

/**
 * A client that the app opened: a `Pool` of pg, what `postgres()` of postgres.js gives, or a `PGlite`.
 * Only these parts of them are used, so that no driver is imported.
 */
export type PostgresClient = PgPool | PostgresJs | PGliteClient

/** Whether this is a pool of pg. */
export function isPgPool(client: unknown): client is PgPool {
  return (
    has(client, ['connect', 'query', 'on', 'end']) && typeof Object(client).totalCount === 'number'
  )
}

/** Whether this is what `postgres()` of postgres.js gives. */
export function isPostgresJs(client: unknown): client is PostgresJs {
  return has(client, ['unsafe', 'begin', 'end'])
}

/** Whether this is a PGlite. */
export function isPGlite(client: unknown): client is PGliteClient {
  return has(client, ['query', 'transaction', 'close'])
}

function has(client: unknown, methods: readonly string[]): boolean {
  if (client === null || (typeof client !== 'object' && typeof client !== 'function')) return false
  try {
    return methods.every((name) => typeof Reflect.get(client, name) === 'function')
  } catch {
    // An accessor or a proxy that throws.
    return false
  }
}
