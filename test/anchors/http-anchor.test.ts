import type { ServerResponse } from 'node:http'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  type Anchor,
  type ErrorCode,
  httpAnchor,
  type HttpAnchorOptions,
  isPrivityError,
  memoryAnchor,
} from 'privity'
import { verifyCheckpoint } from 'privity/verify'
import {
  addCosignature,
  parseNote,
  signNote,
  toVerifierKey,
  verifyNote,
} from '../../src/crypto/note.ts'
import { fixedKey } from '../support/fixed-key.ts'
import { type GrowingLog, growingLog } from '../support/growing-log.ts'
import {
  cosign,
  startServer,
  startWitness,
  type TestServer,
  type Witness,
} from '../support/witness.ts'

let log: GrowingLog
const running: TestServer[] = []

beforeAll(async () => {
  log = await growingLog()
})

afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})

async function witnessOf(...logs: readonly GrowingLog[]): Promise<Witness> {
  const witness = await startWitness(logs.map(({ key }) => key))
  running.push(witness)
  return witness
}

async function serving(answer: (response: ServerResponse) => unknown): Promise<string> {
  const server = await startServer((request, response) => {
    request.resume()
    return answer(response)
  })
  running.push(server)
  return server.url
}

function anchorAt(witness: Witness, options: Partial<HttpAnchorOptions> = {}): Anchor {
  return httpAnchor({ url: witness.url, witness: witness.vkey, ...options })
}

async function failure(call: Promise<unknown>): Promise<{ code: ErrorCode; details: unknown }> {
  try {
    await call
  } catch (error) {
    if (isPrivityError(error)) return { code: error.code, details: error.details }
    throw error
  }
  throw new TypeError('the call should have failed')
}

function unavailable(reason: string): { code: ErrorCode; details: unknown } {
  return { code: 'store_unavailable', details: { reason } }
}

function contradiction(kind: string): { code: ErrorCode; details: unknown } {
  return { code: 'ledger_inconsistent', details: { origin: log.origin, kind } }
}

function sizesOf(witness: Witness): readonly string[] {
  return witness.submissions.map((body) => body.slice(0, body.indexOf('\n')))
}

