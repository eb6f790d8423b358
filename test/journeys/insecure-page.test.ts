import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  webCryptoKeys,
} from '../../src/index.ts'
import { memoryStore } from '../../src/memory.ts'
import { sealFor } from '../../src/seal.ts'
import * as z from 'zod'

// What browsers give a page without TLS (W3C Secure Contexts, WebCrypto 10): random numbers, and nothing else.
beforeEach(() => {
  vi.stubGlobal('isSecureContext', false)
  vi.stubGlobal('indexedDB', {})
  vi.spyOn(crypto, 'subtle', 'get').mockReturnValue(undefined as unknown as SubtleCrypto)
})

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

const MISSING = { code: 'not_supported', details: { what: 'secure_context' } }

test('a page without TLS is told that it is one, and not which algorithm it lacks', async () => {
  await expect(open()).rejects.toMatchObject(MISSING)
})

test('keys that stay in the browser name the same cause', () => {
  expect(() => webCryptoKeys({ name: 'acme' })).toThrowError(expect.objectContaining(MISSING))
})

test('so does a form that is to be sealed', async () => {
  const point = 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU'
  const ours = { kty: 'EC', crv: 'P-256', alg: 'ECDH-ES', use: 'enc' } as const
  const jwk = { ...ours, x: point, y: point, kid: point }
  const sealed = sealFor(jwk, { name: 'Anna' }, { record: 'contact', purpose: 'support' })
  await expect(sealed).rejects.toMatchObject(MISSING)
})

test('a runtime without the algorithm hears its name, also in a secure context', async () => {
  vi.stubGlobal('isSecureContext', true)
  const lacks = { code: 'not_supported', details: { what: 'Ed25519' } }
  await expect(open()).rejects.toMatchObject(lacks)
})

async function open(): Promise<unknown> {
  const purposes = definePurposes({ support: { basis: 'contract', description: 'Answer you' } })
  const contact = defineRecord(purposes, ({ field }) => ({
    name: field(z.string(), { purposes: ['support'] }),
  }))
  const policy = definePolicy({
    controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
    purposes,
    records: { contact },
    roles: { agent: { purposes: ['support'] } },
  })
  const keys = localKeys(new Uint8Array(32).fill(7))
  return createPrivity({ policy, store: memoryStore(), keys })
}
