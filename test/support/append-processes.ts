import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { StoreClient } from './process-store.ts'

const SCRIPT = fileURLToPath(new URL('./append-process.ts', import.meta.url))

/** How many processes append how much. */
export interface AppendOptions {
  readonly processes: number
  readonly each: number
  /** How many logs share the people. */
  readonly shards?: number
}

/** Lets processes decide at the same time over one file or server; resolves to what each was acknowledged. */
export async function appendInMany(
  client: StoreClient,
  place: string,
  { processes, each, shards = 1 }: AppendOptions,
): Promise<readonly (readonly string[])[]> {
  const children = Array.from({ length: processes }, () => {
    const child = spawn(process.execPath, [SCRIPT, client, place, String(each), String(shards)])
    child.stderr.pipe(process.stderr)
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    const end = once(child, 'close')
    return { child, end, lines: () => text.split('\n').slice(1, -1) }
  })
  const ready = Promise.all(children.map(({ child }) => once(child.stdout, 'data')))
  await Promise.race([ready, ...children.map(({ end }) => end)])
  for (const { child } of children) child.stdin.end('go\n')
  const codes = await Promise.all(children.map(({ end }) => end))
  if (codes.some(([code]) => code !== 0)) throw new TypeError('a process failed')
  return children.map(({ lines }) => lines())
}
