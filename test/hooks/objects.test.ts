import { describe, expect, test } from 'vitest'
import { objects, type ObjectsOptions } from 'privity/hooks'
import { errorOf } from '../support/error-of.ts'
import { contextOf, runHook } from '../support/hook-person.ts'
import { createBucket } from '../support/object-store.ts'

const ANNA = { externalId: '4' }
const ITEM = { id: 'objects', description: 'objects of the person', count: 2 }

describe('an object store', () => {
  test('loses the objects of a person, and no others', async () => {
    const bucket = createBucket('u/4/a.jpg', 'u/4/b/c.pdf', 'u/42/a.jpg', 'u/4', '4/a.jpg')
    const hook = objects({ id: 'uploads', root: 'u/', list: bucket.list, remove: bucket.remove })
    const { items, outcomes, verdicts } = await runHook(hook, ANNA)
    expect([items, outcomes, verdicts]).toEqual([[ITEM], ['done'], ['absent']])
    expect([...bucket.keys]).toEqual(['u/42/a.jpg', 'u/4', '4/a.jpg'])
    expect((await runHook(hook, ANNA)).outcomes).toEqual(['already_done'])
  })

  test('files people by their subject id too, and lists all at once if it likes', async () => {
    const { subjectId } = contextOf({})
    const bucket = createBucket(`${subjectId}/a`, '4/a')
    const list = async (prefix: string): Promise<readonly string[]> =>
      [...bucket.keys].filter((key) => key.startsWith(prefix))
    const hook = objects({ id: 'uploads', key: 'subjectId', list, remove: bucket.remove })
    expect((await runHook(hook, ANNA)).verdicts).toEqual(['absent'])
    expect([...bucket.keys]).toEqual(['4/a'])
  })

  test('has nothing of a person without the id', async () => {
    const bucket = createBucket('undefined/a')
    const hook = objects({ id: 'uploads', list: bucket.list, remove: bucket.remove })
    expect(await hook.plan(contextOf({}))).toEqual([])
    expect(await hook.verify(ITEM, contextOf({}))).toBe('unknown')
  })

  test.for(['..', '../5', '.', 'a/b', 'a\\b', 'C:', '', 'a\nb'])(
    'does not reach out by the id %j',
    async (externalId) => {
      const bucket = createBucket('u/5/a', 'u/a/b/c', 'u//x', 'u/./x')
      const hook = objects({ id: 'uploads', root: 'u/', list: bucket.list, remove: bucket.remove })
      const { outcomes, verdicts } = await runHook(hook, { externalId })
      expect([outcomes, verdicts]).toEqual([[{ blocked: 'unsafe_name' }], ['unknown']])
      expect(bucket.keys.size).toBe(4)
    },
  )

  test('that lists what was not asked for loses nothing', async () => {
    const bucket = createBucket('u/4/a', 'u/5/a')
    const hook = objects({
      id: 'uploads',
      root: 'u/',
      list: async () => [...bucket.keys],
      remove: bucket.remove,
    })
    const error = await errorOf(() => hook.execute(ITEM, contextOf(ANNA)))
    expect(error).toMatchObject({ code: 'store_corrupt', details: { reason: 'foreign_key' } })
    expect(bucket.keys.size).toBe(2)
  })

  test('that says done and is not is found out', async () => {
    const bucket = createBucket('4/a', '4/b')
    const hook = objects({ id: 'uploads', list: bucket.list, remove: async () => undefined })
    const { outcomes, verdicts } = await runHook(hook, ANNA)
    expect([outcomes, verdicts]).toEqual([['done'], [{ residual: 2 }]])
  })

  test('that fails half way goes on with the rest, and again later', async () => {
    const keys = Array.from({ length: 50 }, (_, index) => `4/${index}`)
    const bucket = createBucket(...keys)
    let isDown = true
    const hook = objects({
      id: 'uploads',
      list: bucket.list,
      remove: async (key) => {
        if (isDown && key === '4/7') throw new TypeError(`${key} of anna@example.com`)
        await bucket.remove(key)
      },
    })
    const first = await runHook(hook, ANNA)
    expect(first.outcomes).toEqual([{ retryAfter: { hours: 1 }, why: 'not_removed' }])
    expect(first.verdicts).toEqual([{ residual: 1 }])
    isDown = false
    expect((await runHook(hook, ANNA)).verdicts).toEqual(['absent'])
  })

  test('that cannot list says so in no words of its own', async () => {
    const list = (): never => {
      throw new TypeError('no such bucket: anna@example.com')
    }
    const hook = objects({ id: 'uploads', list, remove: async () => undefined })
    const error = await errorOf(() => hook.plan(contextOf(ANNA)))
    expect(error).toMatchObject({ code: 'store_unavailable', details: { reason: 'not_listed' } })
    expect(String(error.stack) + JSON.stringify(error)).not.toContain('anna')
  })

  test('that lists for ever is given up with the erasure', async () => {
    const list = async function* list(): AsyncIterable<string> {
      for (let page = 0; ; page += 1) {
        await new Promise((resolve) => setImmediate(resolve))
        yield `4/${page}`
      }
    }
    const hook = objects({ id: 'uploads', list, remove: async () => undefined })
    const signal = AbortSignal.timeout(50)
    const error = await errorOf(() => hook.plan(contextOf({ ...ANNA, signal })))
    expect(error.code).toBe('store_unavailable')
  })
})

describe('what the app passes to objects', () => {
  const { list, remove } = createBucket()

  test.for([
    [{ root: 'u' }, ['root'], 'not_a_folder'],
    [{ root: 7 }, ['root'], 'not_a_string'],
    [{ key: 'email' }, ['key'], 'not_a_person_key'],
    [{ list: undefined }, ['list'], 'not_a_function'],
    [{ remove: 'all' }, ['remove'], 'not_a_function'],
    [{ delete: remove }, ['options'], 'unknown_option'],
  ] as const)('is refused: %j', async ([options, path, code]) => {
    const all = { id: 'uploads', list, remove, ...options } as unknown as ObjectsOptions
    const error = await errorOf(() => objects(all))
    expect(error).toMatchObject({ code: 'invalid_input', details: { issues: [{ path, code }] } })
  })
})
