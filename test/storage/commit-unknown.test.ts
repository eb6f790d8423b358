import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { utf8 } from '../../src/base/bytes.ts'
import { isPrivityError, PrivityError } from '../../src/base/errors.ts'
import type { Participant } from '../../src/storage/participant.ts'
import { PATIENCE } from '../../src/storage/patience.ts'
import type { Batch, Store } from '../../src/storage/store.ts'
import { faultyStore } from '../../src/testkit/faulty-store.ts'
import { type HookedStore, hookedStore, opened, type StoreHooks } from '../support/hooked-store.ts'
import { appendOp, TINY_HEAD, tinyEntry, tinyGroup, tinyState } from '../support/tiny-log.ts'

interface Pair {
  /** What the group sees. */
  readonly store: HookedStore
  /** The same rows, as somebody else sees them. */
  readonly other: Store
}

async function pair(hooks: (other: Store) => StoreHooks): Promise<Pair> {
  const data = memoryData()
  const other = await opened(memoryStore({ share: data }))
  const store = await opened(hookedStore(memoryStore({ share: data }), hooks(other)))
  return { store, other }
}

function unknown(): PrivityError {
  return new PrivityError('outcome_unknown', {})
}

/** Somebody else's entry. */
async function overtake(store: Store): Promise<void> {
  const { size } = await tinyState(store)
  const put = [
    [TINY_HEAD, utf8(`${size + 1} other`)],
    [tinyEntry(size), utf8('other')],
  ] as const
  await store.commit({ checks: [], put, del: [] })
}

function copyOf({ checks, put, del }: Batch): Batch {
  return { checks: [...checks], put: [...put], del: [...del] }
}

const ANSWERS: readonly (readonly [string, () => unknown])[] = [
  ['outcome_unknown', unknown],
  ['store_corrupt', () => new PrivityError('store_corrupt', { reason: 'page' })],
  ['a foreign error', () => new RangeError('socket hang up')],
  ['a foreign TypeError', () => new TypeError('cannot read properties of undefined')],
  ['a code that says nothing about a batch', () => new PrivityError('not_found', { kind: 'row' })],
]

