import { fromUtf8, utf8 } from '../base/bytes.ts'
import { invalidInput, isPrivityError, PrivityError } from '../base/errors.ts'
import { type NodeFiles, nodeFiles } from '../base/platform.ts'
import { parseCheckpoint } from '../crypto/verify-checkpoint.ts'
import { MAX_CHECKPOINT } from './parse-advance.ts'

/** A numbered checkpoint, or the draft of one. */
export interface AnchorFile {
  readonly number: number
  readonly draft?: string | undefined
}

/** The files of an anchor; what they reject with is a `PrivityError` without a path. */
export interface AnchorFiles {
  /** Every file that is named like one of an anchor. */
  list(): Promise<readonly AnchorFile[]>
  /** Undefined when it is not there, or no more. */
  read(file: AnchorFile): Promise<string | undefined>
  /** Writes a file that survives loss of power once its name is durable. */
  write(file: AnchorFile, text: string): Promise<void>
  /** Gives a draft its number; false when that is taken, or the draft was removed as old. */
  link(file: AnchorFile): Promise<boolean>
  /** Removes it if it can be removed. */
  remove(file: AnchorFile): Promise<void>
  /** Makes names durable. */
  sync(): Promise<void>
}

interface Fault {
  readonly code: 'store_unavailable' | 'store_full' | 'store_corrupt'
  readonly reason: string
}

const DIGITS = 16
const NAME = /^([0-9]{16})(?:\.checkpoint|-([0-9a-f]{32})\.draft)$/
/** What the system's error codes say, in words of the store contract. */
const FAULTS: ReadonlyMap<string, Fault> = /* @__PURE__ */ new Map([
  ['ENOENT', { code: 'store_unavailable', reason: 'missing' }],
  ['ENOTDIR', { code: 'store_unavailable', reason: 'missing' }],
  ['EACCES', { code: 'store_unavailable', reason: 'permission' }],
  ['EPERM', { code: 'store_unavailable', reason: 'permission' }],
  ['EROFS', { code: 'store_unavailable', reason: 'read_only' }],
  ['EIO', { code: 'store_unavailable', reason: 'io' }],
  ['ENOSPC', { code: 'store_full', reason: 'disk_full' }],
  ['EDQUOT', { code: 'store_full', reason: 'disk_full' }],
  ['EISDIR', { code: 'store_corrupt', reason: 'anchor' }],
])
const OTHER: Fault = { code: 'store_unavailable', reason: 'failed' }
// Windows does not sync directories; its file systems keep a journal of names.
const UNSYNCED = ['EISDIR', 'EPERM', 'EINVAL']

/**
 * @throws {@link invalid_input} for what is no path
 * @throws {@link not_supported} in a runtime without files
 */
export function openFiles(directory: string): AnchorFiles {
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0'))
    throw invalidInput(['directory'], 'not_a_path')
  const fs = nodeFiles()
  if (fs === undefined) throw new PrivityError('not_supported', { what: 'files' })
  const pathOf = (file: AnchorFile): string => `${directory}/${nameOf(file)}`
  const numbered = ({ number }: AnchorFile): string => pathOf({ number })
  return {
    list: () => typed(async () => (await fs.readdir(directory)).flatMap(parseName)),
    read: (file) => typed(() => orElse(['ENOENT'], undefined, () => readText(fs, pathOf(file)))),
    write: (file, text) => typed(() => writeText(fs, pathOf(file), text)),
    link: (file) =>
      typed(() =>
        orElse(['EEXIST', 'ENOENT'], false, async () => {
          await fs.link(pathOf(file), numbered(file))
          return true
        }),
      ),
    remove: (file) => fs.unlink(pathOf(file)).catch(() => undefined),
    sync: () => typed(() => orElse(UNSYNCED, undefined, () => syncNames(fs, directory))),
  }
}

function nameOf({ number, draft }: AnchorFile): string {
  const digits = String(number).padStart(DIGITS, '0')
  return draft === undefined ? `${digits}.checkpoint` : `${digits}-${draft}.draft`
}

function parseName(name: string): readonly AnchorFile[] {
  const [, digits, draft] = NAME.exec(name) ?? []
  return digits === undefined ? [] : [{ number: Number(digits), draft }]
}

async function readText(fs: NodeFiles, path: string): Promise<string> {
  const file = await fs.open(path, 'r')
  try {
    // One byte more than there may be: what is longer is not read to its end.
    const buffer = new Uint8Array(MAX_CHECKPOINT + 1)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
    const text = fromUtf8(buffer.subarray(0, bytesRead))
    if (text !== undefined && bytesRead <= MAX_CHECKPOINT && parseCheckpoint(text) !== undefined)
      return text
  } finally {
    await file.close()
  }
  throw new PrivityError('store_corrupt', { reason: 'anchor' })
}

async function writeText(fs: NodeFiles, path: string, text: string): Promise<void> {
  const file = await fs.open(path, 'wx')
  try {
    await file.writeFile(utf8(text))
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncNames(fs: NodeFiles, directory: string): Promise<void> {
  const handle = await fs.open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The system's messages quote paths, so nothing of them is passed on. */
async function typed<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (isPrivityError(error)) throw error
    const { code, reason } = FAULTS.get(codeOf(error)) ?? OTHER
    throw new PrivityError(code, { reason })
  }
}

async function orElse<T>(codes: readonly string[], instead: T, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (codes.includes(codeOf(error))) return instead
    throw error
  }
}

function codeOf(error: unknown): string {
  const known = typeof error === 'object' && error !== null && 'code' in error
  return known && typeof error.code === 'string' ? error.code : ''
}
