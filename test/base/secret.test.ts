import { Console } from 'node:console'
import { Writable } from 'node:stream'
import { format, inspect } from 'node:util'
import { serialize } from 'node:v8'
import { expect, test } from 'vitest'
import { Secret } from '../../src/base/secret.ts'

const BYTES = Uint8Array.from({ length: 32 }, (_, index) => 0xa0 + index)
/** However the bytes might be spelled in a log. */
const SPELLINGS = [
  Buffer.from(BYTES).toString('hex'),
  Buffer.from(BYTES).toString('base64'),
  Buffer.from(BYTES).toString('base64url'),
  Buffer.from(BYTES).toString('latin1'),
  'a0 a1 a2',
  '160,161,162',
  '160, 161, 162',
  '"0":160',
]

function printed(...values: readonly unknown[]): string {
  let text = ''
  const sink = new Writable({
    write: (chunk, _, next) => {
      text += String(chunk)
      next()
    },
  })
  const console = new Console({ stdout: sink, stderr: sink })
  console.log(...values)
  console.error('%s %d %i %j %o %O', ...values, ...values, ...values)
  console.dir(values[0], { showHidden: true, depth: null })
  console.table(values)
  return text
}

const secret = Secret.of(BYTES)

test.each<[string, () => string]>([
  ['inspect', () => inspect(secret)],
  ['inspect with hidden properties', () => inspect(secret, { showHidden: true, depth: null })],
  ['inspect without custom inspection', () => inspect(secret, { customInspect: false })],
  [
    'inspect with everything',
    () => inspect(secret, { customInspect: false, showHidden: true, getters: true, depth: null }),
  ],
  ['inspect of a holder', () => inspect({ key: [secret] }, { depth: null, showHidden: true })],
  ['inspect of an error', () => inspect(Object.assign(new TypeError('x'), { secret }))],
  ['format', () => format('%s %o %O %j', secret, secret, secret, secret)],
  ['JSON', () => JSON.stringify({ secret, list: [secret] })],
  ['String', () => String(secret)],
  ['a template', () => `${secret}`],
  ['adding to a text', () => `${[secret]}`],
  ['a clone', () => inspect(structuredClone(secret), { showHidden: true })],
  ['serialisation', () => serialize(secret).toString('latin1')],
  ['a spread', () => JSON.stringify({ ...secret })],
  ['its keys', () => Reflect.ownKeys(secret).map(String).join()],
  ['the console', () => printed(secret, [secret])],
])('%s shows no byte', (_, show) => {
  const text = show()
  for (const spelling of SPELLINGS) expect(text).not.toContain(spelling)
})

test('prints a placeholder', () => {
  expect(String(secret)).toBe('[secret]')
  expect(inspect(secret)).toBe('[secret]')
  expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}')
})

test('shows its bytes to the function that uses them, and gives its answer', () => {
  expect(secret.use((bytes) => [...bytes])).toEqual([...BYTES])
})

test('keeps a copy: wiping the original changes nothing', () => {
  const original = Uint8Array.from(BYTES)
  const kept = Secret.of(original)
  original.fill(0)
  expect(kept.use((bytes) => bytes[0])).toBe(0xa0)
})

test('copies what a view shows and not the buffer behind it', () => {
  const kept = Secret.of(BYTES.subarray(2, 4))
  expect(kept.use((bytes) => [bytes.length, bytes.buffer.byteLength])).toEqual([2, 2])
})

test('a copy of a Buffer is plain bytes', () => {
  expect(Secret.of(Buffer.from(BYTES)).use((bytes) => bytes.constructor)).toBe(Uint8Array)
})

test('wiping overwrites the bytes and ends every use', () => {
  const kept = Secret.of(BYTES)
  const seen = kept.use((bytes) => bytes)
  kept.wipe()
  kept.wipe()
  expect([...seen]).toEqual([...new Uint8Array(32)])
  expect(() => kept.use((bytes) => bytes)).toThrow(
    expect.objectContaining({ code: 'key_unavailable', details: { what: 'secret' } }),
  )
})

test('an object that borrows the methods has no bytes to show', () => {
  const thief: unknown = Object.create(Secret.prototype)
  expect(() => Secret.prototype.use.call(thief, (bytes) => bytes)).toThrow(TypeError)
})
