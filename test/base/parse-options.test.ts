import { expect, it } from 'vitest'
import * as z from 'zod/mini'
import { parseOptions } from '../../src/base/parse-options.ts'
import { errorOf } from '../support/error-of.ts'

const schema = z.strictObject({ limit: z.optional(z.int()), after: z.optional(z.string()) })

it('takes none for no options', () => {
  expect(parseOptions(schema, undefined)).toStrictEqual({})
  expect(parseOptions(schema, {})).toStrictEqual({})
})

it('leaves out what is given as undefined', () => {
  expect(parseOptions(schema, { limit: undefined, after: 'a' })).toStrictEqual({ after: 'a' })
})

it('refuses what are no options, null too', async () => {
  for (const options of [null, 'limit', [], new Date(0)])
    expect(await errorOf(() => parseOptions(schema, options))).toMatchObject({
      code: 'invalid_input',
      details: { issues: [{ path: [], code: 'invalid_type' }] },
    })
})

it('refuses what is none of them', async () => {
  expect(await errorOf(() => parseOptions(schema, { limit: 1, other: 2 }))).toMatchObject({
    code: 'invalid_input',
    details: { issues: [{ path: [], code: 'unrecognized_keys' }] },
  })
})
