import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { NodeFiles } from '../base/platform.ts'

/** Directories of people in one directory; what they reject with holds no path. */
export interface Folders {
  /** How many files, links and directories there are under the name, itself among them; 0 for none. */
  count(name: string): Promise<number>
  /** Removes all of that; false when there was nothing. */
  remove(name: string): Promise<boolean>
}

/** What the system's error codes say. */
const REASONS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['ENOENT', 'missing'],
  ['ENOTDIR', 'missing'],
  ['EACCES', 'permission'],
  ['EPERM', 'permission'],
  ['EROFS', 'read_only'],
  ['EBUSY', 'busy'],
  ['ENOTEMPTY', 'busy'],
  ['EIO', 'io'],
])
// Windows does not sync directories; its file systems keep a journal of names.
const UNSYNCED = ['EISDIR', 'EPERM', 'EINVAL', 'EACCES']

/** Over a directory that exists: one that is not there, as when a disk is not mounted, proves nothing. */
export function createFolders(fs: NodeFiles, directory: string): Folders {
  const place: Place = { fs, directory }
  return {
    count: (name) =>
      typed(async () => ((await find(place, name)) ? count(fs, pathOf(place, name)) : 0)),
    remove: (name) =>
      typed(async () => {
        if (!(await find(place, name))) return false
        // It removes links and does not follow them.
        await fs.rm(pathOf(place, name), { recursive: true })
        await sync(place)
        return true
      }),
  }
}

interface Place {
  readonly fs: NodeFiles
  readonly directory: string
}

function pathOf({ directory }: Place, name: string): string {
  return `${directory}/${name}`
}

/**
 * Whether there is something under exactly this name. A disk that takes `Anna` for `anna`, or `anna.` for it, would
 * give one person's files for another's.
 */
async function find(place: Place, name: string): Promise<boolean> {
  const { fs, directory } = place
  if (!(await fs.stat(directory)).isDirectory()) throw unavailable('missing')
  const path = pathOf(place, name)
  try {
    if ((await fs.lstat(path)).isSymbolicLink()) return true
    const [real, root] = await Promise.all([fs.realpath(path), fs.realpath(directory)])
    if (real.slice(root.replace(/[/\\]$/, '').length + 1) === name) return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
  throw unavailable('other_name')
}

/** Counts without following links, and without a call per level that a deep tree could exhaust. */
async function count(fs: NodeFiles, path: string): Promise<number> {
  const open = [path]
  let found = 0
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    found += 1
    if (!(await fs.lstat(next)).isDirectory()) continue
    for (const entry of await fs.readdir(next)) open.push(`${next}/${entry}`)
  }
  return found
}

/** A name that is gone must not come back with the power. */
async function sync({ fs, directory }: Place): Promise<void> {
  try {
    const handle = await fs.open(directory, 'r')
    await handle.sync().finally(() => handle.close())
  } catch (error) {
    if (!UNSYNCED.includes(codeOf(error))) throw error
  }
}

/** The system's messages quote paths, so nothing of them is passed on. */
async function typed<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (isPrivityError(error)) throw error
    throw unavailable(REASONS.get(codeOf(error)) ?? 'failed')
  }
}

function unavailable(reason: string): PrivityError {
  return new PrivityError('store_unavailable', { reason })
}

function codeOf(error: unknown): string {
  const known = typeof error === 'object' && error !== null && 'code' in error
  return known && typeof error.code === 'string' ? error.code : ''
}