describe.for(ANSWERS)('a commit that answers %s', ([, error]) => {
  test('and was applied is acknowledged once, with its receipts', async () => {
    const { store, other } = await pair(() => ({
      commit: async (_, next, nth) => {
        await next()
        if (nth === 1) throw error()
      },
    }))
    const group = tinyGroup(store)
    const outcomes = await Promise.all(
      ['a', 'b'].map((id) => group.submit(appendOp({ id, row: 'row/x' }))),
    )
    expect(outcomes).toEqual([
      { value: 'a', receipt: { index: 0 } },
      { value: 'b', receipt: { index: 1 } },
    ])
    expect(store.batches).toHaveLength(1)
    expect(await tinyState(other)).toMatchObject({ log: ['a', 'b'], rows: { 'row/x': ['a', 'b'] } })
  })

  test('and was not applied is carried out, once', async () => {
    const { store, other } = await pair(() => ({
      commit: async (_, next, nth) => {
        if (nth === 1) throw error()
        await next()
      },
    }))
    const group = tinyGroup(store)
    const outcomes = await Promise.all(
      ['a', 'b'].map((id) => group.submit(appendOp({ id, row: 'row/x' }))),
    )
    expect(outcomes.map(({ receipt }) => receipt)).toEqual([{ index: 0 }, { index: 1 }])
    expect((await tinyState(other)).log).toEqual(['a', 'b'])
  })

  test('and is delivered late lands once', async () => {
    const late: Batch[] = []
    const { store, other } = await pair((rows) => ({
      commit: async (batch, next, nth) => {
        if (nth === 1) {
          late.push(copyOf(batch))
          throw error()
        }
        // Just before the second attempt.
        for (const old of late.splice(0)) await rows.commit(old)
        await next()
      },
    }))
    const group = tinyGroup(store)
    const outcome = await group.submit(appendOp({ id: 'a', row: 'row/x' }))
    expect(outcome).toEqual({ value: 'a', receipt: { index: 0 } })
    expect((await tinyState(other)).rows).toEqual({ 'row/x': ['a'] })
  })

  test('and was applied before somebody else went on is told by its operation', async () => {
    const { store, other } = await pair((rows) => ({
      commit: async (_, next, nth) => {
        await next()
        if (nth > 1) return
        await overtake(rows)
        throw error()
      },
    }))
    const outcome = await tinyGroup(store).submit(appendOp({ id: 'a', row: 'row/x' }))
    expect(outcome).toEqual({ value: 'a', receipt: undefined })
    expect(await tinyState(other)).toMatchObject({ log: ['a', 'other'], rows: { 'row/x': ['a'] } })
  })

  test('and was overtaken unapplied is carried out, once', async () => {
    const { store, other } = await pair((rows) => ({
      commit: async (_, next, nth) => {
        if (nth === 1) {
          await overtake(rows)
          throw error()
        }
        await next()
      },
    }))
    const outcome = await tinyGroup(store).submit(appendOp({ id: 'a', row: 'row/x' }))
    expect(outcome).toEqual({ value: 'a', receipt: { index: 1 } })
    expect((await tinyState(other)).log).toEqual(['other', 'a'])
  })

  test('twice, of which the first lands late, is acknowledged once', async () => {
    const late: Batch[] = []
    const { store, other } = await pair((rows) => ({
      commit: async (batch, next, nth) => {
        if (nth > 2) return next()
        late.push(copyOf(batch))
        const [first] = late
        if (nth === 2 && first !== undefined) await rows.commit(first)
        throw error()
      },
    }))
    const outcome = await tinyGroup(store).submit(appendOp({ id: 'a', row: 'row/x' }))
    expect(outcome.value).toBe('a')
    expect((await tinyState(other)).rows).toEqual({ 'row/x': ['a'] })
    const [, second] = late
    if (second === undefined) throw new TypeError('there was no second attempt')
    await expect(other.commit(second)).rejects.toMatchObject({ code: 'write_conflict' })
  })
})

