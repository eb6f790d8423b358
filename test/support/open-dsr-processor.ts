import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { startServer, type TestServer } from './witness.ts'

/** A processor that speaks OpenDSR 2.0, in memory. */
export interface TestProcessor extends TestServer {
  readonly endpoint: string
  /** Requests by their id. */
  readonly requests: Map<string, { readonly body: SubmittedRequest; status: string }>
  /** Method and path of every call, in order. */
  readonly calls: string[]
  /** Headers of the latest call. */
  latest: IncomingMessage['headers']
  /** What it does instead, for a test of bad behaviour; `undefined` goes on as it should. */
  instead: ((request: IncomingMessage, response: ServerResponse) => unknown) | undefined
}

export interface SubmittedRequest {
  readonly subject_request_id: string
  readonly subject_identities: readonly unknown[]
  readonly status_callback_urls?: readonly string[]
  readonly [field: string]: unknown
}

export const DOMAIN = 'opendsr.mailer.example'

/** Made once: it takes a while. */
const PAIR = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const PUBLIC_KEY: string = PAIR.publicKey.export({ type: 'spki', format: 'pem' }).toString()

/** As the specification has it: SHA-256 with RSA over the body. */
export function signatureOf(body: string, key: KeyObject = PAIR.privateKey): string {
  return createSign('sha256').update(body).sign(key, 'base64')
}

/** Headers of an answer or a callback. */
export function signed(body: string): { readonly [name: string]: string } {
  return { 'x-opendsr-processor-domain': DOMAIN, 'x-opendsr-signature': signatureOf(body) }
}

export async function startProcessor(): Promise<TestProcessor> {
  const requests: TestProcessor['requests'] = new Map()
  const calls: string[] = []
  const state: Pick<TestProcessor, 'instead' | 'latest'> = { instead: undefined, latest: {} }
  const server = await startServer(async (request, response) => {
    calls.push(`${request.method} ${request.url}`)
    state.latest = request.headers
    if (state.instead !== undefined && (await state.instead(request, response)) !== undefined)
      return
    const [status, body] = await answer(requests, request)
    const sent = JSON.stringify(body)
    response.writeHead(status, { 'content-type': 'application/json', ...signed(sent) }).end(sent)
  })
  return Object.assign(state, {
    ...server,
    endpoint: `${server.url}/v2/requests`,
    requests,
    calls,
  })
}

async function answer(
  requests: TestProcessor['requests'],
  request: IncomingMessage,
): Promise<readonly [number, object]> {
  const times = { controller_id: 'acme', expected_completion_time: '2027-01-01T00:00:00Z' }
  if (request.method === 'POST') {
    const sent = await text(request)
    const body = JSON.parse(sent) as SubmittedRequest
    const { subject_request_id: id } = body
    if (requests.has(id)) return [400, { error: { code: 400, message: 'duplicate' } }]
    requests.set(id, { body, status: 'pending' })
    const encoded = Buffer.from(sent).toString('base64')
    return [201, { ...times, subject_request_id: id, encoded_request: encoded }]
  }
  const id = request.url?.slice('/v2/requests/'.length) ?? ''
  const known = requests.get(id)
  if (known === undefined) return [404, { error: { code: 404 } }]
  return [200, { ...times, subject_request_id: id, request_status: known.status }]
}
