import type { ProjectFiles, Violation } from './model.ts'

const ADAPTER = /^src\/adapters\/([^/]+)\.ts$/

/** An adapter nobody has run the store suite over is a guess. */
export function checkAdapters(files: ProjectFiles): readonly Violation[] {
  const paths = [...files.keys()]
  return paths.flatMap((path) => {
    const name = ADAPTER.exec(path)?.[1]
    if (name === undefined || paths.some((other) => isTestOf(name, other))) return []
    const detail = `test/adapters/${name}*.test.ts is missing`
    return [{ rule: 'adapter test', path, detail }]
  })
}

// `sqlite.test.ts` and `sqlite-crash.test.ts` test sqlite; `sqlitex.test.ts` does not.
function isTestOf(name: string, path: string): boolean {
  const prefix = `test/adapters/${name}`
  return path.startsWith(prefix) && /^([-.][a-z0-9-]+)*\.test\.ts$/.test(path.slice(prefix.length))
}
