import { expect, test } from 'vitest'
import { isId, randomId } from '../../src/base/id.ts'

test('ids are 32 lower-case hexadecimal digits and do not repeat', () => {
  const ids = Array.from({ length: 2_000 }, randomId)
  expect(ids.every(isId)).toBe(true)
  expect(new Set(ids).size).toBe(ids.length)
})

test('every bit of an id varies', () => {
  const ids = Array.from({ length: 400 }, () => BigInt(`0x${randomId()}`))
  const ever = ids.reduce((all, id) => all | id)
  const always = ids.reduce((all, id) => all & id)
  expect(ever).toBe(2n ** 128n - 1n)
  expect(always).toBe(0n)
})

test.each<[string, unknown]>([
  ['upper case', 'A'.repeat(32)],
  ['too short', 'a'.repeat(31)],
  ['too long', 'a'.repeat(33)],
  ['a line end', `${'a'.repeat(32)}\n`],
  ['another letter', 'g'.repeat(32)],
  ['a path', `../${'a'.repeat(29)}`],
  ['nothing', ''],
  ['no text', 7],
  ['undefined', undefined],
  ['an object that pretends', { toString: () => 'a'.repeat(32) }],
])('%s is no id', (_, value) => {
  expect(isId(value)).toBe(false)
})
