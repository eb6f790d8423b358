// A key service on this machine, for the example only: it keeps its keys in memory. Like the real ones it never
// gives a key out, authenticates the context of a call, writes both into its log, and has an access policy.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FakeKms {
  readonly url: string
  /** What the service saw of each call, as an audit log in the cloud would hold it. */
  readonly log: readonly { readonly action: string; readonly context: Context | undefined }[]
  /** Answers nothing but that it is out of order. */
  away(isAway: boolean): void
  /** Ends the service; another one on the same versions goes on where it was. */
  stop(): Promise<void>
}

/** Key material by version; a version without any was destroyed. */
export interface Versions {
  readonly keys: (Buffer | undefined)[]
  readonly destroyedAt: (number | undefined)[]
}

type Context = Readonly<Record<string, string>>

interface Call {
  readonly action: string
  readonly caller: string
  readonly version?: number
  readonly bytes?: string
  readonly context?: Context
}

type Answer = readonly [status: number, body: object]

/** Like AWS, which waits at least seven days before a key is gone for good; here an hour. */
const WAITING_MS = 3_600_000
const NONCE = 12
const TAG = 16

export function newVersions(): Versions {
  return { keys: [randomBytes(32)], destroyedAt: [undefined] }
}

/** `denied` tells which classes a caller may not have. */
export async function startKms(
  versions: Versions,
  denied: (caller: string, className: string) => boolean = () => false,
): Promise<FakeKms> {
  const log: { readonly action: string; readonly context: Context | undefined }[] = []
  let isOut = false
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const part of request) text += part
    const call = { ...JSON.parse(text), action: request.url?.slice(1) ?? '' } as Call
    log.push({ action: call.action, context: call.context })
    const [status, body] = decide(call)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  function decide(call: Call): Answer {
    if (isOut) return refused(503, 'out_of_order')
    if (denied(call.caller, call.context?.['class'] ?? '')) return refused(403, 'denied')
    return answer(versions, call)
  }
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    log,
    away: (isAway) => {
      isOut = isAway
    },
    stop: () => stop(server),
  }
}

function stop(server: Server): Promise<void> {
  return new Promise((stopped) => {
    server.close(() => stopped())
    server.closeAllConnections()
  })
}

function answer(versions: Versions, call: Call): Answer {
  const { action, version = versions.keys.length } = call
  if (action === 'current') return [200, { version: versions.keys.length }]
  if (action === 'rotate') return [200, { version: versions.keys.push(randomBytes(32)) }]
  if (version > versions.keys.length) return refused(404, 'unknown_version')
  if (action === 'destroy') return destroy(versions, version)
  const key = versions.keys[version - 1]
  if (key === undefined) return refused(410, 'destroyed')
  return action === 'encrypt' ? encrypt(key, call) : decrypt(key, call)
}

function destroy({ keys, destroyedAt }: Versions, version: number): Answer {
  keys[version - 1] = undefined
  const effectiveAt = destroyedAt[version - 1] ?? Date.now() + WAITING_MS
  destroyedAt[version - 1] = effectiveAt
  return [200, { effectiveAt }]
}

function encrypt(key: Buffer, { bytes = '', context }: Call): Answer {
  const nonce = randomBytes(NONCE)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(toBytes(context))
  const sealed = Buffer.concat([cipher.update(bytes, 'base64'), cipher.final()])
  const parts = [nonce, sealed, cipher.getAuthTag()]
  return [200, { bytes: Buffer.concat(parts).toString('base64') }]
}

function decrypt(key: Buffer, { bytes = '', context }: Call): Answer {
  const wrapped = Buffer.from(bytes, 'base64')
  if (wrapped.length < NONCE + TAG) return refused(400, 'invalid_ciphertext')
  const end = wrapped.length - TAG
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, wrapped.subarray(0, NONCE))
    decipher.setAAD(toBytes(context)).setAuthTag(wrapped.subarray(end))
    const opened = Buffer.concat([decipher.update(wrapped.subarray(NONCE, end)), decipher.final()])
    return [200, { bytes: opened.toString('base64') }]
  } catch {
    return refused(400, 'invalid_ciphertext')
  }
}

function toBytes(context: Context = {}): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context).sort()))
}

function refused(status: number, error: string): Answer {
  return [status, { error }]
}
