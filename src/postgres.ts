export type {
  PGliteClient,
  PGliteQueryOptions,
  PGliteTransaction,
  PgConnection,
  PgPool,
  PgQuery,
  PostgresClient,
  PostgresJs,
  PostgresJsQuery,
  PostgresJsTransaction,
  PostgresParameter,
  PostgresRows,
} from './adapters/postgres/client.ts'
export type { PostgresStoreOptions } from './adapters/postgres/settings.ts'
export { postgresStore } from './adapters/postgres.ts'
