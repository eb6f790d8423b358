import { createHash, generateKeyPairSync } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { isPrivityError } from 'privity'
import { openDsr, type OpenDsrHook, type OpenDsrOptions } from 'privity/hooks'
import { errorOf } from '../support/error-of.ts'
import { contextOf, runHook } from '../support/hook-person.ts'
import { CERTIFICATE, CERTIFIED } from '../support/open-dsr-certificate.ts'
import {
  DOMAIN,
  PUBLIC_KEY,
  signatureOf,
  signed,
  startProcessor,
  type TestProcessor,
} from '../support/open-dsr-processor.ts'

const ANNA = { externalId: 'customer-42' }
const EMAIL = { email: 'Anna@Example.com' }
const SIGNER = { domain: DOMAIN, key: PUBLIC_KEY }
const CALLBACK_URL = 'https://acme.example/opendsr/callbacks'
const NOW = Date.UTC(2026, 10, 22)
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const LATER = { retryAfter: { hours: 1 } }

let processor: TestProcessor

beforeEach(async () => {
  processor = await startProcessor()
})
afterEach(() => processor.close())

function hookWith(options: Partial<OpenDsrOptions> = {}): OpenDsrHook {
  return openDsr({
    id: 'mailer',
    endpoint: processor.endpoint,
    identities: [{ type: 'controller_customer_id', from: 'externalId' }],
    clock: { now: () => NOW },
    timeoutMs: 400,
    ...options,
  })
}

/** The request of this erasure at the processor. */
function requestOf(hook: OpenDsrHook): { readonly body: object; status: string } {
  const found = processor.requests.get(hook.requestId(contextOf(ANNA).erasureId))
  if (found === undefined) throw new TypeError('nothing was submitted')
  return found
}

describe('a processor', () => {
  test('is asked as OpenDSR 2.0 says, and is waited for', async () => {
    const hook = hookWith({ signer: SIGNER, callbackUrl: CALLBACK_URL })
    const first = await runHook(hook, ANNA)
    const id = hook.requestId(contextOf(ANNA).erasureId)
    expect(id).toMatch(UUID)
    const description = `OpenDSR request to ${new URL(processor.url).host}`
    expect(first.items).toEqual([{ id, description, count: 1 }])
    expect(first.outcomes).toEqual([{ ...LATER, why: 'pending' }])
    expect(first.verdicts).toEqual(['unknown'])
    expect(requestOf(hook).body).toEqual({
      regulation: 'gdpr',
      subject_request_id: id,
      subject_request_type: 'erasure',
      submitted_time: '2026-11-22T00:00:00.000Z',
      subject_identities: [
        {
          identity_type: 'controller_customer_id',
          identity_value: 'customer-42',
          identity_format: 'raw',
        },
      ],
      api_version: '2.0',
      status_callback_urls: [CALLBACK_URL],
    })
    requestOf(hook).status = 'completed'
    const last = await runHook(hook, ANNA)
    expect(last.outcomes).toEqual(['already_done'])
    expect(last.verdicts).toEqual(['absent'])
    expect(processor.calls.filter((call) => call.startsWith('POST'))).toEqual(['POST /v2/requests'])
  })

  test('is asked in the name of the app, under its regulation', async () => {
    const authorization = async (): Promise<string> => 'Bearer of-the-app'
    const hook = hookWith({ authorization, regulation: 'ccpa', retryAfter: { days: 1 } })
    const { outcomes } = await runHook(hook, ANNA)
    expect(outcomes).toEqual([{ retryAfter: { days: 1 }, why: 'pending' }])
    expect(processor.latest.authorization).toBe('Bearer of-the-app')
    expect(requestOf(hook).body).toMatchObject({ regulation: 'ccpa' })
    expect(requestOf(hook).body).not.toHaveProperty('status_callback_urls')
  })

  test('that is done at once is done', async () => {
    const hook = hookWith()
    processor.instead = (request) => {
      if (request.method === 'GET' && processor.requests.size > 0)
        requestOf(hook).status = 'completed'
    }
    const { outcomes, verdicts } = await runHook(hook, ANNA)
    expect([outcomes, verdicts]).toEqual([['done'], ['absent']])
  })

  test('knows nobody who has no such id', async () => {
    const { items } = await runHook(hookWith(), {})
    expect(items).toEqual([])
    expect(processor.calls).toEqual([])
  })

  test('is asked under one id per erasure and hook', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-f]{32}$/), (erasureId) => {
        const id = hookWith().requestId(erasureId)
        expect(id).toMatch(UUID)
        expect(hookWith().requestId(erasureId)).toBe(id)
        expect(hookWith({ id: 'other' }).requestId(erasureId)).not.toBe(id)
        seen.add(id)
      }),
      { numRuns: 100 },
    )
    expect(seen.size).toBeGreaterThan(90)
  })

  test('that took the request although nobody heard it is not sent another', async () => {
    const hook = hookWith()
    const lost = hookWith({
      fetch: async (url, init) => {
        const answer = await fetch(url, init)
        if (init.method === 'POST') throw new TypeError('the connection broke')
        return answer
      },
    })
    expect((await runHook(lost, ANNA)).outcomes).toEqual([{ ...LATER, why: 'unreachable' }])
    expect((await runHook(hook, ANNA)).outcomes).toEqual([{ ...LATER, why: 'pending' }])
    expect(processor.calls.filter((call) => call.startsWith('POST'))).toHaveLength(1)
  })

  test('that refuses a request as known is asked what it knows', async () => {
    const hook = hookWith()
    await runHook(hook, ANNA)
    let isFirst = true
    processor.instead = (_, response) => {
      if (!isFirst) return undefined
      isFirst = false
      return response.writeHead(404).end()
    }
    expect((await runHook(hook, ANNA)).outcomes).toEqual([{ ...LATER, why: 'pending' }])
    expect(processor.calls.filter((call) => call.startsWith('POST'))).toHaveLength(2)
  })

  test('that cancelled the request blocks the erasure', async () => {
    const hook = hookWith()
    await runHook(hook, ANNA)
    requestOf(hook).status = 'cancelled'
    const { outcomes, verdicts } = await runHook(hook, ANNA)
    expect([outcomes, verdicts]).toEqual([[{ blocked: 'cancelled' }], ['unknown']])
  })
})

