import { describe, expect, test } from 'vitest'
import { memoryStore } from '../../src/adapters/memory.ts'
import { utf8 } from '../../src/base/bytes.ts'
import { isPrivityError, PrivityError } from '../../src/base/errors.ts'
import { writeJob } from '../../src/erasure/job-queue.ts'
import { hookedStore, opened, type StoreHooks } from '../support/hooked-store.ts'

function hooked(hooks: StoreHooks = {}): ReturnType<typeof opened<ReturnType<typeof hookedStore>>> {
  return opened(hookedStore(memoryStore(), hooks))
}

function first(key: string, text = 'planned'): Parameters<typeof writeJob>[1] {
  return { key, before: undefined, sealed: utf8(text) }
}

function codeOf(outcome: PromiseSettledResult<unknown>): string {
  if (outcome.status === 'fulfilled') return 'fulfilled'
  return isPrivityError(outcome.reason) ? outcome.reason.code : String(outcome.reason)
}

const KEYS = Array.from({ length: 20 }, (_, at) => `job/${at}`)

describe('states of jobs', () => {
  test('that arrive together leave in one commit, each on the condition of its own', async () => {
    const store = await hooked()
    await Promise.all(KEYS.map((key) => writeJob(store, first(key))))
    expect(store.batches).toHaveLength(1)
    expect(store.batches[0]?.checks).toEqual(KEYS.map((key) => [key, null]))
    await writeJob(store, { key: 'job/3', before: utf8('planned'), sealed: utf8('read') })
    expect(await store.read(['job/3', 'job/4'])).toEqual([utf8('read'), utf8('planned')])
  })

  test('of one job are one commit after the other', async () => {
    const store = await hooked()
    const outcomes = await Promise.allSettled([
      writeJob(store, first('job/1', 'a')),
      writeJob(store, { key: 'job/1', before: utf8('a'), sealed: utf8('b') }),
      writeJob(store, first('job/2')),
    ])
    expect(outcomes.map(codeOf)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
    expect(store.batches.map(({ put }) => put.length)).toEqual([1, 2])
    expect(await store.read(['job/1'])).toEqual([utf8('b')])
  })

  test('that another process changed fail alone', async () => {
    const store = await hooked()
    await writeJob(store, first('job/7', 'theirs'))
    const outcomes = await Promise.allSettled(KEYS.map((key) => writeJob(store, first(key))))
    expect(outcomes.map(codeOf)).toEqual(
      KEYS.map((key) => (key === 'job/7' ? 'write_conflict' : 'fulfilled')),
    )
    expect(await store.read(['job/7', 'job/8'])).toEqual([utf8('theirs'), utf8('planned')])
  })

  test.for([
    ['outcome_unknown', () => new PrivityError('outcome_unknown', {})],
    ['store_unavailable', () => new PrivityError('store_unavailable', { reason: 'busy' })],
  ] as const)(
    'are not sent again after %s: they may be there, or nothing is',
    async ([code, error]) => {
      const store = await hooked({
        commit: async () => {
          throw error()
        },
      })
      const outcomes = await Promise.allSettled(KEYS.map((key) => writeJob(store, first(key))))
      expect(new Set(outcomes.map(codeOf))).toEqual(new Set([code]))
      expect(store.batches).toHaveLength(1)
    },
  )

  test('are as many at a time as the store takes', async () => {
    const store = await hooked({ limits: { maxOps: 1_000, maxBytes: 100 } })
    const large = { before: undefined, sealed: new Uint8Array(60) }
    await Promise.all([
      writeJob(store, { ...large, key: 'job/1' }),
      writeJob(store, { ...large, key: 'job/2' }),
      writeJob(store, { ...large, key: 'job/3', sealed: new Uint8Array(40) }),
      writeJob(store, { ...large, key: 'job/4', sealed: new Uint8Array(200) }),
    ])
    expect(store.batches.map(({ put }) => put.map(([key]) => key))).toEqual([
      ['job/1'],
      ['job/2', 'job/3'],
      ['job/4'],
    ])
  })

  test('that come while one commit is under way go with the next', async () => {
    let later: Promise<unknown> = Promise.resolve()
    const store = await hooked({
      commit: async (_, next, nth) => {
        if (nth === 1)
          later = Promise.all(['job/2', 'job/3'].map((key) => writeJob(store, first(key))))
        await next()
      },
    })
    await writeJob(store, first('job/1'))
    await later
    expect(store.batches.map(({ put }) => put.length)).toEqual([1, 2])
  })
})
