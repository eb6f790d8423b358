import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundle } from '../browser/site.ts'
import { binaryOf } from '../runtimes/binaries.ts'

/** A Worker that runs here, bound to a D1. */
export interface Worker {
  readonly url: string
  close(): Promise<void>
}

const PATIENCE_MS = 20_000

// The binding is the one that Cloudflare ships in workerd; what it talks to is a Worker of the tests.
const CONFIG = `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "suite", worker = .suite),
    (name = "rows", worker = .rows),
    (name = "disk", disk = (path = "disk", writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "suite")],
);
const suite :Workerd.Worker = (
  modules = [(name = "suite-worker.mjs", esModule = embed "suite-worker.mjs")],
  compatibilityDate = "2026-11-01",
  bindings = [(
    name = "DB",
    wrapped = (
      moduleName = "cloudflare-internal:d1-api",
      innerBindings = [(name = "fetcher", service = "rows")],
    ),
  )],
);
const rows :Workerd.Worker = (
  modules = [(name = "rows-worker.mjs", esModule = embed "rows-worker.mjs")],
  compatibilityDate = "2026-11-01",
  durableObjectNamespaces = [(className = "Rows", uniqueKey = "rows", enableSql = true)],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [(name = "ROWS", durableObjectNamespace = "Rows")],
);
`

/** Starts workerd with the Worker of the suite. */
export async function startWorker(): Promise<Worker> {
  const folder = mkdtempSync(join(tmpdir(), 'privity-workerd-'))
  mkdirSync(join(folder, 'disk'))
  writeFileSync(join(folder, 'config.capnp'), CONFIG)
  for (const name of ['suite-worker', 'rows-worker']) {
    const program = await bundle(`test/support/d1/${name}.ts`)
    writeFileSync(join(folder, `${name}.mjs`), program)
  }
  const args = ['serve', 'config.capnp', '--control-fd=1', '--experimental']
  const workerd = spawn(binaryOf('workerd'), args, { cwd: folder })
  const port = await portOf(workerd)
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      const ended = once(workerd, 'exit')
      workerd.kill()
      await ended
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

/** Reads what it says on its control pipe until it listens. */
async function portOf(workerd: ChildProcess): Promise<number> {
  let said = ''
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no workerd: ${said}`)), PATIENCE_MS)
    workerd.once('exit', () => reject(new Error(`workerd ended: ${said}`)))
    for (const stream of [workerd.stdout, workerd.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text
        const port = /"port":(\d+)/.exec(said)?.[1]
        if (port === undefined) return
        clearTimeout(timer)
        resolve(Number(port))
      })
    }
  })
}
