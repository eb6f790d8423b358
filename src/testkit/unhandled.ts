/** How many rejections nobody had handled when the work was done; 0 where the platform does not tell. */
export async function unhandledDuring(work: () => Promise<void>): Promise<number> {
  let count = 0
  function note(): void {
    count += 1
  }
  const stop = listen(note)
  try {
    await work()
  } finally {
    stop()
  }
  return count
}

function listen(note: () => void): () => void {
  if (typeof process !== 'undefined' && typeof process.on === 'function') {
    process.on('unhandledRejection', note)
    return () => process.off('unhandledRejection', note)
  }
  if (typeof addEventListener !== 'function') return () => undefined
  addEventListener('unhandledrejection', note)
  return () => removeEventListener('unhandledrejection', note)
}