describe('a processor that knows people by a field', () => {
  const identities = [
    { type: 'email', from: { record: 'contact', field: 'email' } },
    {
      type: 'email',
      from: { record: 'contact', field: 'email' },
      format: 'sha256',
      normalise: (value: string) => value.toLowerCase(),
    },
  ] as const

  test('is asked while the field can be read, and the keys do not wait for it', async () => {
    const hook = hookWith({ identities })
    expect(hook.needsPlaintext).toBe(true)
    const { outcomes, verdicts } = await runHook(hook, { ...ANNA, fields: EMAIL })
    expect([outcomes, verdicts]).toEqual([['done'], ['unknown']])
    const hash = createHash('sha256').update('anna@example.com').digest('hex')
    expect(requestOf(hook).body).toMatchObject({
      subject_identities: [
        { identity_type: 'email', identity_value: 'Anna@Example.com', identity_format: 'raw' },
        { identity_type: 'email', identity_value: hash, identity_format: 'sha256' },
      ],
    })
  })

  test('is asked how far it is once the keys are gone', async () => {
    const hook = hookWith({ identities })
    const { items } = await runHook(hook, { ...ANNA, fields: EMAIL })
    const late = contextOf(ANNA)
    const [item] = items
    if (item === undefined) throw new TypeError('nothing was planned')
    expect(await hook.execute(item, late)).toEqual({ ...LATER, why: 'pending' })
    requestOf(hook).status = 'completed'
    expect(await hook.execute(item, late)).toBe('already_done')
    expect(await hook.verify(item, late)).toBe('absent')
    processor.requests.clear()
    expect(await hook.execute(item, late)).toEqual({ blocked: 'no_identity' })
  })

  test('is not asked about a person without the field', async () => {
    const { items } = await runHook(hookWith({ identities }), { ...ANNA, fields: {} })
    expect(items).toEqual([])
  })
})

