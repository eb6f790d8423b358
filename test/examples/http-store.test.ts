import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'vitest'
import { httpStore, type Send } from '../../examples/http-store/http-store.ts'
import { createKvServer } from '../../examples/http-store/kv-server.ts'
import type { Store } from '../../src/storage/store.ts'
import { type OpenedStore, storeSuite } from '../../src/testkit/store-suite.ts'

interface OpenedServer extends OpenedStore {
  readonly line: Line
  connect(): Store
}

/** The way to the server, which can be cut and blocked. */
interface Line {
  left: number
  when: 'before' | 'after'
  blocked: Promise<void> | undefined
}

storeSuite<OpenedServer>({
  test: (title, run) => test(title, run, 60_000),
  open,
  again: async ({ connect }) => connect(),
  failAt: ({ line }, call, when) => {
    line.left = call
    line.when = when
  },
  cut: async ({ line }, when) => {
    // A commit with checks asks first, and then changes.
    line.left = when === 'after' ? 2 : 1
    line.when = when === 'after' ? 'after' : 'before'
  },
  hang: async ({ line }) => {
    let release: () => void = () => undefined
    line.blocked = new Promise((resolve) => {
      release = resolve
    })
    return async () => {
      line.blocked = undefined
      release()
    }
  },
  durability: 'none',
})

async function open(): Promise<OpenedServer> {
  const server = createKvServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const line: Line = { left: 0, when: 'before', blocked: undefined }
  const send: Send = async (to, body) => {
    await line.blocked
    line.left -= 1
    const fails = line.left === 0
    if (fails && line.when === 'before') throw new TypeError('connection refused')
    const response = await fetch(to, { method: 'POST', body })
    if (fails) throw new TypeError('connection reset')
    return response
  }
  return {
    line,
    store: httpStore(url, send),
    connect: () => httpStore(url),
    dispose: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