describe('an anchor at a witness', () => {
  test('remembers nothing at first, then what was cosigned', async () => {
    const witness = await witnessOf(log)
    const anchor = anchorAt(witness)
    expect(await anchor.read()).toBeUndefined()
    expect(await anchor.advance(undefined, await log.checkpoint(3))).toBe(true)
    const read = (await anchor.read()) ?? ''
    const verdict = await verifyCheckpoint(read, { origin: log.origin, keys: [witness.vkey] })
    expect(verdict).toMatchObject({ ok: true, checkpoint: { size: 3n } })
    expect(read.startsWith(await log.checkpoint(3))).toBe(true)
    expect(witness.latest.get(log.origin)?.size).toBe(3n)
  })

  test('moves on from what it gives out, and from what was passed to it', async () => {
    const witness = await witnessOf(log)
    const anchor = anchorAt(witness)
    await anchor.advance(undefined, await log.checkpoint(3))
    expect(await anchor.advance(await anchor.read(), await log.checkpoint(8), log.prove)).toBe(true)
    expect(await anchor.advance(await log.checkpoint(8), await log.checkpoint(9), log.prove)).toBe(
      true,
    )
    expect(sizesOf(witness)).toEqual(['old 0', 'old 3', 'old 8'])
  })

  test('does not ask the witness when something else is remembered', async () => {
    const witness = await witnessOf(log)
    const anchor = anchorAt(witness)
    await anchor.advance(undefined, await log.checkpoint(3))
    expect(await anchor.advance(undefined, await log.checkpoint(4), log.prove)).toBe(false)
    const other = await log.checkpoint(2)
    expect(await anchor.advance(other, await log.checkpoint(4), log.prove)).toBe(false)
    expect(witness.submissions).toHaveLength(1)
  })

  test('has the same checkpoint cosigned anew, with one line and not two', async () => {
    const witness = await witnessOf(log)
    const anchor = anchorAt(witness)
    await anchor.advance(undefined, await log.checkpoint(3))
    const once = (await anchor.read()) ?? ''
    expect(await anchor.advance(once, once)).toBe(true)
    expect(parseNote((await anchor.read()) ?? '')?.signatures).toHaveLength(2)
  })

  test('keeps what else stands below a checkpoint', async () => {
    const witness = await witnessOf(log)
    const anchor = anchorAt(witness)
    const other = { name: 'other.example', key: await fixedKey(4), seconds: 5 }
    await anchor.advance(undefined, await addCosignature(await log.checkpoint(3), other))
    const names = parseNote((await anchor.read()) ?? '')?.signatures.map(({ name }) => name)
    expect(names).toEqual([log.origin, 'other.example', witness.name])
  })

  test('takes the line of its witness and no other out of an answer', async () => {
    const other = { name: 'other.example', key: await fixedKey(4) }
    const known = { name: 'witness.example', key: await fixedKey(5) }
    const note = await log.checkpoint(3)
    const lines = (await cosign(note, other)) + (await cosign(note, known))
    const url = await serving((response) => response.end(lines))
    const { publicKey } = known.key
    const witness = toVerifierKey({ name: known.name, publicKey, algorithm: 'cosignature' })
    const anchor = httpAnchor({ url, witness })
    expect(await anchor.advance(undefined, note)).toBe(true)
    expect(await anchor.read()).toBe(note + (await cosign(note, known)))
  })

  test('takes one line, when its witness says the same at two times', async () => {
    const known = { name: 'witness.example', key: await fixedKey(5) }
    const note = await log.checkpoint(3)
    const line = await cosign(note, known)
    const later = (await addCosignature(note, { ...known, seconds: 9 })).slice(note.length)
    const anchor = await strange(await serving((response) => response.end(line + later)))
    expect(await anchor.advance(undefined, note)).toBe(true)
    expect(await anchor.read()).toBe(note + line)
  })

  test('is shared by processes that share its state', async () => {
    const witness = await witnessOf(log)
    const state = memoryAnchor()
    const [one, two] = [anchorAt(witness, { state }), anchorAt(witness, { state })]
    await one.advance(undefined, await log.checkpoint(3))
    const from = await two.read()
    const moved = await Promise.allSettled([
      one.advance(from, await log.checkpoint(6), log.prove),
      two.advance(from, await log.checkpoint(9), log.prove),
    ])
    const won = moved.filter((call) => call.status === 'fulfilled' && call.value)
    expect(won).toHaveLength(1)
    expect(witness.latest.get(log.origin)?.size).toBe(9n)
    // Whoever lost catches up with what the witness cosigned meanwhile.
    expect(await two.advance(await two.read(), await log.checkpoint(9), log.prove)).toBe(true)
  })

  test('goes on with another log, of which the witness knows nothing', async () => {
    const next = await growingLog({ origin: 'example.com/restored' })
    const witness = await witnessOf(log, next)
    const anchor = anchorAt(witness)
    await anchor.advance(undefined, await log.checkpoint(9))
    expect(await anchor.advance(await anchor.read(), await next.checkpoint(2))).toBe(true)
    expect(sizesOf(witness)).toEqual(['old 0', 'old 0'])
  })
})

