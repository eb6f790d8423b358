import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A driver of SQLite, or what stands in for a service. */
interface Named {
  readonly name: string
}

let killed = 0

const SCRIPT = fileURLToPath(new URL('./store-process.ts', import.meta.url))

/** Lets a process append to the file, kills it, and says which entry it acknowledged last. */
export async function killWhileAppending(driver: Named, file: string): Promise<number> {
  return killWhile(driver, file, 'append')
}

/** Lets a process scrub the file again and again, and kills it in the middle. */
export async function killWhileScrubbing(driver: Named, file: string): Promise<number> {
  return killWhile(driver, file, 'scrub')
}

async function killWhile(driver: Named, file: string, work: string): Promise<number> {
  const child = start([driver.name, file, work])
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

/** Lets a process open and close the file again and again, and kills it in the middle. */
export async function killWhileOpening(driver: Named, file: string): Promise<number> {
  return killWhile(driver, file, 'reopen')
}

/** Lets so many processes count in the file at the same time. */
export async function countInMany(
  driver: Named,
  file: string,
  { many, times }: { readonly many: number; readonly times: number },
): Promise<void> {
  const parameters = [driver.name, file, 'count', String(times)]
  await together(Array.from({ length: many }, () => start(parameters)))
}

/** Lets so many processes open the file at the same moment. */
export async function openInMany(driver: Named, file: string, many: number): Promise<void> {
  await together(Array.from({ length: many }, () => start([driver.name, file, 'open'])))
}

/** Waits until all are ready, lets them go, and waits for their end. */
async function together(children: readonly ChildProcessWithoutNullStreams[]): Promise<void> {
  const ends = children.map(async (child) => (await once(child, 'close'))[0])
  await Promise.race([Promise.all(children.map((child) => once(child.stdout, 'data'))), ...ends])
  for (const child of children) child.stdin.end('go\n')
  const codes = await Promise.all(ends)
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
