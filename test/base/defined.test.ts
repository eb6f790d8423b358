import fc from 'fast-check'
import { expect, it } from 'vitest'
import { defined } from '../../src/base/defined.ts'

const members = fc.dictionary(fc.string(), fc.constantFrom(undefined, null, 0, '', false, 'text'))

it('leaves out what is undefined, and nothing else', () => {
  const rule = fc.property(members, (given) => {
    const expected = Object.entries(given).filter(([, value]) => value !== undefined)
    expect(Object.entries(defined(given))).toEqual(expected)
  })
  fc.assert(rule)
})
