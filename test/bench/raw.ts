import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Batch, Row } from 'privity'
import type { Contact } from './people.ts'

/** What an app without Privity does: plain rows in SQLite, as durable as ours. */
export interface Raw {
  put(id: string, contact: Contact): void
  get(id: string): Contact
  findByEmail(email: string): Contact
  list(limit: number): readonly Contact[]
  /** All of it in one transaction. */
  insert(rows: readonly Row[]): void
  delete(keys: readonly string[]): void
  /** Many writes in one transaction. */
  transact(write: () => void): void
  close(): void
}

/** What an acknowledged commit survives: `full` a loss of power too. */
export type Synchronous = 'full' | 'normal'

const SETTINGS = ['page_size = 16384', 'journal_mode = WAL']
const TABLES = `
  CREATE TABLE contacts (id TEXT NOT NULL PRIMARY KEY, email TEXT NOT NULL, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX contacts_by_email ON contacts (email);
  CREATE TABLE rows (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;`

/** Opens a new file with the settings of a store. */
export function openRaw(folder: string, synchronous: Synchronous = 'full'): Raw {
  const database = new Database(join(folder, `${randomBytes(4).toString('hex')}.db`))
  for (const setting of [...SETTINGS, `synchronous = ${synchronous}`]) database.pragma(setting)
  database.exec(TABLES)
  const put = database.prepare('INSERT INTO contacts (id, email, json) VALUES (?, ?, ?)')
  const get = database.prepare('SELECT json FROM contacts WHERE id = ?').pluck()
  const find = database.prepare('SELECT json FROM contacts WHERE email = ?').pluck()
  const list = database.prepare('SELECT json FROM contacts ORDER BY id LIMIT ?').pluck()
  const insert = database.prepare('INSERT OR REPLACE INTO rows (key, value) VALUES (?, ?)')
  const remove = database.prepare('DELETE FROM rows WHERE key = ?')
  return {
    put: (id, contact) => {
      put.run(id, contact.email, JSON.stringify(contact))
    },
    get: (id) => JSON.parse(String(get.get(id))),
    findByEmail: (email) => JSON.parse(String(find.get(email))),
    list: (limit) => list.all(limit).map((json) => JSON.parse(String(json))),
    insert: database.transaction((rows: readonly Row[]) => {
      for (const [key, value] of rows) insert.run(key, value)
    }),
    delete: database.transaction((keys: readonly string[]) => {
      for (const key of keys) remove.run(key)
    }),
    transact: (write) => database.transaction(write)(),
    close: () => {
      database.close()
    },
  }
}

const PREFIX = 17
const LONG_HEX = /[0-9a-f]{12,}|[A-Za-z0-9_-]{43}/g

/** Rows of a batch under keys that nobody used yet: as many, as long, and in as many places. */
export function freshRows({ put }: Batch): readonly Row[] {
  const renamed = new Map<string, string>()
  function rename(part: string): string {
    const known = renamed.get(part)
    if (known !== undefined) return known
    // Positions in a log come one after another, ids of people do not.
    const name = part.length === 12 ? nextPosition() : randomName(part.length)
    renamed.set(part, name)
    return name
  }
  // All of one tenant: the prefix stays.
  return put.map(
    ([key, value]): Row => [
      key.slice(0, PREFIX) + key.slice(PREFIX).replace(LONG_HEX, rename),
      value,
    ],
  )
}

let position = 0

function nextPosition(): string {
  position += 1
  return position.toString(16).padStart(12, '0')
}

function randomName(length: number): string {
  return randomBytes(Math.ceil(length / 2))
    .toString('hex')
    .slice(0, length)
}
