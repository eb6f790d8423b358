import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inPages } from '../../src/base/in-pages.ts'

async function* source(items: readonly number[], met: number[] = []): AsyncGenerator<number> {
  for (const item of items) {
    met.push(item)
    yield item
  }
}

async function allOf<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('pages', () => {
  test('leave nothing out; every one but the last is full, and none is empty', async () => {
    const size = fc.integer({ min: 1, max: 9 })
    const rule = fc.asyncProperty(fc.array(fc.nat()), size, async (items, most) => {
      const pages = await allOf(inPages(source(items), most))
      expect(pages.flat()).toEqual(items)
      expect(pages.slice(0, -1).every((page) => page.length === most)).toBe(true)
      expect(pages.every(({ length }) => length > 0 && length <= most)).toBe(true)
    })
    await fc.assert(rule)
  })

  test('are read no further than whoever asks for them', async () => {
    const met: number[] = []
    for await (const page of inPages(source([1, 2, 3, 4, 5], met), 2)) {
      expect(page).toEqual([1, 2])
      break
    }
    expect(met).toEqual([1, 2])
  })

  test('stay as they were while others come', async () => {
    const pages = inPages(source([1, 2, 3]), 2)
    const { value: first } = await pages.next()
    await pages.next()
    expect(first).toEqual([1, 2])
  })

  test('end in what their source throws', async () => {
    const fails = async function* (): AsyncGenerator<number> {
      yield 1
      throw new RangeError('gone')
    }
    await expect(allOf(inPages(fails(), 2))).rejects.toThrow('gone')
  })
})