describe('a witness that knows another size', () => {
  test('is given the proof from there, in one more question', async () => {
    const witness = await witnessOf(log)
    await anchorAt(witness).advance(undefined, await log.checkpoint(4))
    const restarted = anchorAt(witness)
    expect(await restarted.advance(undefined, await log.checkpoint(9), log.prove)).toBe(true)
    expect(sizesOf(witness)).toEqual(['old 0', 'old 0', 'old 4'])
  })

  test('is asked once more at the same size, without a proof', async () => {
    const witness = await witnessOf(log)
    await anchorAt(witness).advance(undefined, await log.checkpoint(4))
    expect(await anchorAt(witness).advance(undefined, await log.checkpoint(4))).toBe(true)
  })

  test('was itself set back: it is led forward again', async () => {
    const witness = await witnessOf(log)
    const anchor = anchorAt(witness)
    await anchor.advance(undefined, await log.checkpoint(3))
    const set = witness.latest.get(log.origin)
    await anchor.advance(await anchor.read(), await log.checkpoint(7), log.prove)
    if (set !== undefined) witness.latest.set(log.origin, set)
    expect(await anchor.advance(await anchor.read(), await log.checkpoint(9), log.prove)).toBe(true)
  })

  test('shows that the log was set back', async () => {
    const witness = await witnessOf(log)
    await anchorAt(witness).advance(undefined, await log.checkpoint(9))
    const anchor = anchorAt(witness)
    const set = anchor.advance(undefined, await log.checkpoint(5), log.prove)
    expect(await failure(set)).toEqual(contradiction('anchor_ahead'))
    expect(await anchor.read()).toBeUndefined()
    expect(witness.latest.get(log.origin)?.size).toBe(9n)
  })

  test.for([4, 9])('shows that the log was rewritten, at %i leaves', async (size) => {
    const witness = await witnessOf(log)
    const fork = await growingLog({ branch: 'b' })
    const first = anchorAt(witness)
    await first.advance(undefined, await log.checkpoint(4))
    const anchors = [first, anchorAt(witness)]
    for (const anchor of anchors) {
      const from = await anchor.read()
      const call = anchor.advance(from, await fork.checkpoint(size), fork.prove)
      expect(await failure(call)).toEqual(contradiction('fork'))
      expect(await anchor.read()).toBe(from)
    }
    expect(witness.latest.get(log.origin)?.size).toBe(4n)
  })
})

describe('a witness that does not cosign', () => {
  const STATUS: readonly (readonly [number, string])[] = [
    [201, 'failed'],
    [204, 'failed'],
    [400, 'refused'],
    [401, 'failed'],
    [403, 'unknown_key'],
    [404, 'unknown_log'],
    [410, 'failed'],
    [429, 'busy'],
    [500, 'failed'],
    [503, 'busy'],
  ]
  test.for(STATUS)('with status %i is unavailable: %s', async ([status, reason]) => {
    const url = await serving((response) => response.writeHead(status).end())
    const anchor = await strange(url)
    expect(await failure(anchor.advance(undefined, await log.checkpoint(3)))).toEqual(
      unavailable(reason),
    )
    expect(await anchor.read()).toBeUndefined()
  })

  test('says why as a real one too', async () => {
    const witness = await witnessOf(log)
    const stranger = await growingLog({ origin: 'example.com/stranger' })
    const forged = await signNote(
      parseNote(await log.checkpoint(3))?.text ?? '',
      log.origin,
      await fixedKey(8),
    )
    const anchor = anchorAt(witness)
    expect(await failure(anchor.advance(undefined, await stranger.checkpoint(3)))).toEqual(
      unavailable('unknown_log'),
    )
    expect(await failure(anchor.advance(undefined, forged))).toEqual(unavailable('unknown_key'))
  })

  test('because the proof is wrong shows a fork', async () => {
    const witness = await witnessOf(log)
    const anchor = anchorAt(witness)
    await anchor.advance(undefined, await log.checkpoint(3))
    const wrong = async (): Promise<readonly Uint8Array[]> => [new Uint8Array(32)]
    const call = anchor.advance(await anchor.read(), await log.checkpoint(6), wrong)
    expect(await failure(call)).toEqual(contradiction('fork'))
  })

  test('cannot be asked at all', async () => {
    const url = await serving(() => undefined)
    for (const server of running.splice(0)) await server.close()
    const anchor = await strange(url)
    expect(await failure(anchor.advance(undefined, await log.checkpoint(3)))).toEqual(
      unavailable('unreachable'),
    )
  })
})

/** An anchor at a server that is no witness; its key is that of {@link fixedKey} 5. */
async function strange(url: string, options: Partial<HttpAnchorOptions> = {}): Promise<Anchor> {
  const { publicKey } = await fixedKey(5)
  const witness = toVerifierKey({ name: 'witness.example', publicKey, algorithm: 'cosignature' })
  return httpAnchor({ url, witness, ...options })
}

