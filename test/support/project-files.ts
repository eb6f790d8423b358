import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const PROJECT_ROOT: string = fileURLToPath(new URL('../../', import.meta.url))

/** Generated or foreign: not what the project wrote. */
const SKIPPED: ReadonlySet<string> = new Set(['node_modules', 'dist', 'coverage'])

/** Files below the given names of the project root, by project-relative path. */
export function readProject(
  names: readonly string[],
  matches: RegExp,
): ReadonlyMap<string, string> {
  const paths = names.flatMap((name) => listFiles(join(PROJECT_ROOT, name)))
  return new Map(
    paths
      .map((path) => [relative(PROJECT_ROOT, path).split(sep).join('/'), path] as const)
      .filter(([name]) => matches.test(name) && !name.startsWith('docs/api/'))
      .map(([name, path]) => [name, readFileSync(path, 'utf8')]),
  )
}

/** Absolute paths in name order; a name that is not there holds nothing. */
export function listFiles(path: string): readonly string[] {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return []
  if (stats.isFile()) return [path]
  return readdirSync(path)
    .filter((name) => !SKIPPED.has(name))
    .sort()
    .flatMap((name) => listFiles(join(path, name)))
}
