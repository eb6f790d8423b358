import { expect, it } from 'vitest'
import * as z from 'zod/mini'
import { callback } from '../../src/base/callback.ts'
import { parseInput } from '../../src/base/parse.ts'
import { errorOf } from '../support/error-of.ts'

type OnProgress = (done: number) => void

const options = z.strictObject({ onProgress: callback<OnProgress | undefined>() })

it('passes on the very function, and nothing where there is none', () => {
  const onProgress: OnProgress = () => undefined
  expect(parseInput(options, { onProgress }).onProgress).toBe(onProgress)
  expect(parseInput(options, { onProgress: undefined }).onProgress).toBeUndefined()
  expect(parseInput(options, {})).toEqual({})
})

it('refuses whatever cannot be called', async () => {
  for (const onProgress of [null, 'call', {}, 1])
    expect(await errorOf(() => parseInput(options, { onProgress }))).toMatchObject({
      code: 'invalid_input',
      details: { issues: [{ path: ['onProgress'], code: 'custom' }] },
    })
})
