import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** Stands between clients and a PostgreSQL server, and disturbs what passes. */
export interface TcpProxy {
  readonly url: string
  /** Ends connections: now, before the next message reaches the server, or before its answer is heard. */
  cut(when: 'now' | 'before' | 'after'): void
  /** Lets nothing pass until what it gives is called. */
  hang(): () => void
  close(): Promise<void>
}

interface Pair {
  readonly client: Socket
  readonly server: Socket
}

/** How an answer to the last message of an exchange ends, outside a transaction. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

export async function startProxy(target: string): Promise<TcpProxy> {
  const pairs = new Set<Pair>()
  let armed: 'before' | 'after' | undefined
  let held: (() => void)[] | undefined
  function pass(act: () => void): void {
    if (held === undefined) act()
    else held.push(act)
  }
  const proxy = createServer((client) => {
    const server = connect(Number(new URL(target).port), '127.0.0.1')
    const pair = { client, server }
    pairs.add(pair)
    client.on('data', (data) => {
      if (armed === 'before') cutOff(pair)
      else pass(() => server.write(data))
    })
    server.on('data', (data) => {
      if (armed === 'after' && data.subarray(-READY.length).equals(READY)) cutOff(pair)
      else pass(() => client.write(data))
    })
    for (const socket of [client, server]) {
      socket.on('error', () => undefined)
      socket.on('close', () => drop(pair))
    }
  })
  function cutOff(pair: Pair): void {
    armed = undefined
    drop(pair)
  }
  function drop(pair: Pair): void {
    pairs.delete(pair)
    pair.client.destroy()
    pair.server.destroy()
  }
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address()
  const url = new URL(target)
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0)
  return {
    url: url.href,
    cut: (when) => {
      if (when === 'now') for (const pair of pairs) drop(pair)
      else armed = when
    },
    hang: () => {
      held = []
      return () => {
        const waiting = held ?? []
        held = undefined
        for (const act of waiting) act()
      }
    },
    close: async () => {
      for (const pair of pairs) drop(pair)
      proxy.close()
      await once(proxy, 'close')
    },
  }
}
