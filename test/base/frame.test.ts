import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromHex, lengthPrefixed, toHex, utf8 } from '../../src/base/bytes.ts'
import { createFrame, type Frame } from '../../src/base/frame.ts'

fc.configureGlobal({ seed: 20_261_122 })

interface Part {
  readonly bytes: Uint8Array
  write(frame: Frame): void
}

const bytes = fc.uint8Array({ maxLength: 900 })
const part: fc.Arbitrary<Part> = fc.oneof(
  bytes.map((it) => ({ bytes: it, write: (frame: Frame) => frame.bytes(it) })),
  bytes.map((it) => ({ bytes: it, write: (frame: Frame) => frame.hex(toHex(it)) })),
  fc
    .string({ unit: 'grapheme', maxLength: 600 })
    .map((it) => ({ bytes: utf8(it), write: (frame: Frame) => frame.text(it) })),
  fc.tuple(fc.nat(Number.MAX_SAFE_INTEGER), fc.constantFrom(8, 7)).map(([value, length]) => ({
    bytes: fromHex(value.toString(16).padStart(2 * length, '0')) ?? new Uint8Array(0),
    write: (frame: Frame) => frame.uint(value, length),
  })),
)

function framed(frame: Frame, parts: readonly Part[]): Uint8Array {
  frame.begin(parts.length)
  for (const { write } of parts) write(frame)
  return frame.end()
}

test('writes what the parts give when they are joined at once', () => {
  const frame = createFrame()
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      expect(framed(frame, parts)).toEqual(lengthPrefixed(parts.map((it) => it.bytes)))
    }),
  )
})

test('keeps the lowest bytes of a number that needs more', () => {
  expect(createFrame().begin(1).uint(0x01_02_03, 2).end()).toEqual(
    lengthPrefixed([Uint8Array.of(2, 3)]),
  )
})

test('writes nothing of an earlier frame', () => {
  const frame = createFrame()
  framed(frame, [{ bytes: utf8(''), write: (it) => it.text('a long text of an earlier frame') }])
  expect(frame.begin(1).text('b').end()).toEqual(lengthPrefixed([utf8('b')]))
})

test.each(['a', 'ABCD', '0g', ' 00', '0x', 'é0'])('refuses %j as hexadecimal', (text) => {
  expect(() => createFrame().begin(1).hex(text)).toThrow(TypeError)
})
