import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Driver } from './sqlite-drivers.ts'

let killed = 0

const SCRIPT = fileURLToPath(new URL('./store-process.ts', import.meta.url))

/** Lets a process append to the file, kills it, and says which entry it acknowledged last. */
export async function killWhileAppending(driver: Driver, file: string): Promise<number> {
  const child = start([driver.name, file, 'append'])
  const lines = linesOf(child)
  // Another place in the work each time, and the same ones in every run.
  const enough = 1 + ((file.length + killed * 17) % 48)
  killed += 1
  child.stdout.on('data', () => {
    if (lines().length >= enough) child.kill('SIGKILL')
  })
  await once(child, 'close')
  const last = Number(lines().at(-1) ?? Number.NaN)
  if (!Number.isSafeInteger(last)) throw new TypeError('the process wrote nothing')
  return last
}

/** Lets two processes count in the file at the same time. */
export async function countInTwo(driver: Driver, file: string, times: number): Promise<void> {
  const children = [1, 2].map(() => start([driver.name, file, 'count', String(times)]))
  await Promise.all(children.map((child) => once(child.stdout, 'data')))
  for (const child of children) child.stdin.write('go\n')
  const codes = await Promise.all(children.map(async (child) => (await once(child, 'close'))[0]))
  if (codes.some((code) => code !== 0)) throw new TypeError('a process failed')
}

function start(parameters: readonly string[]): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [SCRIPT, ...parameters])
  child.stderr.pipe(process.stderr)
  return child
}

/** The complete lines of what a process has written so far. */
function linesOf(child: ChildProcessWithoutNullStreams): () => readonly string[] {
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  return () => text.split('\n').slice(0, -1)
}
