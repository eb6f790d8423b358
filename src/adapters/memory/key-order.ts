import type { Key } from '../../storage/store.ts'

/**
 * Keys in ascending order, in chunks: one sorted array would move half of itself for every key
 * added, which shows from about 100,000 keys on.
 */
export interface KeyOrder {
  add(key: Key): void
  remove(key: Key): void
  /** Keys that are not smaller than `start`, in order. */
  from(start: string): Iterable<Key>
}

const MAX_CHUNK = 512

/** An empty order. */
export function createKeyOrder(): KeyOrder {
  // Each chunk is sorted, none is empty, and every key of one is smaller than those of the next.
  const chunks: Key[][] = []
  return {
    add: (key) => add(chunks, key),
    remove: (key) => remove(chunks, key),
    from: (start) => from(chunks, start),
  }
}

function add(chunks: Key[][], key: Key): void {
  const at = Math.max(0, chunkFor(chunks, key))
  const chunk = chunks[at]
  if (chunk === undefined) {
    chunks.push([key])
    return
  }
  const index = lowerBound(chunk, key)
  if (chunk[index] === key) return
  chunk.splice(index, 0, key)
  if (chunk.length > MAX_CHUNK) chunks.splice(at + 1, 0, chunk.splice(MAX_CHUNK >> 1))
}

function remove(chunks: Key[][], key: Key): void {
  const at = chunkFor(chunks, key)
  const chunk = chunks[at]
  if (chunk === undefined) return
  const index = lowerBound(chunk, key)
  if (chunk[index] !== key) return
  chunk.splice(index, 1)
  if (chunk.length === 0) chunks.splice(at, 1)
}

function* from(chunks: readonly Key[][], start: string): Iterable<Key> {
  const first = Math.max(0, chunkFor(chunks, start))
  for (let at = first; at < chunks.length; at += 1) {
    const chunk = chunks[at] ?? []
    const skipped = at === first ? lowerBound(chunk, start) : 0
    for (let index = skipped; index < chunk.length; index += 1) yield chunk[index] ?? ''
  }
}

/** The last chunk whose first key is not greater; -1 when there is none. */
function chunkFor(chunks: readonly Key[][], key: string): number {
  let low = 0
  let high = chunks.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((chunks[middle]?.[0] ?? '') <= key) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** Index of the first key that is not smaller. */
function lowerBound(chunk: readonly Key[], key: string): number {
  let low = 0
  let high = chunk.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((chunk[middle] ?? '') < key) low = middle + 1
    else high = middle
  }
  return low
}
