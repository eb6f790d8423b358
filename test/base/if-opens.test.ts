import { expect, it } from 'vitest'
import { PrivityError } from '../../src/base/errors.ts'
import { ifOpens } from '../../src/base/if-opens.ts'

it('gives what opens, and nothing for what does not', () => {
  const refuses = (): never => {
    throw new PrivityError('decryption_failed', { what: 'fence' })
  }
  expect(ifOpens(() => 7)).toBe(7)
  expect(ifOpens(refuses)).toBeUndefined()
})

it('hides nothing else that goes wrong', () => {
  const fails = (): never => {
    throw new RangeError('too long')
  }
  expect(() => ifOpens(fails)).toThrow('too long')
})
