import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { NodeFiles } from '../base/platform.ts'
import { decodeKeyFile, encodeKeyFile, type KeyFile } from './file-keys-format.ts'

type Handle = Awaited<ReturnType<NodeFiles['open']>>

const OWNER_ONLY = 0o600
const OTHERS = 0o077
/** Some ten thousand epochs. */
const MAX_BYTES = 2 ** 20
/** A file that is replaced while it is read may show the zeros that its predecessor is overwritten with. */
const ATTEMPTS = 5

/** What the system's error codes say; the messages quote the path. */
const WORDS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['ENOENT', 'missing'],
  ['ENOTDIR', 'missing'],
  ['EACCES', 'permission'],
  ['EPERM', 'permission'],
  ['EROFS', 'read_only'],
  ['ENOSPC', 'full'],
  ['EDQUOT', 'full'],
  ['EBUSY', 'busy'],
])
// Windows does not sync directories, nor do some file systems.
const UNSYNCED: readonly string[] = ['EISDIR', 'EPERM', 'EINVAL', 'EBADF']

/**
 * The file; undefined when there is none.
 *
 * @throws {@link key_unavailable} when it cannot be read, or others than its owner may
 * @throws {@link key_unreadable} · @throws {@link unsupported_format}
 */
export async function readKeyFile(fs: NodeFiles, path: string): Promise<KeyFile | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const handle = await orElse(['ENOENT'], undefined, () => fs.open(path, 'r'))
    if (handle === undefined) return undefined
    try {
      return await readHandle(handle)
    } catch (error) {
      if (attempt === ATTEMPTS || !(await wasReplaced(fs, handle, path))) throw error
    } finally {
      await handle.close()
    }
  }
}

/** Makes the file, whole or not at all; false when there is one. To be called under the lock. */
export async function createKeyFile(fs: NodeFiles, path: string, file: KeyFile): Promise<boolean> {
  const draft = draftOf(path)
  await writeDraft(fs, draft, file)
  try {
    const isMine = await orElse(['EEXIST'], false, async () => {
      await fs.link(draft, path)
      return true
    })
    if (isMine) await syncNames(fs, path)
    return isMine
  } finally {
    await fs.unlink(draft)
  }
}

/**
 * Puts another state in the place of the file, and overwrites the old bytes: they hold secrets that may die
 * later. Where directories are not synced they stay: after a power cut, the name may be theirs again. To be
 * called under the lock.
 */
export async function replaceKeyFile(fs: NodeFiles, path: string, file: KeyFile): Promise<void> {
  const old = await fs.open(path, 'r+')
  try {
    const draft = draftOf(path)
    await writeDraft(fs, draft, file)
    await fs.rename(draft, path)
    if (await syncNames(fs, path)) await overwrite(old)
  } finally {
    await old.close()
  }
}

/** Overwrites and removes what a process that died left behind; to be called under the lock. */
export async function removeDraft(fs: NodeFiles, path: string): Promise<void> {
  const draft = draftOf(path)
  const handle = await orElse(['ENOENT'], undefined, () => fs.open(draft, 'r+'))
  if (handle === undefined) return
  try {
    // A draft that was linked is the file itself by another name.
    const { nlink } = await handle.stat()
    if (nlink === 1) await overwrite(handle)
    await fs.unlink(draft)
  } finally {
    await handle.close()
  }
}

/** The system's messages quote the path, so nothing of them is passed on. */
export async function typedFile<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (isPrivityError(error)) throw error
    throw fileFault(WORDS.get(codeOf(error)) ?? 'failed')
  }
}

/** A file that is not to be had now. */
export function fileFault(word: string): PrivityError {
  return new PrivityError('key_unavailable', { what: `key_file.${word}` })
}

/** What the call gives, or something else when the system refuses with one of these codes. */
export async function orElse<T>(
  codes: readonly string[],
  instead: T,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (codes.includes(codeOf(error))) return instead
    throw error
  }
}

async function readHandle(handle: Handle): Promise<KeyFile> {
  const bytes = await readOwn(handle)
  try {
    return decodeKeyFile(bytes)
  } finally {
    bytes.fill(0)
  }
}

async function readOwn(handle: Handle): Promise<Uint8Array> {
  const status = await handle.stat()
  if (!status.isFile()) throw fileFault('not_a_file')
  // Windows has no such bits, and shows the same for every file.
  if (process.platform !== 'win32' && (status.mode & OTHERS) !== 0)
    throw fileFault('readable_by_others')
  if (status.size > MAX_BYTES) throw new PrivityError('key_unreadable', { what: 'key_file' })
  const buffer = new Uint8Array(status.size)
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
  return buffer.subarray(0, bytesRead)
}

async function wasReplaced(fs: NodeFiles, handle: Handle, path: string): Promise<boolean> {
  const mine = await handle.stat()
  const there = await orElse(['ENOENT'], undefined, () => fs.stat(path))
  return there?.ino !== mine.ino || there.dev !== mine.dev
}

async function writeDraft(fs: NodeFiles, draft: string, file: KeyFile): Promise<void> {
  const handle = await fs.open(draft, 'wx', OWNER_ONLY)
  const bytes = encodeKeyFile(file)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    bytes.fill(0)
    await handle.close()
  }
}

async function overwrite(handle: Handle): Promise<void> {
  const { size } = await handle.stat()
  await handle.write(new Uint8Array(size), 0, size, 0)
  await handle.sync()
}

/** Whether the names of the directory are on the disk now; false where there is no way to know. */
async function syncNames(fs: NodeFiles, path: string): Promise<boolean> {
  return orElse(UNSYNCED, false, async () => {
    const handle = await fs.open(directoryOf(path), 'r')
    try {
      await handle.sync()
      return true
    } finally {
      await handle.close()
    }
  })
}

function directoryOf(path: string): string {
  const isWindows = process.platform === 'win32'
  const end = Math.max(path.lastIndexOf('/'), isWindows ? path.lastIndexOf('\\') : -1)
  if (end < 0) return '.'
  return end === 0 ? '/' : path.slice(0, end)
}

function draftOf(path: string): string {
  return `${path}.draft`
}

function codeOf(error: unknown): string {
  const known = typeof error === 'object' && error !== null && 'code' in error
  return known && typeof error.code === 'string' ? error.code : ''
}