describe('a hostile server', () => {
  /** Answers with 200 and this body. */
  async function told(body: string | Uint8Array): Promise<unknown> {
    const url = await serving((response) => response.end(body))
    const anchor = await strange(url)
    const error = await failure(anchor.advance(undefined, await log.checkpoint(3)))
    expect(await anchor.read()).toBeUndefined()
    return error
  }

  test('is not believed without a signature that holds', async () => {
    const note = await log.checkpoint(3)
    const known = { name: 'witness.example', key: await fixedKey(5) }
    const good = await cosign(note, known)
    const other = await cosign(await log.checkpoint(4), known)
    const plain = (await signNote(parseNote(note)?.text ?? '', known.name, known.key)).slice(
      (parseNote(note)?.text.length ?? 0) + 1,
    )
    const answers: readonly string[] = [
      '',
      '\n',
      'garbage',
      note,
      other,
      good + other,
      plain,
      good.trimEnd(),
      `${good}\n`,
      `\n${good}`,
      good.replace('— ', '- '),
      good.repeat(101),
      '<html><body>Bad gateway</body></html>',
      await cosign(note, { name: 'witness.example', key: await fixedKey(6) }),
      await cosign(note, { name: 'other.example', key: known.key }),
    ]
    for (const answer of answers) expect(await told(answer)).toEqual(unavailable('not_cosigned'))
  })

  test('cannot pass off a signature of its witness over a longer text', async () => {
    const note = await log.checkpoint(3)
    const known = { name: 'witness.example', key: await fixedKey(5) }
    // The witness signed a note that begins like ours.
    const longer = `${note}\nwords\n\n— x ${'A'.repeat(92)}\n`
    const lines = longer.slice((parseNote(note)?.text.length ?? 0) + 1)
    const answer = lines + (await cosign(longer, known))
    const whole = parseNote(`${parseNote(note)?.text}\n${answer}`)
    const { publicKey } = known.key
    const key = { name: known.name, publicKey, algorithm: 'cosignature' as const }
    expect(whole !== undefined && (await verifyNote(whole, [key]))).toBe(true)
    expect(await told(answer)).toEqual(unavailable('not_cosigned'))
  })

  test('is not listened to for more than 64 KiB', async () => {
    expect(await told('x'.repeat(65_537))).toEqual(unavailable('too_big'))
    let sent = 0
    const url = await serving((response) => {
      response.writeHead(200)
      const part = Buffer.alloc(16_384, 120)
      const more = (): void => {
        while (!response.destroyed && response.write(part)) sent += part.length
      }
      response.on('drain', more)
      more()
    })
    const anchor = await strange(url)
    expect(await failure(anchor.advance(undefined, await log.checkpoint(3)))).toEqual(
      unavailable('too_big'),
    )
    expect(sent).toBeLessThan(64 * 1_048_576)
  })

  test('is not understood when it sends no UTF-8', async () => {
    expect(await told(Uint8Array.of(0xff, 0xfe))).toEqual(unavailable('malformed'))
  })

  test.for(['before its headers', 'after its headers', 'in the middle of its answer'])(
    'is given up when it falls silent %s',
    async (when) => {
      const url = await serving((response) => {
        if (when !== 'before its headers') response.writeHead(200).flushHeaders()
        if (when === 'in the middle of its answer') response.write('— ')
      })
      const anchor = await strange(url, { timeoutMs: 60 })
      expect(await failure(anchor.advance(undefined, await log.checkpoint(3)))).toEqual(
        unavailable('timeout'),
      )
    },
  )

  test('is given up also by a fetch that knows no signal', async () => {
    const fetch = (): Promise<Response> => new Promise(() => undefined)
    const anchor = await strange('https://witness.example', { fetch, timeoutMs: 60 })
    expect(await failure(anchor.advance(undefined, await log.checkpoint(3)))).toEqual(
      unavailable('timeout'),
    )
  })

  test('is given up when its answer never ends, by such a fetch too', async () => {
    const fetch = async (): Promise<Response> => new Response(new ReadableStream())
    const anchor = await strange('https://witness.example', { fetch, timeoutMs: 60 })
    expect(await failure(anchor.advance(undefined, await log.checkpoint(3)))).toEqual(
      unavailable('timeout'),
    )
  })

  test.for([301, 302, 307, 308])('is not followed elsewhere by a %i', async (status) => {
    const witness = await witnessOf(log)
    const location = `${witness.url}add-checkpoint`
    const url = await serving((response) => response.writeHead(status, { location }).end())
    const anchor = httpAnchor({ url, witness: witness.vkey })
    expect(await failure(anchor.advance(undefined, await log.checkpoint(3)))).toEqual(
      unavailable('unreachable'),
    )
    expect(witness.submissions).toEqual([])
  })

  test('that always knows another size is asked twice, not for ever', async () => {
    let asked = 0
    const url = await serving((response) => {
      asked += 1
      response.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end(`${asked}\n`)
    })
    const anchor = await strange(url)
    expect(await failure(anchor.advance(undefined, await log.checkpoint(9), log.prove))).toEqual(
      unavailable('busy'),
    )
    expect(asked).toBe(2)
  })

  const SIZES: readonly (readonly [string, string])[] = [
    ['text/plain', '4\n'],
    ['text/x.tlog.size', ''],
    ['text/x.tlog.size', '4'],
    ['text/x.tlog.size', '04\n'],
    ['text/x.tlog.size', '-1\n'],
    ['text/x.tlog.size', '4\n\n'],
    ['text/x.tlog.size', '0x4\n'],
    ['text/x.tlog.size', '4e0\n'],
    ['text/x.tlog.size', '99999999999999999999\n'],
    ['text/x.tlog.size', '0\n'],
  ]
  test.for(SIZES)('that contradicts with %s %j says nothing', async ([type, body]) => {
    let asked = 0
    const url = await serving((response) => {
      asked += 1
      response.writeHead(409, { 'content-type': type }).end(body)
    })
    const anchor = await strange(url)
    expect(await failure(anchor.advance(undefined, await log.checkpoint(9), log.prove))).toEqual(
      unavailable('malformed'),
    )
    expect(asked).toBe(1)
  })

  test('does not get its words into an error, nor its address', async () => {
    const marker = 'marker-8f3a'
    const url = await serving((response) => response.writeHead(500, marker).end(marker))
    const anchor = await strange(`${url}/${marker}`)
    const error = await anchor.advance(undefined, await log.checkpoint(3)).catch((it) => it)
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain(marker)
    expect(error.cause).toBeUndefined()
  })
})

