// A store over HTTP, to a database that knows versions and not values, as Deno KV does.
import {
  assertBatch,
  assertKeys,
  assertScan,
  type Batch,
  PrivityError,
  type Row,
  type Store,
} from 'privity'

/** Sends a request; `fetch`, or whatever a test puts in its place. */
export type Send = (url: URL, body: string) => Promise<Response>

interface Entry {
  readonly key: string
  readonly value: string
  /** Another one after every change; 0 for a key that is absent. */
  readonly version: number
}

/** What is open: reading its address proves that it is. */
interface Session {
  readonly url: string
  readonly send: Send
  /** Calls under way, which `close` waits for. */
  readonly pending: Set<Promise<unknown>>
}

const LIMITS = { maxOps: 1_000, maxBytes: 4_194_304 } as const

export function httpStore(url: string, send: Send = post): Store {
  let session: Session | undefined
  let reason = 'not_open'
  // Not an async function: what is refused because nothing is open is refused now, and not later.
  function opened<T>(run: (session: Session) => Promise<T>): Promise<T> {
    if (session === undefined) return Promise.reject(new PrivityError('store_closed', { reason }))
    const { pending } = session
    const call = run(session)
    pending.add(call)
    return call.finally(() => pending.delete(call))
  }
  return {
    limits: LIMITS,
    open: async () => {
      const found = session ?? { url, send, pending: new Set() }
      // The level comes from the database. What it does not say, nobody may promise.
      const info = await ask<{ durable: boolean }>(found, 'info', {})
      session = found
      const durability = info.durable ? 'power-loss' : 'none'
      return { durability, shared: true, detail: 'key-value database over HTTP' }
    },
    read: (keys) => opened((own) => read(own, [...keys])),
    scan: (prefix, { after, limit }) =>
      opened(async (own) => {
        assertScan(prefix, { after, limit })
        const entries = await ask<readonly Entry[]>(own, 'list', { prefix, after, limit })
        return entries.map(({ key, value }): Row => [key, bytesOf(value)])
      }),
    commit: (batch) => opened((own) => commit(own, batch)),
    close: async () => {
      await Promise.allSettled(session?.pending ?? [])
      session = undefined
      reason = 'closed'
    },
  }
}

async function read(own: Session, keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
  assertKeys(keys)
  const entries = await ask<readonly Entry[]>(own, 'get', { keys })
  return entries.map(({ value, version }) => (version === 0 ? undefined : bytesOf(value)))
}

async function commit(own: Session, batch: Batch): Promise<void> {
  assertBatch(batch, LIMITS)
  // Taken over before anything is waited for: the caller may change what it passed.
  const put = batch.put.map(([key, value]) => ({ key, value: textOf(value) }))
  const expected = batch.checks.map(([key, value]) => [key, value && textOf(value)] as const)
  const del = [...batch.del]
  if (put.length + del.length === 0) return
  // The database compares versions, so the bytes are compared here, and must not change from then on.
  const held = await ask<readonly Entry[]>(own, 'get', { keys: expected.map(([key]) => key) })
  const checks = held.map(({ key, value, version }, at) => {
    if ((version === 0 ? null : value) !== expected[at]?.[1]) throw conflict()
    return { key, version }
  })
  await ask(own, 'atomic', { checks, put, del })
}

/** Of a question, an error is "not now"; of a change that was sent, it is "nobody knows". */
async function ask<T>({ url, send }: Session, path: string, body: object): Promise<T> {
  const failure = (): PrivityError =>
    path === 'atomic'
      ? new PrivityError('outcome_unknown', {})
      : new PrivityError('store_unavailable', { reason: 'http' })
  // Nothing of what was thrown is passed on: it may quote the request.
  const response = await send(new URL(path, url), JSON.stringify(body)).catch(() => undefined)
  if (response === undefined) throw failure()
  if (response.status === 409) throw conflict()
  if (response.status === 507) throw new PrivityError('store_full', { reason: 'http' })
  if (!response.ok) throw failure()
  try {
    return (await response.json()) as T
  } catch {
    throw failure()
  }
}

function post(url: URL, body: string): Promise<Response> {
  return fetch(url, { method: 'POST', body, signal: AbortSignal.timeout(5_000) })
}

function conflict(): PrivityError {
  return new PrivityError('write_conflict', { attempts: 1 })
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

/** A copy, because a Buffer may be a view of a pool that others see. */
function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}
