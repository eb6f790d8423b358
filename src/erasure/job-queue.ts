import { type ErrorCode, isPrivityError } from '../base/errors.ts'
import { endOfTurn } from '../base/platform.ts'
import type { Key, Store } from '../storage/store.ts'

/** The next state of one job, conditional on the state before. */
export interface JobWrite {
  readonly key: Key
  /** Undefined for a row that must be absent. */
  readonly before: Uint8Array | undefined
  readonly sealed: Uint8Array
}

interface Waiting {
  readonly write: JobWrite
  resolve(): void
  reject(error: unknown): void
}

interface Queue {
  waiting: readonly Waiting[]
  isLed: boolean
}

const MAX_ROWS = 256
/** The batch was not applied, and without one of its rows it may be. */
const DIVISIBLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'write_conflict',
  'store_full',
  'invalid_input',
])
const QUEUES = /* @__PURE__ */ new WeakMap<Store, Queue>()

/**
 * Stores the state of a job. Those of many erasures that arrive together leave in one commit, since each commit waits
 * for the disk; of one that fails none of the others learns.
 *
 * @throws {@link write_conflict} when the row is not what it was
 */
export function writeJob(store: Store, write: JobWrite): Promise<void> {
  const queue = QUEUES.get(store) ?? { waiting: [], isLed: false }
  QUEUES.set(store, queue)
  return new Promise((resolve, reject) => {
    queue.waiting = [...queue.waiting, { write, resolve, reject }]
    if (!queue.isLed) lead(store, queue)
  })
}

async function lead(store: Store, queue: Queue): Promise<void> {
  queue.isLed = true
  await endOfTurn()
  while (queue.waiting.length > 0) {
    const together = fitting(store, queue.waiting)
    queue.waiting = queue.waiting.slice(together.length)
    await send(store, together)
  }
  queue.isLed = false
}

/** As many as one batch takes; two states of one job are two commits. */
function fitting({ limits }: Store, waiting: readonly Waiting[]): readonly Waiting[] {
  const keys = new Set<Key>()
  let bytes = 0
  const end = waiting.findIndex(({ write: { key, sealed } }) => {
    bytes += sealed.length
    const isOver = keys.size === MAX_ROWS || keys.has(key) || bytes > limits.maxBytes
    keys.add(key)
    return isOver
  })
  return end === -1 ? waiting : waiting.slice(0, Math.max(1, end))
}

async function send(store: Store, together: readonly Waiting[]): Promise<void> {
  const writes = together.map(({ write }) => write)
  try {
    await store.commit({
      checks: writes.map(({ key, before }) => [key, before ?? null]),
      put: writes.map(({ key, sealed }) => [key, sealed]),
      del: [],
    })
    for (const { resolve } of together) resolve()
  } catch (error) {
    if (together.length === 1 || !isPrivityError(error) || !DIVISIBLE.has(error.code)) {
      for (const { reject } of together) reject(error)
      return
    }
    const middle = together.length >> 1
    await send(store, together.slice(0, middle))
    await send(store, together.slice(middle))
  }
}
