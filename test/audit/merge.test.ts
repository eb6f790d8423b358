import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mergeSorted } from '../../src/audit/merge.ts'
import { collect } from '../support/acme.ts'

interface Item {
  readonly key: number
  readonly source: number
}

function isBefore(a: Item, b: Item): boolean {
  return a.key === b.key ? a.source < b.source : a.key < b.key
}

/** A source that tells how far it was read, and whether it was let go. */
interface Watched {
  taken: number
  isClosed: boolean
  readonly items: AsyncGenerator<Item>
}

function watch(keys: readonly number[], source: number): Watched {
  const watched = { taken: 0, isClosed: false }
  async function* read(): AsyncGenerator<Item> {
    try {
      for (const key of keys) {
        watched.taken += 1
        yield { key, source }
      }
    } finally {
      watched.isClosed = true
    }
  }
  return Object.assign(watched, { items: read() })
}

const sorted = fc.array(fc.nat(20), { maxLength: 12 }).map((keys) => keys.toSorted((a, b) => a - b))

describe('merging', () => {
  test('gives every item of every source, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(sorted, { maxLength: 6 }), async (sources) => {
        const watched = sources.map(watch)
        const merged = await collect(
          mergeSorted(
            watched.map(({ items }) => items),
            isBefore,
          ),
        )
        const expected = sources
          .flatMap((keys, source) => keys.map((key) => ({ key, source })))
          .toSorted((a, b) => a.key - b.key || a.source - b.source)
        expect(merged).toEqual(expected)
        expect(watched.every(({ taken }, at) => taken === sources[at]?.length)).toBe(true)
      }),
    )
  })

  test('reads no further than one item ahead, and lets go of every source when it is left', async () => {
    const watched = [
      [1, 4, 9],
      [2, 3, 8],
      [7, 7, 7],
    ].map(watch)
    const items = watched.map((source) => source.items)
    for await (const { key } of mergeSorted(items, isBefore)) if (key === 3) break
    expect(watched.map(({ taken }) => taken)).toEqual([2, 2, 1])
    expect(watched.every(({ isClosed }) => isClosed)).toBe(true)
  })

  test('fails with a source that fails, and lets go of the others', async () => {
    async function* failing(): AsyncGenerator<Item> {
      yield { key: 2, source: 0 }
      throw new RangeError('broken')
    }
    const other = watch([1, 3, 5], 1)
    const seen: number[] = []
    const merged = mergeSorted([failing(), other.items], isBefore)
    const reading = (async () => {
      for await (const { key } of merged) seen.push(key)
    })()
    await expect(reading).rejects.toBeInstanceOf(RangeError)
    expect(seen).toEqual([1, 2])
    expect(other.isClosed).toBe(true)
  })
})
