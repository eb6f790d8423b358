import { fromUtf8 } from '../base/bytes.ts'
import { canonicalBytes, type JsonValue } from '../base/canonical.ts'
import { isId, randomId } from '../base/id.ts'
import { hasMembers } from '../base/json-shape.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { type NodeFiles, nodeOs } from '../base/platform.ts'
import { systemClock } from '../base/time.ts'
import { fileFault, orElse } from './file-keys-disk.ts'

/** Who holds a lock; a process is known by its number only where it runs. */
interface Holder {
  readonly token: string
  /** Machine, its start, and the space that process numbers belong to. */
  readonly place: string
  readonly pid: number
  /** When the process began, since numbers are given out again; empty where the system does not tell. */
  readonly began: string
}

/** A process that wants the lock. Its claim is a file that names it, and becomes the lock by another name. */
interface Attempt {
  readonly fs: NodeFiles
  readonly claim: string
  readonly mine: Holder
}

/** Shorter than a provider may take to answer. */
const WAIT_MS = 5_000
const POLL_MS = 20

/**
 * Runs one change at a time, of all processes that change the file. A lock is never taken from a process that
 * lives, however long it sleeps: it would go on where it stopped, and write back an old state. One that died
 * is known by its number where it ran; elsewhere nobody can tell, and the lock stays until it is removed by hand.
 *
 * @throws {@link key_unavailable} when the lock is not free for five seconds
 */
export async function withLock<T>(
  fs: NodeFiles,
  path: string,
  change: () => Promise<T>,
): Promise<T> {
  const lock = `${path}.lock`
  const mine = await holderHere(fs)
  await acquire(fs, lock, mine)
  try {
    return await change()
  } finally {
    await fs.unlink(lock)
  }
}

async function acquire(fs: NodeFiles, lock: string, mine: Holder): Promise<void> {
  const claim = `${lock}.${mine.token}`
  const attempt: Attempt = { fs, claim, mine }
  await fs.writeFile(claim, canonicalBytes(mine), { flag: 'wx', mode: 0o600 })
  try {
    const until = performance.now() + WAIT_MS
    while (!(await link(attempt, lock))) {
      if (performance.now() > until) throw fileFault('locked')
      if (!(await removeDead(attempt, lock))) await systemClock().wait(POLL_MS)
    }
  } finally {
    await fs.unlink(claim)
  }
}

/** The lock appears with its content, or not at all. */
async function link({ fs, claim }: Attempt, lock: string): Promise<boolean> {
  return orElse(['EEXIST'], false, async () => {
    await fs.link(claim, lock)
    return true
  })
}

/**
 * Only one process may remove the lock of a certain dead holder, and it looks again before it does: another
 * could have removed it already, and the lock that is there now is somebody's who lives. The right to remove is
 * a lock as well, and its holder may have died too.
 */
async function removeDead(attempt: Attempt, lock: string): Promise<boolean> {
  const { fs, mine } = attempt
  const holder = await readHolder(fs, lock)
  if (holder === undefined || !(await isDead(fs, holder, mine))) return false
  const removal = `${lock}.${holder.token}.removal`
  if (!(await link(attempt, removal))) return removeDead(attempt, removal)
  try {
    const still = await readHolder(fs, lock)
    if (still?.token === holder.token) await fs.unlink(lock)
    return true
  } finally {
    await fs.unlink(removal)
  }
}

async function readHolder(fs: NodeFiles, lock: string): Promise<Holder | undefined> {
  const bytes = await orElse(['ENOENT'], undefined, () => fs.readFile(lock))
  return bytes === undefined ? undefined : parseHolder(parseCanonical(new Uint8Array(bytes)))
}

function parseHolder(json: JsonValue | undefined): Holder | undefined {
  if (!hasMembers(json, 4)) return undefined
  const { token, place, pid, began } = json
  if (!isId(token) || typeof place !== 'string' || typeof began !== 'string') return undefined
  return Number.isSafeInteger(pid) && Number(pid) > 0
    ? { token, place, pid: Number(pid), began }
    : undefined
}

async function holderHere(fs: NodeFiles): Promise<Holder> {
  const host = nodeOs()?.hostname() ?? ''
  const [start, numbers, began] = await Promise.all([
    textOf(fs, '/proc/sys/kernel/random/boot_id'),
    fs.readlink('/proc/self/ns/pid').catch(() => ''),
    beganAt(fs, process.pid),
  ])
  const place = [host, start.trim(), numbers].join(' ')
  return { token: randomId(), place, pid: process.pid, began }
}

async function isDead(fs: NodeFiles, holder: Holder, mine: Holder): Promise<boolean> {
  if (holder.place !== mine.place) return false
  if (!isRunning(holder.pid)) return true
  return holder.began !== '' && (await beganAt(fs, holder.pid)) !== holder.began
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // Whatever else is wrong with asking, such as that the process is another user's, it is there.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

/** Field 22 of Linux's process table, after the name, which may hold spaces and brackets. */
async function beganAt(fs: NodeFiles, pid: number): Promise<string> {
  const text = await textOf(fs, `/proc/${pid}/stat`)
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

async function textOf(fs: NodeFiles, path: string): Promise<string> {
  const bytes = await fs.readFile(path).catch(() => undefined)
  return bytes === undefined ? '' : (fromUtf8(bytes) ?? '')
}
