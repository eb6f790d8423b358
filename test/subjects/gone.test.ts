import { expect, it } from 'vitest'
import { PrivityError } from '../../src/base/errors.ts'
import { isGone } from '../../src/subjects/gone.ts'

it('takes whoever was erased, and whoever was never there, for gone', () => {
  expect(isGone(new PrivityError('erased', { kind: 'subject' }))).toBe(true)
  expect(isGone(new PrivityError('not_found', { kind: 'subject' }))).toBe(true)
})

it('takes nobody for gone who does not open, or because of what an app throws', () => {
  const reads = new PrivityError('key_unavailable', { what: 'core' })
  for (const error of [reads, new TypeError('erased'), { code: 'erased' }, undefined])
    expect(isGone(error)).toBe(false)
})
