/**
 * Lets callers share runs: each gets one that begins after it called, and whoever calls while one is under way
 * shares the next.
 */
export function createNextRun<T>(run: () => Promise<T>): () => Promise<T> {
  let current: Promise<unknown> | undefined
  let next: Promise<T> | undefined
  function begin(): Promise<T> {
    next = undefined
    const mine = run()
    const settled = mine.then(
      () => undefined,
      () => undefined,
    )
    current = settled
    void settled.then(() => {
      if (current === settled) current = undefined
    })
    return mine
  }
  return () => {
    if (current === undefined) return begin()
    next ??= current.then(begin)
    return next
  }
}
