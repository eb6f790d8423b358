import { describe, expect, test } from 'vitest'
import { memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { fromUtf8, utf8 } from '../../src/base/bytes.ts'
import { PrivityError } from '../../src/base/errors.ts'
import type { Participant } from '../../src/storage/participant.ts'
import type { Batch, Key } from '../../src/storage/store.ts'
import { type HookedStore, hookedStore, opened, type StoreHooks } from '../support/hooked-store.ts'
import { appendOp, TINY_HEAD, tinyGroup, tinyState } from '../support/tiny-log.ts'

const GATE = 'row/gate'

/** Appends to a row as long as the gate, which it does not write, is open. */
function gatedOp(id: string, row: Key): Participant<string, string> {
  const op = appendOp({ id, row })
  return {
    ...op,
    reads: [...op.reads, GATE],
    held: [GATE],
    build: (rows) => {
      const gate = rows.get(GATE)
      if (gate !== undefined && fromUtf8(gate)?.startsWith('closed'))
        throw new PrivityError('not_found', { kind: 'record' })
      return op.build(rows)
    },
  }
}

interface Place {
  readonly store: HookedStore
  /** Writes the gate as somebody would who knows nothing of this log. */
  set(text: string): Promise<void>
}

async function placeWith(hooks: (place: Pick<Place, 'set'>) => StoreHooks): Promise<Place> {
  const data = memoryData()
  const other = await opened(memoryStore({ share: data }))
  const set = (text: string): Promise<void> =>
    other.commit({ checks: [], put: [[GATE, utf8(text)]], del: [] })
  return { store: await opened(hookedStore(memoryStore({ share: data }), hooks({ set }))), set }
}

function checkOf({ checks }: Batch, key: Key): Uint8Array | null | undefined {
  return checks.find(([checked]) => checked === key)?.[1]
}

function putOf({ put }: Batch, key: Key): Uint8Array | undefined {
  return put.find(([written]) => written === key)?.[1]
}

describe('a row that is held', () => {
  test('is checked and stays what it is', async () => {
    const { store, set } = await placeWith(() => ({}))
    await set('open ')
    await tinyGroup(store).submit(gatedOp('a', 'row/x'))
    const [batch] = store.batches
    expect(batch && checkOf(batch, GATE)).toEqual(utf8('open '))
    expect(batch && putOf(batch, GATE)).toEqual(utf8('open '))
    expect((await tinyState(store)).rows).toEqual({ 'row/gate': ['open'], 'row/x': ['a'] })
  })

  test('that is absent has to stay absent', async () => {
    const { store } = await placeWith(() => ({}))
    await tinyGroup(store).submit(gatedOp('a', 'row/x'))
    const [batch] = store.batches
    expect(batch && checkOf(batch, GATE)).toBeNull()
    expect(batch?.del).toEqual([GATE])
    expect((await tinyState(store)).rows).toEqual({ 'row/x': ['a'] })
  })

  test.for([
    ['was there', 'open '],
    ['was absent', undefined],
  ] as const)(
    'and %s is a conflict when another writer changed it, and is read anew',
    async ([, before]) => {
      const { store, set } = await placeWith(({ set: change }) => ({
        commit: async (_, next, nth) => {
          if (nth === 1) await change('closed ')
          await next()
        },
      }))
      if (before !== undefined) await set(before)
      const outcome = tinyGroup(store).submit(gatedOp('a', 'row/x'))
      await expect(outcome).rejects.toMatchObject({ code: 'not_found' })
      expect((await tinyState(store)).rows).toEqual({ 'row/gate': ['closed'] })
    },
  )

  test('that changed without closing anything is only a lost round', async () => {
    const { store } = await placeWith(({ set }) => ({
      commit: async (_, next, nth) => {
        if (nth <= 2) await set(`open${nth} `)
        await next()
      },
    }))
    await tinyGroup(store).submit(gatedOp('a', 'row/x'))
    expect(store.batches.map((batch) => checkOf(batch, GATE))).toEqual([
      null,
      utf8('open1 '),
      utf8('open2 '),
    ])
    expect((await tinyState(store)).rows).toEqual({ 'row/gate': ['open2'], 'row/x': ['a'] })
  })

  test('and written by an earlier operation of the batch is checked as it was read', async () => {
    const { store, set } = await placeWith(() => ({}))
    await set('open ')
    const group = tinyGroup(store)
    await Promise.all([
      group.submit(appendOp({ id: 'w', row: GATE })),
      group.submit(gatedOp('a', 'row/x')),
    ])
    expect(store.batches).toHaveLength(1)
    const [batch] = store.batches
    expect(batch && checkOf(batch, GATE)).toEqual(utf8('open '))
    expect(batch && putOf(batch, GATE)).toEqual(utf8('open w '))
  })

  test('and written by a later one, or by the holder, is written as that one leaves it', async () => {
    const { store, set } = await placeWith(() => ({}))
    await set('open ')
    const group = tinyGroup(store)
    await Promise.all([
      group.submit(gatedOp('a', 'row/x')),
      group.submit(appendOp({ id: 'w', row: GATE })),
      group.submit(gatedOp('b', GATE)),
    ])
    const [batch] = store.batches
    expect(batch && checkOf(batch, GATE)).toEqual(utf8('open '))
    expect((await tinyState(store)).rows).toEqual({
      'row/gate': ['open', 'w', 'b'],
      'row/x': ['a'],
    })
  })

  test('counts against what one batch takes', async () => {
    const { store } = await placeWith(() => ({ limits: { maxOps: 75, maxBytes: 1_048_576 } }))
    const held = ['g/1', 'g/2', 'g/3']
    const group = tinyGroup(store)
    await Promise.all(
      ['a', 'b'].map((id) => {
        const op = appendOp({ id, row: `row/${id}` })
        return group.submit({ ...op, reads: [...op.reads, ...held], held })
      }),
    )
    expect(store.batches).toHaveLength(2)
  })

  test('has to be declared: who does not is dropped alone', async () => {
    const { store } = await placeWith(() => ({}))
    const group = tinyGroup(store)
    const outcomes = await Promise.allSettled([
      group.submit({ ...appendOp({ id: 'a', row: 'row/x' }), held: [GATE] }),
      group.submit(appendOp({ id: 'b', row: 'row/x' })),
    ])
    expect(outcomes[0]).toMatchObject({ reason: expect.any(TypeError) })
    expect((await tinyState(store)).log).toEqual(['b'])
  })

  test('does not keep an operation from being voided', async () => {
    const { store, set } = await placeWith(({ set: change }) => ({
      commit: async (_, next, nth) => {
        if (nth > 1) return next()
        // Nobody can tell whether it was applied, and before it is tried again the gate closes.
        await change('closed ')
        throw new PrivityError('outcome_unknown', {})
      },
    }))
    await set('open ')
    const outcome = tinyGroup(store).submit(gatedOp('a', 'row/x'))
    await expect(outcome).rejects.toMatchObject({ code: 'not_found' })
    const last = store.batches.at(-1)
    expect(last?.checks.map(([key]) => key).sort()).toEqual([TINY_HEAD, 'o/a'])
    expect((await tinyState(store)).log).toEqual(['void a'])
  })
})
