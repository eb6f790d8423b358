import { describe, expect, test } from 'vitest'
import { isPrivityError, PrivityError, type Store, storeAnchor } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { utf8 } from '../../src/base/bytes.ts'
import { anchoredNote } from '../support/anchored-notes.ts'

async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    await call
  } catch (error) {
    if (isPrivityError(error)) return { code: error.code, ...error.details }
    throw error
  }
  throw new TypeError('the call should have failed')
}

/** A store whose methods count, and may be replaced. */
function counted(replaced: Partial<Store> = {}): {
  readonly store: Store
  readonly calls: string[]
} {
  const inner = memoryStore()
  const calls: string[] = []
  const store: Store = {
    ...inner,
    open: () => {
      calls.push('open')
      return inner.open()
    },
    close: () => {
      calls.push('close')
      return inner.close()
    },
    ...replaced,
  }
  return { store, calls }
}

describe('an anchor in a store', () => {
  test('opens the store when it is needed, once, and never closes it', async () => {
    const { store, calls } = counted()
    const anchor = storeAnchor(store)
    expect(calls).toEqual([])
    await Promise.all([anchor.read(), anchor.read()])
    await anchor.advance(undefined, anchoredNote(1))
    expect(calls).toEqual(['open'])
  })

  test('opens it again when that failed', async () => {
    let down = true
    const inner = memoryStore()
    const { store } = counted({
      ...inner,
      open: async () => {
        if (down) throw new PrivityError('store_unavailable', { reason: 'busy' })
        return inner.open()
      },
    })
    const anchor = storeAnchor(store)
    expect(await failure(anchor.read())).toEqual({ code: 'store_unavailable', reason: 'busy' })
    down = false
    expect(await anchor.read()).toBeUndefined()
  })

  test('keeps one row for each name', async () => {
    const share = memoryData()
    const one = storeAnchor(memoryStore({ share }), { name: 'one' })
    const two = storeAnchor(memoryStore({ share }), { name: 'two' })
    expect(await one.advance(undefined, anchoredNote(1))).toBe(true)
    expect(await two.read()).toBeUndefined()
    expect(await two.advance(undefined, anchoredNote(2))).toBe(true)
    expect(await storeAnchor(memoryStore({ share }), { name: 'one' }).read()).toBe(anchoredNote(1))
    expect([...share.rows.keys()].sort()).toEqual(['anchor/one', 'anchor/two'])
  })

  test('passes on what the store says of a commit', async () => {
    const faults = [
      new PrivityError('outcome_unknown', {}),
      new PrivityError('store_full', { reason: 'disk_full' }),
      new PrivityError('store_closed', { reason: 'closed' }),
    ]
    for (const fault of faults) {
      const anchor = storeAnchor(counted({ commit: () => Promise.reject(fault) }).store)
      await expect(anchor.advance(undefined, anchoredNote(1))).rejects.toBe(fault)
    }
    const foreign = counted({ commit: () => Promise.reject(new TypeError('of the driver')) })
    const call = storeAnchor(foreign.store).advance(undefined, anchoredNote(1))
    expect(await failure(call)).toEqual({ code: 'outcome_unknown' })
  })

  test('reports a row that is no checkpoint as damaged', async () => {
    for (const row of [utf8(''), utf8('words'), Uint8Array.of(0xff)]) {
      const anchor = storeAnchor(counted({ read: async () => [row] }).store)
      const corrupt = { code: 'store_corrupt', reason: 'anchor' }
      expect(await failure(anchor.read())).toEqual(corrupt)
      expect(await failure(anchor.advance(undefined, anchoredNote(1)))).toEqual(corrupt)
    }
  })
})

describe('what the app passes', () => {
  const STORES: readonly (readonly [unknown, readonly string[], string])[] = [
    [undefined, ['store'], 'not_an_object'],
    ['store', ['store'], 'not_an_object'],
    [{}, ['store', 'open'], 'not_a_function'],
    [{ ...memoryStore(), commit: 5 }, ['store', 'commit'], 'not_a_function'],
  ]
  test('is a store', async () => {
    for (const [store, path, code] of STORES) {
      const make = async (): Promise<unknown> => storeAnchor(store as Store)
      expect(await failure(make())).toEqual({ code: 'invalid_input', issues: [{ path, code }] })
    }
  })

  const OPTIONS: readonly (readonly [unknown, readonly string[], string])[] = [
    [null, ['options'], 'not_an_object'],
    [{ key: 'x' }, ['options'], 'unknown_option'],
    [{ name: '' }, ['name'], 'not_a_name'],
    [{ name: 'a b' }, ['name'], 'not_a_name'],
    [{ name: 'a/b' }, ['name'], 'not_a_name'],
    [{ name: 'x'.repeat(65) }, ['name'], 'not_a_name'],
    [{ name: 5 }, ['name'], 'not_a_name'],
  ]
  test('is a name, if anything', async () => {
    for (const [options, path, code] of OPTIONS) {
      const make = async (): Promise<unknown> => storeAnchor(memoryStore(), options as object)
      const issues = [expect.objectContaining({ path, code })]
      expect(await failure(make())).toEqual({ code: 'invalid_input', issues })
    }
  })
})
