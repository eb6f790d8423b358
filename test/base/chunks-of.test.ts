import fc from 'fast-check'
import { expect, it } from 'vitest'
import { chunksOf } from '../../src/base/chunks-of.ts'

it('leaves nothing out, and fills every chunk but the last', () => {
  const rule = fc.property(fc.array(fc.nat()), fc.integer({ min: 1, max: 9 }), (items, size) => {
    const chunks = chunksOf(items, size)
    expect(chunks.flat()).toEqual(items)
    expect(chunks.slice(0, -1).every((chunk) => chunk.length === size)).toBe(true)
    expect(chunks.every(({ length }) => length > 0 && length <= size)).toBe(true)
  })
  fc.assert(rule)
})
