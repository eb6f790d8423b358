/** The value, or the reason of the signal once it aborts, whichever is first. */
export async function orAbort<T>(value: Promise<T>, signal: AbortSignal): Promise<T> {
  // Whoever gave up does not hear of a later failure.
  value.catch(() => undefined)
  signal.throwIfAborted()
  const stop = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: stop.signal })
  })
  try {
    return await Promise.race([value, aborted])
  } finally {
    stop.abort()
  }
}
