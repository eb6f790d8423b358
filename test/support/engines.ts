import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'

/** An engine that all test files share, as a worker reaches it. */
export type EngineName = 'postgres' | 'chromium'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where `engineAddress` asks. */
    readonly engines: string
  }
}

const SCRIPT = fileURLToPath(new URL('./engine-process.ts', import.meta.url))

/**
 * Of vitest, once for a whole run: an engine takes seconds to start, so there is one of each, which
 * starts when the first test asks for it.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const child = fork(SCRIPT)
  const [port] = await once(child, 'message')
  project.provide('engines', `http://127.0.0.1:${port}`)
  return async () => {
    const ended = once(child, 'exit')
    child.disconnect()
    await ended
  }
}
