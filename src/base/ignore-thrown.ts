/** What a callback of the app throws is its own affair, and must not stop what is half way. */
export function ignoreThrown(run: () => void): void {
  try {
    run()
  } catch {
    return
  }
}