describe('what the app passes', () => {
  test('is a proof where one is needed', async () => {
    const witness = await witnessOf(log)
    const anchor = anchorAt(witness)
    await anchor.advance(undefined, await log.checkpoint(3))
    const from = await anchor.read()
    const to = await log.checkpoint(6)
    const missing = await failure(anchor.advance(from, to))
    expect(missing.details).toEqual({ issues: [{ path: ['prove'], code: 'not_a_function' }] })
    const proofs: readonly unknown[] = [undefined, 'x', [1], [new Uint8Array(31)], Array(64)]
    for (const proof of proofs) {
      const wrong = anchor.advance(from, to, async () => proof as readonly Uint8Array[])
      expect(await failure(wrong)).toEqual({
        code: 'invalid_input',
        details: { issues: [{ path: ['prove'], code: 'not_a_proof' }] },
      })
    }
    const broken = new TypeError('of the app')
    const thrown = anchor.advance(from, to, async () => Promise.reject(broken))
    await expect(thrown).rejects.toBe(broken)
    expect(await anchor.read()).toBe(from)
  })

  test('is a state that keeps to the contract, or is told so', async () => {
    const witness = await witnessOf(log)
    const to = await log.checkpoint(3)
    const states: readonly (readonly [Partial<Anchor>, ErrorCode])[] = [
      [{ read: async () => 'garbage' }, 'store_corrupt'],
      [{ read: async () => 5 as never }, 'store_corrupt'],
      [{ read: async () => Promise.reject(new TypeError('x')) }, 'store_unavailable'],
      [{ advance: async () => Promise.reject(new TypeError('x')) }, 'outcome_unknown'],
    ]
    for (const [broken, code] of states) {
      const anchor = anchorAt(witness, { state: { ...memoryAnchor(), ...broken } })
      expect((await failure(anchor.advance(undefined, to))).code).toBe(code)
    }
    const lost = anchorAt(witness, { state: { ...memoryAnchor(), advance: async () => false } })
    expect(await lost.advance(undefined, to)).toBe(false)
  })

  const good = { url: 'https://witness.example' }
  const REFUSED: readonly (readonly [string, object, readonly string[], string])[] = [
    ['no options', [], ['options'], 'not_an_object'],
    ['an unknown option', { ...good, retries: 3 }, ['options'], 'unknown_option'],
    ['no address', {}, ['url'], 'not_a_url'],
    ['an address that is none', { url: 'witness' }, ['url'], 'not_a_url'],
    ['an address object', { url: new URL(good.url) }, ['url'], 'not_a_url'],
    ['a password', { url: 'https://me:secret@witness.example' }, ['url'], 'not_a_url'],
    ['a query', { url: 'https://witness.example/?a=1' }, ['url'], 'not_a_url'],
    ['a fragment', { url: 'https://witness.example/#a' }, ['url'], 'not_a_url'],
    ['plain http', { url: 'http://witness.example' }, ['url'], 'not_https'],
    ['a host like this machine', { url: 'http://127.0.0.1.example' }, ['url'], 'not_https'],
    ['a host that ends like it', { url: 'http://not-localhost' }, ['url'], 'not_https'],
    ['another scheme', { url: 'file:///tmp' }, ['url'], 'not_https'],
    ['no key', { ...good, witness: undefined }, ['witness'], 'not_a_witness_key'],
    ['a key that is none', { ...good, witness: 'x' }, ['witness'], 'not_a_witness_key'],
    ['a state that is none', { ...good, state: {} }, ['state', 'read'], 'not_a_function'],
    ['half a state', { ...good, state: { read() {} } }, ['state', 'advance'], 'not_a_function'],
    ['a fetch that is none', { ...good, fetch: 'x' }, ['fetch'], 'not_a_function'],
    ['no time', { ...good, timeoutMs: 0 }, ['timeoutMs'], 'not_a_timeout'],
    ['half a millisecond', { ...good, timeoutMs: 0.5 }, ['timeoutMs'], 'not_a_timeout'],
    ['eleven minutes', { ...good, timeoutMs: 660_000 }, ['timeoutMs'], 'not_a_timeout'],
  ]
  test.for(REFUSED)('is refused with %s', async ([, options, path, code]) => {
    const { publicKey } = await fixedKey(5)
    const witness = toVerifierKey({ name: 'w', publicKey, algorithm: 'cosignature' })
    const given = Array.isArray(options) ? options : { witness, ...options }
    const make = async (): Promise<unknown> => httpAnchor(given as HttpAnchorOptions)
    expect(await failure(make())).toEqual({
      code: 'invalid_input',
      details: { issues: [expect.objectContaining({ path, code })] },
    })
  })

  test('is refused with a key that signs logs', async () => {
    const { publicKey } = await fixedKey(5)
    const witness = toVerifierKey({ name: 'w', publicKey })
    const make = async (): Promise<unknown> => httpAnchor({ ...good, witness })
    expect((await failure(make())).code).toBe('invalid_input')
  })

  test.for([
    'http://localhost:1',
    'http://127.0.0.1:1/a',
    'http://[::1]:1',
    'https://a.example/b/',
  ])('is an address such as %s', async (url) => {
    const asked: string[] = []
    const fetch = async (address: string): Promise<Response> => {
      asked.push(address)
      return new Response(null, { status: 404 })
    }
    const anchor = await strange(url, { fetch })
    await failure(anchor.advance(undefined, await log.checkpoint(3)))
    expect(asked).toEqual([`${url.replace(/\/$/, '')}/add-checkpoint`])
  })
})
