import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { chromium } from 'playwright'
import { chromiumLaunch } from '../chromium.ts'
import { run, type RunResult } from '../package/run.ts'
import { binaryOf } from './binaries.ts'
import { type Workbench, write } from './workbench.ts'

/** Runs the suite and resolves with what it printed. */
export type Launch = (bench: Workbench) => Promise<string>

const PRINT = "import { report } from './main.mjs'\nconsole.log(await report())\n"
const WORKER = `
import { report } from './bundle.mjs'
export default { async test() { console.log(await report()) } }
`
const WORKERD = `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = .worker)]);
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "bundle.mjs", esModule = embed "bundle.mjs"),
  ],
  compatibilityDate = "2026-11-01",
);
`

/** Every runtime that must say the same, each as npm installs it. */
export const RUNTIMES: { readonly [name: string]: Launch } = {
  'Node 20': printing(() => [binaryOf('node20')]),
  'Node 22': printing(() => [binaryOf('node22')]),
  'Node 24': printing(() => [process.execPath]),
  Bun: printing(() => [binaryOf('bun'), 'run']),
  Deno: printing(() => deno()),
  workerd: inWorkerd,
  Chromium: inChromium,
}

/** Runtimes other than Node that bring a client of SQLite. */
export const SQLITE_RUNTIMES: { readonly [name: string]: Launch } = {
  Bun: (bench) => runScript(bench, [binaryOf('bun'), 'run'], 'sqlite-store.mjs'),
  Deno: (bench) => runScript(bench, deno('--allow-all'), 'sqlite-store.mjs'),
}

function deno(...permissions: readonly string[]): readonly string[] {
  const offline = ['--no-remote', '--node-modules-dir=manual']
  return [binaryOf('deno'), 'run', ...offline, ...permissions]
}

function printing(command: () => readonly string[]): Launch {
  return (bench) => {
    write(bench.consumer, 'print.mjs', PRINT)
    return runScript(bench, command(), 'print.mjs')
  }
}

async function runScript(
  { consumer }: Workbench,
  command: readonly string[],
  script: string,
): Promise<string> {
  const [runtime = '', ...args] = command
  return output(await run(runtime, [...args, script], { cwd: consumer.root }))
}

async function inWorkerd({ consumer }: Workbench): Promise<string> {
  write(consumer, 'worker.mjs', WORKER)
  write(consumer, 'worker.capnp', WORKERD)
  const args = ['test', 'worker.capnp']
  return output(await run(binaryOf('workerd'), args, { cwd: consumer.root }))
}

async function inChromium({ consumer }: Workbench): Promise<string> {
  const server = await serve(join(consumer.root, 'bundle.mjs'))
  const browser = await chromium.launch(chromiumLaunch())
  try {
    const page = await browser.newPage()
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    // Pages of this machine have Web Crypto without TLS too.
    await page.goto(`http://127.0.0.1:${port}/`)
    return await page.evaluate("import('/bundle.mjs').then(({ report }) => report())")
  } finally {
    await browser.close()
    server.close()
  }
}

/** An empty page, and beside it the bundle. */
function serve(bundle: string): Promise<Server> {
  const server = createServer((request, response) => {
    const isPage = request.url === '/'
    response.setHeader('content-type', isPage ? 'text/html' : 'text/javascript')
    response.end(isPage ? '<!doctype html>' : readFileSync(bundle))
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}

function output({ ok, stdout, stderr }: RunResult): string {
  if (!ok) throw new Error(`a script ended badly: ${stderr.slice(0, 2_000)}`)
  return stdout.trim()
}
