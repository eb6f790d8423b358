// Runs in a process of its own: `key-file-process.ts <path> <wrap|rotate|destroy> <step>`. Is killed before the
// step-th call on files, half of what it was to write being written; 0 lives, and prints how many there are.
import fs from 'node:fs/promises'
import { fileKeys } from '../../src/keys/file-keys.ts'
import { KEY_CONTEXT } from './key-context.ts'

type Call = (...args: readonly unknown[]) => Promise<unknown>
type Methods = { [name: string]: Call }

const [path = '', act = '', step = '0'] = process.argv.slice(2)
/** What leaves something behind; to die before anything else is to die before the next of these. */
const ON_FILES = ['open', 'link', 'rename', 'unlink', 'writeFile']
const ON_HANDLES = ['writeFile', 'write', 'sync']
let calls = 0

deadly(fs as unknown as Methods, ON_FILES)
const keys = fileKeys(path)
if (act === 'wrap') await keys.wrap(new Uint8Array(32), KEY_CONTEXT)
if (act === 'rotate') await keys.rotate()
if (act === 'destroy') await keys.destroy(1)
process.stdout.write(String(calls))

function deadly(owner: Methods, names: readonly string[]): void {
  for (const name of names) {
    const call = owner[name]
    if (call === undefined) throw new TypeError(name)
    owner[name] = async (...args) => {
      calls += 1
      if (calls === Number(step)) await die(owner, name, args)
      const answer = await Reflect.apply(call, owner, args)
      if (name === 'open') deadly(answer as Methods, ON_HANDLES)
      return answer
    }
  }
}

async function die(owner: Methods, name: string, args: readonly unknown[]): Promise<void> {
  const [bytes] = args
  const isHandle = 'fd' in owner
  if (isHandle && name === 'writeFile' && bytes instanceof Uint8Array)
    await Reflect.apply(owner['write'] as Call, owner, [bytes, 0, bytes.length >> 1])
  process.kill(process.pid, 'SIGKILL')
  // The signal arrives while nothing else runs.
  for (;;);
}
