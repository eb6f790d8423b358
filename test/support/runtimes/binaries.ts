import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT_ROOT } from '../project-files.ts'

/** Where npm puts the programs of the runtimes that the tests bring along. */
const BINARIES = {
  node20: 'test/runtimes/node20/node_modules/node/bin/node',
  node22: 'test/runtimes/node22/node_modules/node/bin/node',
  bun: 'node_modules/bun/bin/bun.exe',
  deno: 'node_modules/deno/deno',
  workerd: 'node_modules/workerd/bin/workerd',
} as const

/** The path of a runtime; without it the test fails and says how to get it. */
export function binaryOf(runtime: keyof typeof BINARIES): string {
  const path = join(PROJECT_ROOT, BINARIES[runtime])
  const found = [path, `${path}.exe`].find((candidate) => existsSync(candidate))
  if (found === undefined) throw new Error(`${runtime} is missing: npm install`)
  return found
}
