import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('./anchor-process.ts', import.meta.url))

/** Lets so many processes move the anchor at once; gives what they say was accepted, as `size name`. */
export async function moveInMany(
  directory: string,
  many: number,
  times: number,
): Promise<readonly string[]> {
  const children = Array.from({ length: many }, (_, index) =>
    start([directory, `p${index}`, String(times)]),
  )
  const ends = children.map(async ({ process }) => (await once(process, 'close'))[0])
  await Promise.race([
    Promise.all(children.map(({ process }) => once(process.stdout, 'data'))),
    ...ends,
  ])
  for (const { process } of children) process.stdin.end('go\n')
  const codes = await Promise.all(ends)
  if (codes.some((code) => code !== 0)) throw new TypeError('a process failed')
  return children.flatMap(({ lines }) => lines())
}

/** Lets a process move the anchor until it is killed; gives the size that it said last. */
export async function killWhileMoving(directory: string, after: number): Promise<number> {
  const { process, lines } = start([directory, 'killed', '0'])
  process.stdin.end('go\n')
  process.stdout.on('data', () => {
    if (lines().length >= after) process.kill('SIGKILL')
  })
  await once(process, 'close')
  return Number(lines().at(-1)?.split(' ')[0] ?? Number.NaN)
}

interface Child {
  readonly process: ChildProcessWithoutNullStreams
  /** What it has said so far, after that it is ready. */
  readonly lines: () => readonly string[]
}

function start(parameters: readonly string[]): Child {
  const child = spawn(process.execPath, [SCRIPT, ...parameters])
  child.stderr.pipe(process.stderr)
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  return { process: child, lines: () => text.split('\n').slice(1, -1) }
}
