import { expect, it } from 'vitest'
import { ignoreThrown } from '../../src/base/ignore-thrown.ts'

it('calls the app once, whatever comes of it', () => {
  let calls = 0
  const thrown = [new RangeError('full'), undefined, 'full']
  for (const reason of thrown)
    ignoreThrown(() => {
      calls += 1
      throw reason
    })
  ignoreThrown(() => {
    calls += 1
  })
  expect(calls).toBe(4)
})
