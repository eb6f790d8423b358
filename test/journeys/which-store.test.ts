import { expect, test } from 'vitest'
import { type Anchor, type ErrorCode, memoryAnchor, PrivityError, type Store } from 'privity'
import { memoryStore } from 'privity/memory'
import { openAcme, refusal } from '../support/acme.ts'

async function full(): Promise<never> {
  throw new PrivityError('store_full', { reason: 'disk_full' })
}

async function strange(): Promise<never> {
  throw new TypeError('of the app')
}

function broken(): Store {
  return { ...memoryStore(), open: strange }
}

test.each(['keyStore', 'journal'] as const)(
  'a failure of the %s is told from one of the store',
  async (store) => {
    expect(await refusal(openAcme(memoryStore(), { [store]: broken() }))).toEqual({
      code: 'store_unavailable',
      details: { reason: 'failed', store },
    })
  },
)

test('a failure of the store names no other', async () => {
  expect(await refusal(openAcme(broken()))).toEqual({
    code: 'store_unavailable',
    details: { reason: 'failed' },
  })
})

const BROKEN: readonly (readonly [string, Partial<Anchor>, ErrorCode, string])[] = [
  ['reading', { read: strange }, 'store_unavailable', 'failed'],
  ['its place', { read: async () => 'no checkpoint' }, 'store_corrupt', 'anchor'],
  ['its room', { advance: full }, 'store_full', 'disk_full'],
  ['an answer', { advance: strange }, 'store_unavailable', 'timeout'],
]

test.each(BROKEN)('an anchor that lacks %s is named', async (_, broke, code, reason) => {
  const anchor: Anchor = { ...memoryAnchor(), ...broke }
  expect(await refusal(openAcme(memoryStore(), { anchor }))).toEqual({
    code,
    details: { reason, store: 'anchor' },
  })
})
