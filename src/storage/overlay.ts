import type { Change, Rows } from './participant.ts'
import type { Batch, Key, Row } from './store.ts'

/** A snapshot with the changes of a batch folded on top, in order. */
export interface Overlay extends Required<Rows> {
  apply(change: Pick<Change<unknown>, 'put' | 'del'>): void
  /** Checks a row that was read although nothing changes it; a check counts only for a row that is written. */
  hold(key: Key): void
  /** What rows are now, as far as they were read or written. */
  seen(keys: readonly Key[]): ReadonlyMap<Key, Uint8Array | undefined>
  /** Writes so far, for holding against the limits of the store. */
  readonly ops: number
  readonly bytes: number
  /** Every key that was read and is written is checked, so a row changed meanwhile is a conflict. */
  toBatch(): Batch
}

/** Starts from the rows read; asking for a key that nobody read is a mistake in the caller. */
export function createOverlay(snapshot: ReadonlyMap<Key, Uint8Array | undefined>): Overlay {
  const written = new Map<Key, Uint8Array | undefined>()
  let bytes = 0
  function write(key: Key, value: Uint8Array | undefined): void {
    bytes += (value?.length ?? 0) - (written.get(key)?.length ?? 0)
    written.set(key, value)
  }
  function get(key: Key): Uint8Array | undefined {
    if (written.has(key)) return written.get(key)
    if (!snapshot.has(key)) throw new TypeError('a builder asked for a row that it did not declare')
    return snapshot.get(key)
  }
  function isDeclared(key: Key): boolean {
    return written.has(key) || snapshot.has(key)
  }
  return {
    get,
    isDeclared,
    seen: (keys) => new Map(keys.filter(isDeclared).map((key) => [key, get(key)])),
    apply: ({ put, del }) => {
      for (const [key, value] of put) write(key, value)
      for (const key of del) write(key, undefined)
    },
    hold: (key) => {
      if (!snapshot.has(key)) throw new TypeError('a row is held that nobody declared')
      if (!written.has(key)) write(key, snapshot.get(key))
    },
    get ops() {
      return written.size
    },
    get bytes() {
      return bytes
    },
    toBatch: () => batchOf(snapshot, written),
  }
}

function batchOf(
  snapshot: ReadonlyMap<Key, Uint8Array | undefined>,
  written: ReadonlyMap<Key, Uint8Array | undefined>,
): Batch {
  const checks: [Key, Uint8Array | null][] = []
  const put: Row[] = []
  const del: Key[] = []
  for (const [key, value] of written) {
    if (snapshot.has(key)) checks.push([key, snapshot.get(key) ?? null])
    if (value === undefined) del.push(key)
    else put.push([key, value])
  }
  return { checks, put, del }
}
