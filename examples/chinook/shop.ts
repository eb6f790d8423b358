import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createPrivity, localKeys, type SubjectId } from 'privity'
import { sqliteStore } from 'privity/sqlite'
import { createDesk, type Desk } from './desk.ts'
import { type Newsletter, newsletterHook, openNewsletter } from './newsletter.ts'
import { policy, type ShopPrivity } from './policy.ts'

/** The running shop: Privity, and what the shop keeps beside it. */
export interface Shop {
  readonly privity: ShopPrivity
  readonly database: DatabaseSync
  readonly newsletter: Newsletter
  readonly desk: Desk
}

/** Everything the shop stores; the key is elsewhere, so that a copy of this folder opens nothing. */
export const DATA_FOLDER: string = resolve('.privity-data')
const KEY_FOLDER = resolve('.privity-keys')
const DATABASE = resolve(DATA_FOLDER, 'shop.sqlite')

/** The files that SQLite keeps the rows in. */
export const DATABASE_FILES: readonly string[] = ['', '-wal', '-shm'].map((end) => DATABASE + end)

/** Opens a new, empty shop in place of the one of an earlier run. */
export async function openShop(): Promise<Shop> {
  rmSync(DATA_FOLDER, { recursive: true, force: true })
  makeFolder(DATA_FOLDER)
  const database = new DatabaseSync(DATABASE)
  const newsletter = openNewsletter(resolve(DATA_FOLDER, 'newsletter.json'))
  const parts = { database, newsletter, desk: createDesk() }
  return { ...parts, privity: await openPrivity(parts, readSecret()) }
}

/** Opens Privity over a database, as the shop does at every start. */
export async function openPrivity(
  { database, newsletter, desk }: Omit<Shop, 'privity'>,
  secret: Uint8Array,
): Promise<ShopPrivity> {
  return createPrivity({
    policy,
    store: sqliteStore(database),
    keys: localKeys(secret),
    hooks: [newsletterHook(newsletter), desk.hook],
    relationship: desk.relationship,
  })
}

/** The person behind the shop's own id. */
export async function subjectOf({ privity }: Shop, externalId: string): Promise<SubjectId> {
  const found = await privity.subjects.find({ externalId })
  if (found === undefined) throw new RangeError('no such customer')
  return found.id
}

/** 32 random bytes, made at the first start and kept for the next. */
export function readSecret(): Uint8Array {
  const path = resolve(KEY_FOLDER, 'root.key')
  if (!existsSync(path)) {
    makeFolder(KEY_FOLDER)
    writeFileSync(path, randomBytes(32), { mode: 0o600, flag: 'wx' })
  }
  return new Uint8Array(readFileSync(path))
}

/** For this user alone, and never for a repository. */
function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  writeFileSync(resolve(path, '.gitignore'), '*\n')
}
