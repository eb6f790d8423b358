import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('./key-file-process.ts', import.meta.url))

/** A directory for one key file. */
export interface KeyDirectory {
  readonly path: string
  /** Where the key file is to be. */
  readonly file: string
  remove(): void
}

/** What a process on a key file does. */
export type KeyAct = 'wrap' | 'rotate' | 'destroy'

/** A new directory. */
export function keyDirectory(): KeyDirectory {
  const path = mkdtempSync(join(tmpdir(), 'privity-keys-'))
  return {
    path,
    file: join(path, 'keys.json'),
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

/** Does it in another process, which dies before its step-th call on files; gives what it printed. */
export async function inProcess(file: string, act: KeyAct, step = 0): Promise<string> {
  const child = spawn(process.execPath, [SCRIPT, file, act, String(step)])
  child.stderr.pipe(process.stderr)
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  const [code, signal] = await once(child, 'close')
  if (code === 0 || signal === 'SIGKILL') return text
  throw new TypeError('a process failed')
}
