import type { SqliteParameter } from './client.ts'

/** A statement of D1, to which its parameters are bound. */
export interface D1Statement {
  /** The statement with these values. */
  bind(...parameters: SqliteParameter[]): D1Statement
}

/** What Privity uses of a `D1Database`, as a Worker has it in `env`. */
export interface D1Client {
  /** A statement without values. */
  prepare(sql: string): D1Statement
  /** Runs them in one transaction, all or nothing. */
  batch(statements: D1Statement[]): Promise<readonly { readonly results: readonly unknown[] }[]>
}

/** What Privity uses of a client of libSQL, as `createClient` of `@libsql/client` gives it. */
export interface LibsqlClient {
  /** Runs them in one transaction, all or nothing. */
  batch(
    statements: { sql: string; args: SqliteParameter[] }[],
    mode: 'read' | 'write',
  ): Promise<readonly { readonly rows: readonly unknown[] }[]>
  /** Runs one statement. */
  execute(sql: string): Promise<unknown>
  /** How the client reaches the database: `http`, `ws`, or `file` for one on this machine. */
  readonly protocol: string
}

/** A database that knows no transaction but a batch of statements that are sent together. */
export type BatchClient = D1Client | LibsqlClient

/** Tells a `D1Database`. One of its sessions is none: it may read from a replica that lags behind. */
export function isD1(value: unknown): value is D1Client {
  return has(value, ['prepare', 'batch']) && !has(value, ['getBookmark'])
}

/** Tells a client of libSQL. */
export function isLibsql(value: unknown): value is LibsqlClient {
  return has(value, ['execute', 'batch']) && !has(value, ['prepare'])
}

function has(value: unknown, methods: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false
  try {
    return methods.every((name) => typeof Reflect.get(value, name) === 'function')
  } catch {
    // An accessor or a proxy that throws.
    return false
  }
}
