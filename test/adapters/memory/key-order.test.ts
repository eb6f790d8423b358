import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createKeyOrder } from '../../../src/adapters/memory/key-order.ts'

test('keys come in order from any start, whatever was added and removed', () => {
  const step = fc.record({ add: fc.boolean(), number: fc.integer({ min: 0, max: 3_000 }) })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 400 }),
      fc.integer({ min: 0, max: 3_000 }),
      (steps, from) => {
        const order = createKeyOrder()
        const reference = new Set<string>()
        for (const { add, number } of steps) {
          const key = `k${number}`
          if (add) {
            order.add(key)
            reference.add(key)
          } else {
            order.remove(key)
            reference.delete(key)
          }
        }
        const start = `k${from}`
        const expected = [...reference].sort().filter((key) => key >= start)
        expect([...order.from(start)]).toEqual(expected)
        expect([...order.from('')]).toEqual([...reference].sort())
      },
    ),
  )
})

test('keys stay in order over many chunks, added up, down and shuffled', () => {
  const keys = Array.from({ length: 5_000 }, (_, index) => `k${String(index).padStart(6, '0')}`)
  const shuffled = keys.map((_, index) => keys[(index * 1_999) % keys.length] ?? '')
  for (const added of [keys, [...keys].reverse(), shuffled]) {
    const order = createKeyOrder()
    for (const key of added) order.add(key)
    expect([...order.from('')]).toEqual(keys)
    for (const key of shuffled.slice(0, 4_000)) order.remove(key)
    const rest = shuffled.slice(4_000).sort()
    expect([...order.from('')]).toEqual(rest)
    expect([...order.from(`${rest[500]}x`)]).toEqual(rest.slice(501))
    for (const key of shuffled) order.remove(key)
    expect([...order.from('')]).toEqual([])
  }
})
