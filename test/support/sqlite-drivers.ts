import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import type { SqliteClient } from '../../src/adapters/sqlite/client.ts'

/** A connection that a test opened and closes. */
export interface Connection extends SqliteClient {
  close(): unknown
}

/** One of the clients that the adapter accepts, and what its errors look like. */
export interface Driver {
  readonly name: 'better-sqlite3' | 'node:sqlite'
  connect(path: string): Connection
  connectReadOnly(path: string): Connection
  /** The client's error for a result code, such as 10 for SQLITE_IOERR. */
  failure(name: string, code: number): Error
}

const better: Driver = {
  name: 'better-sqlite3',
  connect: (path) => new BetterSqlite3(path),
  connectReadOnly: (path) => new BetterSqlite3(path, { readonly: true }),
  failure: (name) => Object.assign(new Error('quoted by the driver'), { code: `SQLITE_${name}` }),
}

const node: Driver = {
  name: 'node:sqlite',
  connect: (path) => new DatabaseSync(path),
  connectReadOnly: (path) => new DatabaseSync(path, { readOnly: true }),
  failure: (_, errcode) =>
    Object.assign(new Error('quoted by the driver'), { code: 'ERR_SQLITE_ERROR', errcode }),
}

/** Both clients that run in Node. */
export const DRIVERS: { readonly [D in Driver['name']]: Driver } = {
  'better-sqlite3': better,
  'node:sqlite': node,
}

/** A folder for one test's files. */
export interface Folder {
  readonly file: string
  /** Everything SQLite keeps beside the file too. */
  contents(): readonly Uint8Array[]
  remove(): void
}

export function createFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'privity-sqlite-'))
  const file = join(path, 'rows.db')
  return {
    file,
    contents: () => ['', '-wal', '-shm', '-journal'].flatMap((end) => contentOf(file + end)),
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

function contentOf(path: string): readonly Uint8Array[] {
  try {
    return [readFileSync(path)]
  } catch {
    return []
  }
}