describe('an operation that fails while an attempt may still land', () => {
  /** Its first attempt is lost, and then it no longer builds. */
  function failing(id: string): Participant<string, string> {
    let builds = 0
    const op = appendOp({ id, row: 'row/x' })
    return {
      ...op,
      build: (rows) => {
        builds += 1
        if (builds > 1) throw new PrivityError('not_found', { kind: 'record' })
        return op.build(rows)
      },
    }
  }

  test('is voided first, so that the late attempt can never land', async () => {
    const lost: Batch[] = []
    const { store, other } = await pair(() => ({
      commit: async (batch, next, nth) => {
        if (nth === 1) {
          lost.push(copyOf(batch))
          throw unknown()
        }
        await next()
      },
    }))
    const outcome = tinyGroup(store).submit(failing('a'))
    await expect(outcome).rejects.toMatchObject({ code: 'not_found', details: { kind: 'record' } })
    expect(await tinyState(other)).toMatchObject({ log: ['void a'], rows: {}, done: [] })
    const [late] = lost
    if (late === undefined) throw new TypeError('there was no attempt')
    await expect(other.commit(late)).rejects.toMatchObject({ code: 'write_conflict' })
    expect((await tinyState(other)).done).toEqual([])
  })

  test('is told as applied when the attempt lands before it is voided', async () => {
    const lost: Batch[] = []
    const { store, other } = await pair((rows) => ({
      commit: async (batch, next, nth) => {
        if (nth === 1) {
          lost.push(copyOf(batch))
          throw unknown()
        }
        for (const late of lost.splice(0)) await rows.commit(late)
        await next()
      },
    }))
    const [outcome] = await Promise.allSettled([tinyGroup(store).submit(failing('a'))])
    expect((await tinyState(other)).done).toEqual(['a'])
    expect(outcome).toMatchObject({ status: 'fulfilled', value: { receipt: { index: 0 } } })
  })

  test('is told as applied when it cannot be voided and the attempt lands', async () => {
    const lost: Batch[] = []
    const { store, other } = await pair((rows) => ({
      commit: async (batch) => {
        lost.push(copyOf(batch))
        throw unknown()
      },
      read: async (_, next, nth) => {
        if (nth === 3) for (const late of lost.splice(0)) await rows.commit(late)
        return next()
      },
    }))
    const { abandon: _, ...participant } = failing('a')
    const [outcome] = await Promise.allSettled([tinyGroup(store).submit(participant)])
    expect((await tinyState(other)).done).toEqual(['a'])
    expect(outcome).toMatchObject({ status: 'fulfilled', value: { receipt: { index: 0 } } })
  })

  test('ends with its error when the head shows that the attempt is dead', async () => {
    const { store, other } = await pair((rows) => ({
      commit: async () => {
        await overtake(rows)
        throw unknown()
      },
    }))
    await overtake(other)
    const { abandon: _, ...participant } = failing('a')
    await expect(tinyGroup(store).submit(participant)).rejects.toMatchObject({ code: 'not_found' })
    expect(await tinyState(other)).toMatchObject({ log: ['other', 'other'], done: [] })
  })

  test('does no harm to others when it cannot be voided', async () => {
    const { store, other } = await pair(() => ({
      commit: async (_, next, nth) => {
        if (nth === 1) throw unknown()
        await next()
      },
    }))
    await overtake(other)
    const group = tinyGroup(store)
    const stuck: Participant<string, string> = {
      ...failing('a'),
      abandon: () => {
        throw new PrivityError('erased', { kind: 'subject' })
      },
    }
    const outcomes = await Promise.allSettled([
      group.submit(stuck),
      group.submit(appendOp({ id: 'b', row: 'row/y' })),
    ])
    expect(outcomes[1]).toMatchObject({ status: 'fulfilled' })
    expect((await tinyState(other)).done).toEqual(['b'])
    expect(outcomes[0]).toMatchObject({ status: 'rejected', reason: { code: 'not_found' } })
  })

  test('is not ended by an abort', async () => {
    const abort = new AbortController()
    const { store, other } = await pair(() => ({
      commit: async (_, next, nth) => {
        await next()
        if (nth > 1) return
        abort.abort('stop')
        throw unknown()
      },
    }))
    const op = appendOp({ id: 'a', row: 'row/x', signal: abort.signal })
    await expect(tinyGroup(store).submit(op)).resolves.toMatchObject({ value: 'a' })
    expect((await tinyState(other)).done).toEqual(['a'])
  })
})

