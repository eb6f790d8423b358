import { describe, expect, test } from 'vitest'
import { memoryStore } from '../../src/adapters/memory.ts'
import { fromUtf8, utf8 } from '../../src/base/bytes.ts'
import { PrivityError } from '../../src/base/errors.ts'
import { createGroupCommit } from '../../src/storage/commit.ts'
import type { Finisher } from '../../src/storage/participant.ts'
import { opened } from '../support/hooked-store.ts'
import { appendOp } from '../support/tiny-log.ts'

type Before = readonly (readonly [string, string | undefined])[]

const CLOCK = { now: () => 0, wait: async () => undefined }

/** Keeps what it is told that rows were, and refuses one entry, if any. */
function watching(seen: Map<string, Before>, refused?: string): Finisher<string, null> {
  let heads = 0
  return {
    reads: ['head'],
    finish: async (changes) => {
      for (const { entry, before } of changes) {
        if (entry === refused) throw new PrivityError('store_corrupt', { reason: 'changed_row' })
        const texts = [...before].map(
          ([key, value]) => [key, value === undefined ? undefined : fromUtf8(value)] as const,
        )
        seen.set(entry, texts)
      }
      heads += 1
      return { put: [['head', utf8(String(heads))]], receipts: changes.map(() => null) }
    },
  }
}

describe('what rows were before a change', () => {
  test('is what the store had, and, within a batch, what the change before left', async () => {
    const store = await opened(memoryStore())
    const seen = new Map<string, Before>()
    const group = createGroupCommit({ store, clock: CLOCK, finisher: watching(seen) })
    const ids = ['a', 'b', 'c']
    await Promise.all(ids.map((id) => group.submit(appendOp({ id, row: 'row/x' }))))
    await group.submit(appendOp({ id: 'd', row: 'row/x' }))
    expect(Object.fromEntries([...seen].map(([id, before]) => [id, new Map(before)]))).toEqual({
      a: new Map([
        ['row/x', undefined],
        ['o/a', undefined],
      ]),
      b: new Map([
        ['row/x', 'a '],
        ['o/b', undefined],
      ]),
      c: new Map([
        ['row/x', 'a b '],
        ['o/c', undefined],
      ]),
      d: new Map([
        ['row/x', 'a b c '],
        ['o/d', undefined],
      ]),
    })
  })

  test('is not said of rows that nobody read', async () => {
    const store = await opened(memoryStore())
    const seen = new Map<string, Before>()
    const group = createGroupCommit({ store, clock: CLOCK, finisher: watching(seen) })
    const put = [['row/y', utf8('y')]] as const
    await group.submit<null>({
      reads: [],
      build: () => ({ kind: 'change', change: { put, del: ['row/z'], entry: 'e' }, value: null }),
    })
    expect(seen.get('e')).toEqual([])
  })

  test('refuses the one whose row is not what it should be, and nobody beside it', async () => {
    const store = await opened(memoryStore())
    const seen = new Map<string, Before>()
    const group = createGroupCommit({ store, clock: CLOCK, finisher: watching(seen, 'c') })
    const ids = ['a', 'b', 'c', 'd', 'e']
    const outcomes = await Promise.allSettled(
      ids.map((id) => group.submit(appendOp({ id, row: 'row/x' }))),
    )
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ])
    expect(outcomes[2]).toMatchObject({ reason: { code: 'store_corrupt' } })
    const [row] = await store.read(['row/x'])
    expect(row && fromUtf8(row)).toBe('a b d e ')
  })
})
