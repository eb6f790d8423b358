import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type CacheOptions, createCache } from '../../src/base/cache.ts'

fc.configureGlobal({ seed: 20_261_121 })

function setUp(options: Partial<CacheOptions<string>> = {}) {
  const time = { now: 1_000 }
  const evicted: string[] = []
  const cache = createCache<string>({
    maxEntries: 3,
    maxAgeMs: 100,
    clock: { now: () => time.now },
    onEvict: (value) => evicted.push(value),
    ...options,
  })
  return { cache, evicted, time }
}

test('gives back what was set', () => {
  const { cache } = setUp()
  cache.set('a', 'A')
  expect(cache.get('a')).toBe('A')
  expect(cache.get('b')).toBeUndefined()
  expect(cache.size).toBe(1)
})

test('forgets what was used longest ago', () => {
  const { cache, evicted } = setUp()
  for (const key of ['a', 'b', 'c']) cache.set(key, key)
  cache.get('a')
  cache.set('d', 'd')
  expect(evicted).toEqual(['b'])
  expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key))).toEqual(['a', undefined, 'c', 'd'])
})

test('forgets at the age limit, however often a value was read', () => {
  const { cache, evicted, time } = setUp()
  cache.set('a', 'A')
  time.now += 99
  expect(cache.get('a')).toBe('A')
  time.now += 1
  expect(cache.get('a')).toBeUndefined()
  expect(evicted).toEqual(['A'])
  expect(cache.size).toBe(0)
})

test('a clock set back does not prolong a life', () => {
  const { cache, time } = setUp()
  cache.set('a', 'A')
  time.now -= 1
  expect(cache.get('a')).toBeUndefined()
})

test('writing drops what grew old unread', () => {
  const { cache, evicted, time } = setUp()
  cache.set('a', 'A')
  cache.set('b', 'B')
  time.now += 100
  cache.set('c', 'C')
  expect(evicted).toEqual(['A', 'B'])
  expect(cache.size).toBe(1)
})

test('every value that leaves is handed over once', () => {
  const { cache, evicted } = setUp()
  cache.set('a', 'A1')
  cache.set('a', 'A2')
  cache.set('b', 'B')
  cache.delete('b')
  cache.delete('b')
  cache.set('c', 'C')
  cache.clear()
  expect(evicted).toEqual(['A1', 'B', 'A2', 'C'])
  expect(cache.size).toBe(0)
})

test('setting the same value again renews it and does not hand it over', () => {
  const { cache, evicted, time } = setUp()
  cache.set('a', 'A')
  time.now += 60
  cache.set('a', 'A')
  time.now += 60
  expect(cache.get('a')).toBe('A')
  expect(evicted).toEqual([])
})

test.each([[{ maxEntries: 0 }], [{ maxAgeMs: 0 }]])(
  'keeps nothing, and hands nothing over, with %o',
  (options) => {
    const { cache, evicted } = setUp(options)
    cache.set('a', 'A')
    expect(cache.get('a')).toBeUndefined()
    expect(cache.size).toBe(0)
    expect(evicted).toEqual([])
  },
)

test('names that objects inherit are keys like any other', () => {
  const { cache } = setUp()
  expect(cache.get('__proto__')).toBeUndefined()
  cache.set('__proto__', 'A')
  cache.set('constructor', 'B')
  expect([cache.get('__proto__'), cache.get('constructor')]).toEqual(['A', 'B'])
})

test('what it holds and what it handed over is what was set, within its bounds', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const step = fc.oneof(
    fc.record({ op: fc.constant('set'), key }),
    fc.record({ op: fc.constant('get'), key }),
    fc.record({ op: fc.constant('delete'), key }),
    fc.record({ op: fc.constant('tick'), key }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { cache, evicted, time } = setUp()
      const set: string[] = []
      for (const [index, { op, key: name }] of steps.entries()) {
        if (op === 'set') {
          set.push(`${name}${index}`)
          cache.set(name, `${name}${index}`)
        } else if (op === 'get') expect(cache.get(name) ?? name).toContain(name)
        else if (op === 'delete') cache.delete(name)
        else time.now += 30
        expect(cache.size).toBeLessThanOrEqual(3)
        expect(evicted.length + cache.size).toBe(set.length)
      }
      cache.clear()
      expect([...evicted].sort()).toEqual([...set].sort())
    }),
  )
})
