import { isPrivityError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'
import { rest } from '../storage/patience.ts'

/** Tells the main log, which the anchor protects, how far another log is. */
export interface Noting {
  /** After an entry: a minute later the main log knows of it. No entry waits for that, nor fails with it. */
  grew(): void
  /** Nothing is told any more. */
  stop(): void
}

const NOTE_MS = 60_000
const FINAL: ReadonlySet<string> = new Set(['store_closed', 'ledger_inconsistent'])

/** Calls `enter` at most once a minute; what fails is tried again a minute later, also when nothing more grew. */
export function createNoting(
  { clock }: { readonly clock: Clock },
  enter: () => Promise<void>,
): Noting {
  const timer = new AbortController()
  let timing = false
  function grew(): void {
    if (timing || timer.signal.aborted) return
    timing = true
    rest(clock, NOTE_MS, timer.signal).then(note, () => undefined)
  }
  async function note(): Promise<void> {
    // What grows from here on may not be in this note.
    timing = false
    try {
      await enter()
    } catch (error) {
      if (!isPrivityError(error) || !FINAL.has(error.code)) grew()
    }
  }
  return { grew, stop: () => timer.abort() }
}
