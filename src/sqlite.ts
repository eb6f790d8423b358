export type {
  BatchClient,
  D1Client,
  D1Statement,
  LibsqlClient,
} from './adapters/sqlite/batch-client.ts'
export type { SqliteClient, SqliteParameter, SqliteStatement } from './adapters/sqlite/client.ts'
export type { SqliteStoreOptions } from './adapters/sqlite.ts'
export { sqliteStore } from './adapters/sqlite.ts'
