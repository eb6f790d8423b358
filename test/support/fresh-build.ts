import { statSync } from 'node:fs'
import { join } from 'node:path'
import { listFiles, PROJECT_ROOT } from './project-files.ts'

/** Tests of the built package must not pass on yesterday's build. */
export function requireFreshBuild(): void {
  const built = modifiedAt(join(PROJECT_ROOT, 'dist', 'index.js'))
  const newest = Math.max(...listFiles(join(PROJECT_ROOT, 'src')).map(modifiedAt))
  if (built < newest) throw new Error('dist is missing or older than src: npm run build')
}

function modifiedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
