import { expect, test } from 'vitest'
import { PrivityError, type Store } from 'privity'
import { memoryStore } from 'privity/memory'
import type { ScrubReport } from '../../src/storage/store.ts'
import { scrubStores } from '../../src/subjects/scrub-stores.ts'

const CLEARED: ScrubReport = { cleared: ['freelist'], remains: ['wal'] }

function storeWith(scrub?: () => Promise<ScrubReport>): Store {
  const { scrub: _, ...rest } = memoryStore()
  return scrub === undefined ? rest : { ...rest, scrub }
}

function withKeys(store: Store, keyStore: Store): ReturnType<typeof scrubStores> {
  return scrubStores({ store, keyRows: { store: keyStore } as never })
}

test('what one store cannot overwrite remains, whatever the other one can', async () => {
  const able = storeWith(async () => CLEARED)
  const unable = storeWith()
  const mixed = { cleared: ['freelist'], remains: ['wal', 'not_supported_by_the_store'] }
  expect(await withKeys(able, unable)).toEqual(mixed)
  expect(await withKeys(unable, able)).toEqual({ ...mixed, remains: [...mixed.remains].reverse() })
  expect(await withKeys(able, able)).toEqual(CLEARED)
  expect(await withKeys(unable, unable)).toBeUndefined()
  expect(await scrubStores({ store: able, keyRows: undefined })).toEqual(CLEARED)
  expect(await scrubStores({ store: unable, keyRows: undefined })).toBeUndefined()
})

test('a store that fails to overwrite keeps what it has, and stops nothing', async () => {
  const down = storeWith(() =>
    Promise.reject(new PrivityError('store_unavailable', { reason: 'down' })),
  )
  expect(
    await withKeys(
      storeWith(async () => CLEARED),
      down,
    ),
  ).toEqual({
    cleared: ['freelist'],
    remains: ['wal', 'not_scrubbed'],
  })
})
