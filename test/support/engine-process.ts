// Runs in a process of its own, which the main process of vitest starts: gives addresses of engines by HTTP, and
// ends them when that process does, however it ends.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { EngineName } from './engines.ts'

interface Engine {
  /** What a worker needs to reach it. */
  readonly address: object
  end(): Promise<void>
}

const START: { readonly [N in EngineName]: () => Promise<Engine> } = {
  postgres: async () => (await import('./postgres-engine.ts')).startPostgresEngine(),
  chromium: async () => (await import('./browser/chromium-engine.ts')).startChromiumEngine(),
}

const started = new Map<EngineName, Promise<Engine>>()

const server = createServer(async ({ url = '/' }, response) => {
  const name = url.slice(1) as EngineName
  const engine = started.get(name) ?? START[name]()
  started.set(name, engine)
  try {
    response.end(JSON.stringify((await engine).address))
  } catch (error) {
    response.writeHead(500).end(String(error))
  }
})

process.once('disconnect', async () => {
  const engines = await Promise.allSettled(started.values())
  for (const engine of engines) if (engine.status === 'fulfilled') await engine.value.end()
  process.exit()
})

await once(server.listen(0, '127.0.0.1'), 'listening')
process.send?.((server.address() as AddressInfo).port)
