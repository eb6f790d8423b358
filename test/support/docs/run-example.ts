import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const EXAMPLE_TIMEOUT = 60_000

interface Run {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs an example in an empty folder and returns what is wrong with it. Each `// prints: text` in
 * its source must appear in what it prints, in that order; an example without one proves nothing.
 */
export async function runExample(path: string, source: string): Promise<readonly string[]> {
  const promised = [...source.matchAll(/\/\/ prints: (.+)$/gm)].map(([, text = '']) => text.trim())
  if (promised.length === 0) return [`${path} says nowhere what it prints`]
  const { exitCode, stdout, stderr } = await runScript(path)
  if (exitCode !== 0) return [`${path} ended with ${exitCode}: ${stderr.trim().slice(-2_000)}`]
  let at = 0
  for (const text of promised) {
    const found = stdout.indexOf(text, at)
    if (found < 0) return [`${path} does not print '${text}' in its place`]
    at = found + text.length
  }
  return []
}

/** A folder of its own, so that what an example stores meets nobody else's data. */
function runScript(path: string): Promise<Run> {
  const cwd = mkdtempSync(join(tmpdir(), 'privity-example-'))
  const { NODE_OPTIONS: _, ...env } = process.env
  return new Promise<Run>((resolve) => {
    execFile(
      process.execPath,
      [path],
      { cwd, env, timeout: EXAMPLE_TIMEOUT },
      (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
        resolve({ exitCode, stdout, stderr: stderr || String(error?.message ?? '') })
      },
    )
  }).finally(() => rmSync(cwd, { recursive: true, force: true }))
}
