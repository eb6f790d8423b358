import { execFile } from 'node:child_process'

export interface RunOptions {
  readonly cwd: string
  readonly shell?: boolean
}

export interface RunResult {
  readonly ok: boolean
  readonly stdout: string
  readonly stderr: string
}

/** A child process that knows nothing of the test runner above it. */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  const { NODE_OPTIONS: _, ...env } = process.env
  return new Promise((resolve) => {
    execFile(command, [...args], { ...options, env }, (error, stdout, stderr) => {
      resolve({ ok: error === null, stdout, stderr: stderr || String(error?.message ?? '') })
    })
  })
}
