/** Joins sources that are in order into one that is, holding one item of each at a time. */
export async function* mergeSorted<T>(
  sources: readonly AsyncIterator<T>[],
  isBefore: (a: T, b: T) => boolean,
): AsyncGenerator<T> {
  /** The source of the next item is the last: taking it away moves nothing. */
  const waiting: Waiting<T>[] = []
  try {
    const started = sources.map((source) => advance(waiting, source, isBefore))
    await Promise.all(started)
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      yield next.item
      await advance(waiting, next.source, isBefore)
    }
  } finally {
    for (const source of sources) await source.return?.()
  }
}

interface Waiting<T> {
  readonly item: T
  readonly source: AsyncIterator<T>
}

async function advance<T>(
  waiting: Waiting<T>[],
  source: AsyncIterator<T>,
  isBefore: (a: T, b: T) => boolean,
): Promise<void> {
  const { done, value } = await source.next()
  if (done === true) return
  let [low, high] = [0, waiting.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const other = waiting[middle]
    if (other !== undefined && isBefore(value, other.item)) low = middle + 1
    else high = middle
  }
  waiting.splice(low, 0, { item: value, source })
}