describe('a processor at its worst', () => {
  const HUGE = 'x'.repeat(70_000)
  type Misbehaviour = (request: IncomingMessage, response: ServerResponse) => unknown
  const cases: readonly (readonly [string, string, Misbehaviour])[] = [
    ['is out of order', 'busy', (_, response) => response.writeHead(503).end()],
    ['cuts the connection', 'unreachable', (_, response) => response.destroy()],
    ['hangs', 'timeout', () => true],
    [
      'sends its answer for ever',
      'timeout',
      (_, response) => response.writeHead(200).write('{"subject_request_id":'),
    ],
    ['sends 70,000 bytes', 'too_big', (_, response) => response.writeHead(200).end(HUGE)],
    ['sends no JSON', 'malformed', (_, response) => response.writeHead(200).end('<html>')],
    ['sends null', 'malformed', (_, response) => response.writeHead(200).end('null')],
    [
      'answers for somebody else',
      'malformed',
      (_, response) =>
        response
          .writeHead(200)
          .end(
            '{"subject_request_id":"a7551968-d5d6-44b2-9831-815ac9017798","request_status":"completed"}',
          ),
    ],
    [
      'makes up a status',
      'malformed',
      (request, response) => {
        const id = request.url?.split('/').at(-1)
        return response
          .writeHead(200)
          .end(JSON.stringify({ subject_request_id: id, request_status: 'Completed' }))
      },
    ],
    [
      'sends people elsewhere',
      'redirected',
      (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(),
    ],
    ['says OK without an answer', 'malformed', (_, response) => response.writeHead(204).end()],
  ]

  test.for(cases)('%s: it is asked again later', async ([, why, misbehaviour]) => {
    processor.instead = misbehaviour
    const hook = hookWith()
    const { items, outcomes, verdicts } = await runHook(hook, ANNA)
    expect(items).toHaveLength(1)
    expect(outcomes).toEqual([{ ...LATER, why }])
    expect(verdicts).toEqual(['unknown'])
    processor.instead = undefined
    expect((await runHook(hook, ANNA)).outcomes).toEqual([{ ...LATER, why: 'pending' }])
  })

  test('is not running: it is asked again later, and the plan is made all the same', async () => {
    const hook = hookWith()
    await processor.close()
    const { items, outcomes, verdicts } = await runHook(hook, ANNA)
    expect(items).toHaveLength(1)
    expect([outcomes, verdicts]).toEqual([[{ ...LATER, why: 'unreachable' }], ['unknown']])
    processor = await startProcessor()
  })

  test('says when to come back', async () => {
    const waits: unknown[] = []
    for (const after of ['10', '7201', '999999999', 'Sun, 22 Nov 2026 10:00:00 GMT']) {
      processor.instead = (_, response) => response.writeHead(429, { 'retry-after': after }).end()
      waits.push(...(await runHook(hookWith(), ANNA)).outcomes)
    }
    expect(waits).toEqual([1, 3, 168, 1].map((hours) => ({ retryAfter: { hours }, why: 'busy' })))
  })

  test.for([
    [401, 'not_authorised'],
    [403, 'not_authorised'],
    [422, 'refused'],
  ] as const)('refuses with %i: somebody has to look', async ([status, why]) => {
    processor.instead = (_, response) => response.writeHead(status).end('johndoe@example.com')
    const { outcomes, verdicts } = await runHook(hookWith(), ANNA)
    expect([outcomes, verdicts]).toEqual([[{ blocked: why }], ['unknown']])
  })

  test('is not believed without its signature, where it is pinned', async () => {
    const hook = hookWith({ signer: SIGNER })
    await runHook(hook, ANNA)
    const body = JSON.stringify({
      subject_request_id: hook.requestId(contextOf(ANNA).erasureId),
      request_status: 'completed',
    })
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const forgeries: readonly { readonly [name: string]: string }[] = [
      {},
      { ...signed(body), 'x-opendsr-processor-domain': 'evil.example' },
      { ...signed(body), 'x-opendsr-signature': signatureOf(`${body} `) },
      { ...signed(body), 'x-opendsr-signature': signatureOf(body, other.privateKey) },
      { ...signed(body), 'x-opendsr-signature': '!' },
    ]
    for (const headers of forgeries) {
      processor.instead = (_, response) => response.writeHead(200, headers).end(body)
      const { outcomes, verdicts } = await runHook(hook, ANNA)
      expect([outcomes, verdicts]).toEqual([[{ ...LATER, why: 'not_signed' }], ['unknown']])
    }
    processor.instead = (_, response) => response.writeHead(200, signed(body)).end(body)
    expect((await runHook(hook, ANNA)).verdicts).toEqual(['absent'])
  })

  test('is given up when the erasure is', async () => {
    processor.instead = () => true
    const abort = new AbortController()
    const run = runHook(hookWith({ timeoutMs: 600_000 }), { ...ANNA, signal: abort.signal })
    abort.abort()
    expect((await run).verdicts).toEqual(['unknown'])
  })
})

describe('a callback', () => {
  const ID = 'a7551968-d5d6-4ab2-9831-815ac9017798'

  function callbackOf(json: object): string {
    return JSON.stringify({ controller_id: 'acme', subject_request_id: ID, ...json })
  }

  function send(
    body: string | ReadableStream<Uint8Array>,
    headers: { readonly [name: string]: string },
  ): ReturnType<OpenDsrHook['handleCallback']> {
    const hook = hookWith({ signer: SIGNER, callbackUrl: CALLBACK_URL })
    const init = { method: 'POST', body, headers, duplex: 'half' }
    return hook.handleCallback(new Request(CALLBACK_URL, init))
  }

  test('that is signed says which request to look at', async () => {
    const body = callbackOf({ request_status: 'completed', status_callback_url: CALLBACK_URL })
    const expected = { status: 202, requestId: ID, requestStatus: 'completed' }
    expect(await send(body, signed(body))).toEqual(expected)
    const without = callbackOf({ request_status: 'in_progress' })
    expect(await send(without, signed(without))).toMatchObject({ requestStatus: 'in_progress' })
    expect(processor.calls).toEqual([])
  })

  test('is refused before it is read, unless it is signed by the processor', async () => {
    const body = callbackOf({ request_status: 'completed' })
    const refusal = { status: 403, reason: 'not_signed' }
    expect(await send(body, {})).toEqual(refusal)
    expect(await send(`${body}\n`, signed(body))).toEqual(refusal)
    expect(await send('{', signed(body))).toEqual(refusal)
    const domain = { 'x-opendsr-processor-domain': 'evil.example' }
    expect(await send(body, { ...signed(body), ...domain })).toEqual(refusal)
  })

  test.for([
    ['no JSON', '{'],
    ['no id', JSON.stringify({ request_status: 'completed' })],
    [
      'an id that is none',
      JSON.stringify({ subject_request_id: '../1', request_status: 'completed' }),
    ],
    ['no status', JSON.stringify({ subject_request_id: ID })],
  ])('is malformed with %s', async ([, body = '']) => {
    expect(await send(body, signed(body))).toEqual({ status: 400, reason: 'malformed' })
  })

  test('that was signed for another app is refused', async () => {
    const other = { request_status: 'completed', status_callback_url: 'https://other.example/' }
    const body = callbackOf(other)
    expect(await send(body, signed(body))).toEqual({ status: 400, reason: 'other_url' })
  })

  test('is read no further than it may be long, nor for ever', async () => {
    const body = 'x'.repeat(70_000)
    expect(await send(body, signed(body))).toEqual({ status: 413, reason: 'too_big' })
    const endless = new ReadableStream<Uint8Array>({ start: () => undefined })
    expect(await send(endless, {})).toEqual({ status: 400, reason: 'unreadable' })
  })

  test('is not taken without a signer, nor by another method', async () => {
    const body = callbackOf({ request_status: 'completed' })
    const request = new Request(CALLBACK_URL, { method: 'POST', body, headers: signed(body) })
    expect(await hookWith().handleCallback(request)).toEqual({
      status: 403,
      reason: 'no_callbacks',
    })
    const hook = hookWith({ signer: SIGNER, callbackUrl: CALLBACK_URL })
    const get = await hook.handleCallback(new Request(CALLBACK_URL))
    expect(get).toEqual({ status: 400, reason: 'not_a_post' })
  })
})

describe('the key of a signer', () => {
  const callback = JSON.stringify({
    subject_request_id: 'a7551968-d5d6-4ab2-9831-815ac9017798',
    request_status: 'pending',
  })

  async function take(
    key: string,
    { signature = signatureOf(callback), at = NOW } = {},
  ): Promise<unknown> {
    const signer = { domain: DOMAIN, key, signs: 'callbacks' } as const
    const clock = { now: () => at }
    const hook = hookWith({ signer, callbackUrl: CALLBACK_URL, clock })
    const headers = { ...signed(callback), 'x-opendsr-signature': signature }
    try {
      const init = { method: 'POST', body: callback, headers }
      return await hook.handleCallback(new Request(CALLBACK_URL, init))
    } catch (error) {
      return isPrivityError(error) ? error.code : error
    }
  }

  test('is RSA of 2,048 bits or more', async () => {
    expect(await take(PUBLIC_KEY)).toMatchObject({ status: 202 })
    const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
    expect(await take(short.export({ type: 'spki', format: 'pem' }).toString())).toBe(
      'key_unreadable',
    )
    const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    expect(await take(curve.export({ type: 'spki', format: 'pem' }).toString())).toBe(
      'key_unreadable',
    )
  })

  test('may be that of a certificate, while it lasts and for its name only', async () => {
    expect(CERTIFIED.body).toBe(callback)
    const { signature } = CERTIFIED
    const at = Date.UTC(2030, 0, 1)
    expect(await take(CERTIFICATE, { signature, at })).toMatchObject({ status: 202 })
    for (const outside of [Date.UTC(2026, 0, 1), Date.UTC(2040, 0, 1)])
      expect(await take(CERTIFICATE, { signature, at: outside })).toMatchObject({ status: 403 })
    expect(await take(CERTIFICATE, { at })).toMatchObject({ status: 403 })
    const signer = { domain: 'mailer.example', key: CERTIFICATE }
    const other = hookWith({ signer, callbackUrl: CALLBACK_URL })
    const request = new Request(CALLBACK_URL, { method: 'POST', body: callback })
    expect((await errorOf(other.handleCallback(request))).code).toBe('key_unreadable')
  })
})

describe('what the app passes to openDsr', () => {
  test.for([
    [{ endpoint: 'http://mailer.example/v2/requests' }, ['endpoint'], 'not_https'],
    [{ endpoint: 'https://user:secret@mailer.example/' }, ['endpoint'], 'not_a_url'],
    [{ endpoint: 'https://mailer.example/?a=b' }, ['endpoint'], 'not_a_url'],
    [{ endpoint: 7 }, ['endpoint'], 'not_a_url'],
    [{ identities: [] }, ['identities'], 'too_small'],
    [
      { identities: [{ type: 'E-Mail', from: 'externalId' }] },
      ['identities', 0, 'type'],
      'not_a_type',
    ],
    [
      { identities: [{ type: 'email', from: 'email' }] },
      ['identities', 0, 'from'],
      'not_an_object',
    ],
    [
      { identities: [{ type: 'email', from: 'externalId', format: 'md5' }] },
      ['identities', 0, 'format'],
      'unknown_format',
    ],
    [{ regulation: 'lgpd' }, ['regulation'], 'unknown_regulation'],
    [{ callbackUrl: CALLBACK_URL }, ['signer'], 'missing'],
    [{ signer: SIGNER, callbackUrl: 'http://acme.example/' }, ['callbackUrl'], 'not_https'],
    [{ signer: { ...SIGNER, key: 'secret' } }, ['signer', 'key'], 'not_a_key'],
    [{ signer: { ...SIGNER, domain: '*' } }, ['signer', 'domain'], 'not_a_domain'],
    [{ retryAfter: 60 }, ['retryAfter'], 'not_a_duration'],
    [{ timeoutMs: 0 }, ['timeoutMs'], 'not_a_timeout'],
    [{ authorization: 'Bearer secret' }, ['authorization'], 'not_a_function'],
    [{ headers: {} }, ['options'], 'unknown_option'],
  ] as const)('is refused without being quoted: %j', async ([options, path, code]) => {
    const error = await errorOf(() => hookWith(options as never))
    expect(error).toMatchObject({ code: 'invalid_input', details: { issues: [{ path, code }] } })
    expect(JSON.stringify(error) + error.message).not.toContain('secret')
  })
})
