import { describe, expect, test } from 'vitest'
import { PrivityError } from 'privity'
import { memoryStore } from 'privity/memory'
import type { RingEntry } from '../../src/keys/key-ring.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import type { Store } from '../../src/storage/store.ts'
import { createKeyRows, type KeyRows } from '../../src/subjects/key-rows.ts'
import { eagerClock, refusal } from '../support/acme.ts'
import { type HookedStore, hookedStore, opened, type StoreHooks } from '../support/hooked-store.ts'

const ANNA = 'a'.repeat(32)
const keyspace = createKeyspace('0'.repeat(16))

function keyOf(accessClass: number): RingEntry {
  return {
    accessClass,
    generation: 1,
    epoch: 1,
    keyId: new Uint8Array(8).fill(accessClass),
    wrapped: new Uint8Array(72).fill(accessClass),
  }
}

/** Opens what begins with a 1. */
const controller = {
  open: (_: string, sealed: Uint8Array): Uint8Array => {
    if (sealed[0] === 1) return sealed
    throw new PrivityError('decryption_failed', { what: 'row' })
  },
}

function rowsOver(keyStore: Store): KeyRows {
  return createKeyRows({ keyStore, keyspace, controller, clock: eagerClock() })
}

async function hooked(hooks: StoreHooks): Promise<{ rows: KeyRows; store: HookedStore }> {
  const store = hookedStore(await opened(memoryStore()), hooks)
  return { rows: rowsOver(store), store }
}

describe('key rows', () => {
  test('take keys up once, however often they are added, and give them back one by one', async () => {
    const rows = rowsOver(await opened(memoryStore()))
    await rows.add(ANNA, [keyOf(1), keyOf(2)])
    await rows.add(ANNA, [keyOf(2), keyOf(3)])
    expect((await rows.read(ANNA)).entries).toEqual([keyOf(1), keyOf(2), keyOf(3)])
    await rows.remove(ANNA, [keyOf(1), keyOf(9)])
    expect((await rows.read(ANNA)).entries).toEqual([keyOf(2), keyOf(3)])
    await rows.remove(ANNA, [keyOf(2), keyOf(3)])
    expect(await rows.read(ANNA)).toEqual({ bytes: undefined, fence: undefined, entries: [] })
  })

  test('of twenty that add at once, every key is there', async () => {
    const rows = rowsOver(await opened(memoryStore()))
    await Promise.all(Array.from({ length: 20 }, (_, index) => rows.add(ANNA, [keyOf(index)])))
    const { entries } = await rows.read(ANNA)
    expect(entries.map(({ accessClass }) => accessClass).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, index) => index),
    )
  })

  test('take up nothing behind a fence', async () => {
    const rows = rowsOver(await opened(memoryStore()))
    const fence = new Uint8Array([1])
    await rows.swap(ANNA, ({ entries }) => ({ fence, entries }))
    expect(await refusal(rows.add(ANNA, [keyOf(1)]))).toEqual({
      code: 'erased',
      details: { kind: 'subject' },
    })
    expect(await rows.read(ANNA)).toMatchObject({ fence, entries: [] })
  })

  test('erase nobody by a fence that the controller never made', async () => {
    const rows = rowsOver(await opened(memoryStore()))
    await rows.swap(ANNA, ({ entries }) => ({ fence: new Uint8Array([2]), entries }))
    expect((await refusal(rows.add(ANNA, [keyOf(1)]))).code).toBe('decryption_failed')
  })

  test('wait no longer than patience for a store that is silent, and not at all once aborted', async () => {
    const clock = eagerClock()
    let commits = 0
    const silent = hookedStore(await opened(memoryStore()), {
      commit: () => {
        commits += 1
        clock.advance(10_000)
        return Promise.reject(new PrivityError('outcome_unknown', {}))
      },
    })
    const rows = createKeyRows({ keyStore: silent, keyspace, controller, clock })
    expect((await refusal(rows.add(ANNA, [keyOf(1)]))).code).toBe('outcome_unknown')
    expect(commits).toBe(1)
    const reason = new Error('enough')
    await expect(rows.add(ANNA, [keyOf(1)], AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(commits).toBe(1)
  })

  test('look what stands there after an unknown outcome, and do nothing twice', async () => {
    const { rows, store } = await hooked({
      commit: async (_, next, nth) => {
        await next()
        if (nth === 1) throw new PrivityError('outcome_unknown', { operationId: 'x' })
      },
    })
    expect((await rows.add(ANNA, [keyOf(1)])).entries).toEqual([keyOf(1)])
    expect(store.batches).toHaveLength(1)
  })

  test('give up with the conflict when somebody else is faster every time', async () => {
    const { rows, store } = await hooked({
      commit: () => Promise.reject(new PrivityError('write_conflict', { attempts: 1 })),
    })
    expect((await refusal(rows.add(ANNA, [keyOf(1)]))).code).toBe('write_conflict')
    expect(store.batches).toHaveLength(64)
  })

  test('fail at once where the store does, without having changed anything', async () => {
    const { rows, store } = await hooked({
      commit: () => Promise.reject(new PrivityError('store_unavailable', { reason: 'down' })),
    })
    expect((await refusal(rows.add(ANNA, [keyOf(1)]))).code).toBe('store_unavailable')
    expect(store.batches).toHaveLength(1)
  })

  test('tell a row that is none from one that is missing', async () => {
    const store = await opened(memoryStore())
    const other = 'b'.repeat(32)
    await store.commit({
      checks: [],
      put: [[keyspace.person(ANNA), new Uint8Array([9])]],
      del: [],
    })
    const rows = rowsOver(store)
    expect(await refusal(rows.add(ANNA, [keyOf(1)]))).toEqual({
      code: 'key_unreadable',
      details: { what: 'ring' },
    })
    const [bad, missing] = await rows.readMany([ANNA, other])
    expect(bad).toMatchObject({ entries: [], isMalformed: true })
    expect(missing).toEqual({ bytes: undefined, fence: undefined, entries: [] })
    expect(await rows.readMany([])).toEqual([])
  })
})
