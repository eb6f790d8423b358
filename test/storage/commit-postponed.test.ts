import { expect, test } from 'vitest'
import { memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { PrivityError } from '../../src/base/errors.ts'
import type { Participant } from '../../src/storage/participant.ts'
import type { Batch } from '../../src/storage/store.ts'
import { hookedStore, opened } from '../support/hooked-store.ts'
import { appendOp, tinyGroup, tinyState } from '../support/tiny-log.ts'

/** Is sent once, and then finds that it needs something from elsewhere first. */
function postponedOp(abandon: boolean): Participant<string, string> {
  let builds = 0
  const { abandon: voided, ...first } = appendOp({ id: 'a', row: 'row/x' })
  return {
    ...first,
    ...(abandon && voided !== undefined ? { abandon: voided } : {}),
    build: (rows) => {
      builds += 1
      return builds === 1 ? first.build(rows) : { kind: 'postponed', value: 'needs more' }
    },
  }
}

test('what needs something first is told so at once when nothing of it was sent', async () => {
  const store = await opened(hookedStore(memoryStore(), {}))
  const outcome = await tinyGroup(store).submit<string>({
    reads: [],
    build: () => ({ kind: 'postponed', value: 'needs more' }),
  })
  expect(outcome).toEqual({ value: 'needs more', receipt: undefined })
  expect(store.batches).toHaveLength(0)
})

test('what needs something first is only told so once an attempt that may land late cannot any more', async () => {
  const data = memoryData()
  const other = await opened(memoryStore({ share: data }))
  const late: Batch[] = []
  const store = await opened(
    hookedStore(memoryStore({ share: data }), {
      commit: async (batch, next, nth) => {
        if (nth > 1) return next()
        late.push(batch)
        throw new PrivityError('outcome_unknown', {})
      },
    }),
  )
  const outcome = await tinyGroup(store).submit(postponedOp(true))
  expect(outcome).toEqual({ value: 'needs more', receipt: undefined })
  expect((await tinyState(other)).log).toEqual(['void a'])
  const [first] = late
  await expect(other.commit(first as Batch)).rejects.toMatchObject({ code: 'write_conflict' })
})

test('what needs something first, and lands late after all, is done', async () => {
  const data = memoryData()
  const other = await opened(memoryStore({ share: data }))
  const late: Batch[] = []
  let reads = 0
  const base = memoryStore({ share: data })
  const store = await opened(
    hookedStore(base, {
      read: async (_, next) => {
        reads += 1
        // It cannot be voided, and is looked at again and again.
        if (reads === 4) for (const batch of late.splice(0)) await other.commit(batch)
        return next()
      },
      commit: async (batch) => {
        late.push(batch)
        throw new PrivityError('outcome_unknown', {})
      },
    }),
  )
  const outcome = await tinyGroup(store).submit(postponedOp(false))
  expect(outcome).toEqual({ value: 'a', receipt: { index: 0 } })
})