describe('a store that is silent', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  async function turns(isSo: () => boolean): Promise<void> {
    for (let turn = 0; turn < 1_000 && !isSo(); turn += 1)
      await new Promise((resolve) => setImmediate(resolve))
    expect(isSo()).toBe(true)
  }

  function watch(outcome: Promise<unknown>): { readonly settled: () => boolean } {
    let isSettled = false
    outcome
      .catch(() => undefined)
      .finally(() => {
        isSettled = true
      })
    return { settled: () => isSettled }
  }

  test('ends a read in ten seconds, as provably not applied', async () => {
    const store = await opened(faultyStore(memoryStore(), [{ call: 'read', nth: 1, kind: 'hang' }]))
    const group = tinyGroup(store)
    const outcome = group.submit(appendOp({ id: 'a', row: 'row/x' }))
    const { settled } = watch(outcome)
    await turns(() => store.calls.read === 1)
    await vi.advanceTimersByTimeAsync(PATIENCE - 1)
    expect(settled()).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await expect(outcome).rejects.toMatchObject({
      code: 'store_unavailable',
      details: { reason: 'timeout' },
    })
    await group.submit(appendOp({ id: 'b', row: 'row/x' }))
    expect((await tinyState(store)).log).toEqual(['b'])
  })

  test('does not make those wait long who came behind, however many there are', async () => {
    const plan = Array.from({ length: 40 }, (_, index) => ({
      call: 'read' as const,
      nth: index + 1,
      kind: 'hang' as const,
    }))
    const store = await opened(faultyStore(memoryStore(), plan))
    const group = tinyGroup(store)
    let settled = 0
    const outcomes = Promise.allSettled(
      Array.from({ length: 1_500 }, async (_, index) => {
        try {
          await group.submit(appendOp({ id: `op${index}`, row: 'row/x' }))
        } finally {
          settled += 1
        }
      }),
    )
    await turns(() => store.calls.read === 1)
    for (let second = 0; second < 22; second += 1) {
      await vi.advanceTimersByTimeAsync(1_000)
      await turns(() => true)
    }
    expect(settled).toBe(1_500)
    await store.release()
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
  })

  test('ends a commit in ten seconds as unknown, with the id of each operation', async () => {
    const store = await opened(
      faultyStore(memoryStore(), [{ call: 'commit', nth: 1, kind: 'hang' }]),
    )
    const group = tinyGroup(store)
    const { operationId: _, ...anonymous } = appendOp({ id: 'b', row: 'row/x' })
    const outcomes = Promise.allSettled([
      group.submit(appendOp({ id: 'a', row: 'row/x' })),
      group.submit(anonymous),
    ])
    await turns(() => store.calls.commit === 1)
    await vi.advanceTimersByTimeAsync(PATIENCE)
    const reasons = (await outcomes).map((it) => (it.status === 'rejected' ? it.reason : undefined))
    expect(reasons).toMatchObject([
      { code: 'outcome_unknown', details: { operationId: 'a' } },
      { code: 'outcome_unknown' },
    ])
    expect(reasons[1].details).toEqual({})
  })

  test('goes on being unknown while it cannot be read either', async () => {
    const { store, other } = await pair(() => ({
      commit: async (_, next) => {
        await next()
        throw unknown()
      },
      read: async (_, next, nth) => {
        if (nth > 1) throw new PrivityError('store_unavailable', { reason: 'busy' })
        return next()
      },
    }))
    const group = tinyGroup(store, {
      clock: {
        now: () => 0,
        wait: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
      },
    })
    const outcome = group.submit(appendOp({ id: 'a', row: 'row/x' }))
    const { settled } = watch(outcome)
    await turns(() => store.batches.length === 1)
    await vi.advanceTimersByTimeAsync(PATIENCE - 1_000)
    expect(settled()).toBe(false)
    await vi.advanceTimersByTimeAsync(5_000)
    await expect(outcome).rejects.toMatchObject({
      code: 'outcome_unknown',
      details: { operationId: 'a' },
    })
    expect(store.reads.length).toBeGreaterThan(3)
    expect((await tinyState(other)).done).toEqual(['a'])
  })

  test('is told from one that always conflicts: that ends as not applied', async () => {
    const { store, other } = await pair((rows) => ({
      commit: async (_, next) => {
        await overtake(rows)
        await next()
      },
    }))
    const group = tinyGroup(store, {
      clock: {
        now: () => 0,
        wait: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
      },
    })
    const outcome = group.submit(appendOp({ id: 'a', row: 'row/x' }))
    watch(outcome)
    await turns(() => store.batches.length === 1)
    await vi.advanceTimersByTimeAsync(PATIENCE + 2_000)
    const error = await outcome.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'write_conflict' })
    if (!isPrivityError(error, 'write_conflict')) throw new TypeError('another error')
    expect(error.details.attempts).toBe(store.batches.length)
    expect((await tinyState(other)).done).toEqual([])
  })

  test('leaves no timer behind a second after it has answered', async () => {
    const store = await opened(memoryStore())
    const group = tinyGroup(store)
    await group.submit(appendOp({ id: 'a', row: 'row/x' }))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(vi.getTimerCount()).toBe(0)
  })
})
