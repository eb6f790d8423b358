import { expect, test } from 'vitest'
import { memoryStore } from '../../src/adapters/memory.ts'
import { scanPages, scanRows } from '../../src/storage/scan-rows.ts'
import { collect } from '../support/acme.ts'

const VALUE = new Uint8Array(1)

async function filled(count: number): Promise<ReturnType<typeof memoryStore>> {
  const store = memoryStore()
  await store.open()
  const put = Array.from(
    { length: count },
    (_, n) => [`a/${String(n).padStart(4, '0')}`, VALUE] as const,
  )
  await store.commit({ checks: [], put: [...put, ['b/0', VALUE]], del: [] })
  return store
}

test('gives every row under the prefix once and in order, whatever the page', async () => {
  for (const count of [0, 1, 6, 7, 8, 20]) {
    const store = await filled(count)
    for (const page of [1, 7, 100]) {
      const keys = (await collect(scanRows(store, 'a/', { page }))).map(([key]) => key)
      expect(keys).toEqual(
        Array.from({ length: count }, (_, n) => `a/${String(n).padStart(4, '0')}`),
      )
    }
  }
})

test('goes on behind a key', async () => {
  const rows = await collect(scanRows(await filled(5), 'a/', { after: 'a/0002', page: 1 }))
  expect(rows.map(([key]) => key)).toEqual(['a/0003', 'a/0004'])
})

test('asks for no more pages than are wanted', async () => {
  const store = await filled(20)
  let scans = 0
  const counting: Pick<typeof store, 'scan'> = {
    scan: (prefix, options) => {
      scans += 1
      return store.scan(prefix, options)
    },
  }
  for await (const [key] of scanRows(counting, 'a/', { page: 5 })) if (key === 'a/0003') break
  expect(scans).toBe(1)
})

test('gives pages of which only the last may have fewer rows', async () => {
  for (const count of [0, 1, 6, 7, 8, 20]) {
    const pages = await collect(scanPages(await filled(count), 'a/', { page: 7 }))
    expect(pages.flat()).toHaveLength(count)
    expect(pages.slice(0, -1).every((rows) => rows.length === 7)).toBe(true)
  }
})

test('stops before a page once nobody waits for it any more', async () => {
  const stop = new AbortController()
  const keys: string[] = []
  const read = async (): Promise<void> => {
    const { signal } = stop
    for await (const [key] of scanRows(await filled(20), 'a/', { page: 2, signal })) {
      keys.push(key)
      if (keys.length === 3) stop.abort()
    }
  }
  await expect(read()).rejects.toMatchObject({ name: 'AbortError' })
  expect(keys).toHaveLength(4)
})
