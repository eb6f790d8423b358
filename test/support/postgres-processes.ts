import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ClientKind } from './postgres-clients.ts'

/** A table that processes work on. */
export interface ProcessTarget {
  readonly client: ClientKind['name']
  readonly url: string
  readonly table: string
}

const SCRIPT = fileURLToPath(new URL('./postgres-process.ts', import.meta.url))

/** Lets a process append, kills it after so many entries, and says which one it acknowledged last. */
export async function killWhileAppending(target: ProcessTarget, enough: number): Promise<number> {
  const child = start(target, ['append'])
  let text = ''
  const lines = (): readonly string[] => text.split('\n').slice(0, -1)
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
    if (lines().length >= enough) child.kill('SIGKILL')
  })
  await once(child, 'close')
  const last = Number(lines().at(-1) ?? Number.NaN)
  if (!Number.isSafeInteger(last)) throw new TypeError('the process wrote nothing')
  return last
}

/** Kills a process a little later each time after it begins to open the store. */
export async function killWhileOpening(target: ProcessTarget, turn: number): Promise<void> {
  const child = start(target, ['open'])
  await once(child.stdout, 'data')
  const end = once(child, 'close')
  child.stdin.end('go\n')
  setTimeout(() => child.kill('SIGKILL'), turn * 7)
  await end
}

/** Lets so many processes count at the same time. */
export async function countInMany(
  target: ProcessTarget,
  processes: number,
  times: number,
): Promise<void> {
  await together(Array.from({ length: processes }, () => start(target, ['count', String(times)])))
}

/** Lets so many processes open the store at the same moment. */
export async function openInMany(target: ProcessTarget, processes: number): Promise<void> {
  await together(Array.from({ length: processes }, () => start(target, ['open'])))
}

async function together(children: readonly ChildProcessWithoutNullStreams[]): Promise<void> {
  const ends = children.map(async (child) => (await once(child, 'close'))[0])
  await Promise.race([Promise.all(children.map((child) => once(child.stdout, 'data'))), ...ends])
  for (const child of children) child.stdin.end('go\n')
  const codes = await Promise.all(ends)
  if (codes.some((code) => code !== 0)) throw new TypeError('a process failed')
}

function start(
  { client, url, table }: ProcessTarget,
  work: readonly string[],
): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [SCRIPT, client, url, table, ...work])
  child.stderr.pipe(process.stderr)
  return child
}
