import { describe, expect, test } from 'vitest'
import { memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { utf8 } from '../../src/base/bytes.ts'
import { isPrivityError, PrivityError } from '../../src/base/errors.ts'
import type { Participant } from '../../src/storage/participant.ts'
import type { Batch, Store } from '../../src/storage/store.ts'
import { hookedStore, opened, type StoreHooks } from '../support/hooked-store.ts'
import { appendOp, TINY_HEAD, tinyEntry, tinyGroup, tinyState } from '../support/tiny-log.ts'

function hooked(hooks: StoreHooks = {}): ReturnType<typeof opened<ReturnType<typeof hookedStore>>> {
  return opened(hookedStore(memoryStore(), hooks))
}

function ids(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `op${index}`)
}

function codeOf(outcome: PromiseSettledResult<unknown> | undefined): string {
  if (outcome?.status !== 'rejected') return outcome?.status ?? 'none'
  return isPrivityError(outcome.reason) ? outcome.reason.code : String(outcome.reason)
}

async function conflicting(store: Store): Promise<void> {
  const [head] = await store.read([TINY_HEAD])
  const size = head === undefined ? 0 : Number.parseInt(new TextDecoder().decode(head), 10)
  await store.commit({
    checks: [],
    put: [
      [TINY_HEAD, utf8(`${size + 1} other`)],
      [tinyEntry(size), utf8('other')],
    ],
    del: [],
  })
}

describe('a group', () => {
  test('commits what arrives in one turn in one batch, read at once', async () => {
    const store = await hooked()
    const group = tinyGroup(store)
    const outcomes = await Promise.all(
      ids(3).map((id) => group.submit(appendOp({ id, row: `row/${id}` }))),
    )
    expect(outcomes).toEqual([
      { value: 'op0', receipt: { index: 0 } },
      { value: 'op1', receipt: { index: 1 } },
      { value: 'op2', receipt: { index: 2 } },
    ])
    expect(store.batches).toHaveLength(1)
    expect(store.reads).toHaveLength(1)
    expect(new Set(store.reads[0]).size).toBe(store.reads[0]?.length)
  })

  test('folds several operations on one row in order of arrival, and writes it once', async () => {
    const store = await hooked()
    const group = tinyGroup(store)
    await Promise.all(ids(5).map((id) => group.submit(appendOp({ id, row: 'row/x' }))))
    const state = await tinyState(store)
    expect(state.rows).toEqual({ 'row/x': ids(5) })
    expect(state.log).toEqual(ids(5))
    expect(store.batches[0]?.put.filter(([key]) => key === 'row/x')).toHaveLength(1)
  })

  test('checks every row that it read and writes, and no other', async () => {
    const store = await hooked()
    const group = tinyGroup(store)
    await group.submit({ ...appendOp({ id: 'a', row: 'row/x' }), reads: ['row/x', 'o/a', 'row/y'] })
    await group.submit(appendOp({ id: 'b', row: 'row/x' }))
    expect(store.batches.map(({ checks }) => checks.map(([key]) => key).sort())).toEqual([
      [TINY_HEAD, 'o/a', 'row/x'],
      [TINY_HEAD, 'o/b', 'row/x'],
    ])
    expect(store.batches[0]?.checks.every(([, value]) => value === null)).toBe(true)
    const [, second] = store.batches
    expect(second?.checks.find(([key]) => key === 'row/x')?.[1]).toEqual(utf8('a '))
  })

  test('takes what arrives while a commit is under way into the next batch', async () => {
    let group: ReturnType<typeof tinyGroup> | undefined
    let later: Promise<unknown> = Promise.resolve()
    const store = await hooked({
      commit: async (_, next, nth) => {
        if (nth === 1)
          later = Promise.all(['b', 'c'].map((id) => group?.submit(appendOp({ id, row: 'row/x' }))))
        await next()
      },
    })
    group = tinyGroup(store)
    await group.submit(appendOp({ id: 'a', row: 'row/x' }))
    await later
    expect(store.batches).toHaveLength(2)
    expect((await tinyState(store)).log).toEqual(['a', 'b', 'c'])
  })

  test('answers an operation that was applied before without writing', async () => {
    const store = await hooked()
    const group = tinyGroup(store)
    await group.submit(appendOp({ id: 'a', row: 'row/x' }))
    const again = await group.submit(appendOp({ id: 'a', row: 'row/x' }))
    expect(again).toEqual({ value: 'a', receipt: undefined })
    expect(store.batches).toHaveLength(1)
    const both = await Promise.all(
      ['a', 'b'].map((id) => group.submit(appendOp({ id, row: 'row/x' }))),
    )
    expect(both.map(({ receipt }) => receipt)).toEqual([undefined, { index: 1 }])
  })

  test('gives an answer that rests on a batch only once that batch is applied', async () => {
    const store = await hooked({
      commit: async (_, next, nth) => {
        if (nth === 1) throw new PrivityError('store_unavailable', { reason: 'busy' })
        await next()
      },
    })
    const group = tinyGroup(store)
    const outcomes = await Promise.allSettled([
      group.submit(appendOp({ id: 'a', row: 'row/x' })),
      group.submit(appendOp({ id: 'a', row: 'row/x' })),
    ])
    expect(outcomes.map(codeOf)).toEqual(['store_unavailable', 'store_unavailable'])
    expect((await tinyState(store)).done).toEqual([])
  })

  test('gives a refusal that rests on a batch only once that batch is applied', async () => {
    let lost: Promise<unknown> = Promise.resolve()
    const data = memoryData()
    const other = await opened(memoryStore({ share: data }))
    const store = await opened(
      hookedStore(memoryStore({ share: data }), {
        commit: async (_, next, nth) => {
          if (nth === 1) {
            // The first operation gives up, and with it what the second was refused for.
            abort.abort('stop')
            lost = conflicting(other)
            await lost
          }
          await next()
        },
      }),
    )
    const abort = new AbortController()
    const group = tinyGroup(store)
    const second = appendOp({ id: 'b', row: 'row/x' })
    const outcomes = await Promise.allSettled([
      group.submit(appendOp({ id: 'a', row: 'row/x', signal: abort.signal })),
      group.submit({
        ...second,
        build: (rows) => {
          if (rows.get('row/x') !== undefined)
            throw new PrivityError('already_exists', { kind: 'record' })
          return second.build(rows)
        },
      }),
    ])
    await lost
    expect(outcomes.map(codeOf)).toEqual(['stop', 'fulfilled'])
    expect((await tinyState(store)).log).toEqual(['other', 'b'])
  })

  test('applies an operation that arrives twice in one batch once', async () => {
    const store = await hooked()
    const group = tinyGroup(store)
    const both = await Promise.all([
      group.submit(appendOp({ id: 'a', row: 'row/x' })),
      group.submit(appendOp({ id: 'a', row: 'row/x' })),
    ])
    expect(both.map(({ receipt }) => receipt)).toEqual([{ index: 0 }, undefined])
    expect((await tinyState(store)).rows).toEqual({ 'row/x': ['a'] })
  })

  test('drains to the moment when everything submitted has an outcome', async () => {
    const store = await hooked({ limits: { maxOps: 90, maxBytes: 1_048_576 } })
    const group = tinyGroup(store)
    let settled = 0
    for (const id of ids(40)) {
      const outcome = group.submit(appendOp({ id, row: 'row/x' }))
      outcome.then(
        () => {
          settled += 1
        },
        () => undefined,
      )
    }
    await group.drain()
    expect(settled).toBe(40)
    expect(store.batches.length).toBeGreaterThan(1)
    await group.drain()
  })

  test('carries ten thousand operations, at most 256 to a batch', { timeout: 60_000 }, async () => {
    const store = await hooked()
    const group = tinyGroup(store)
    const all = ids(10_000)
    const outcomes = await Promise.all(
      all.map((id, index) => group.submit(appendOp({ id, row: `row/${index % 7}` }))),
    )
    expect(outcomes.map(({ receipt }) => receipt?.index)).toEqual(all.map((_, index) => index))
    expect(store.batches).toHaveLength(Math.ceil(10_000 / 256))
    const [head] = await store.read([TINY_HEAD])
    expect(new TextDecoder().decode(head)).toMatch(/^10000 /)
    const rows = await store.read(Array.from({ length: 7 }, (_, row) => `row/${row}`))
    rows.forEach((value, row) => {
      const wanted = all.filter((_, index) => index % 7 === row)
      expect(new TextDecoder().decode(value).trim().split(' ')).toEqual(wanted)
    })
  })
})

describe('a builder that throws', () => {
  const faults: readonly (readonly [string, () => unknown])[] = [
    ['an error of the library', () => new PrivityError('not_found', { kind: 'subject' })],
    ['a TypeError', () => new TypeError('impossible')],
  ]
  test.for(faults)('%s drops its own operation only', async ([, fault]) => {
    const store = await hooked()
    const group = tinyGroup(store)
    const outcomes = await Promise.allSettled([
      group.submit(appendOp({ id: 'a', row: 'row/x' })),
      group.submit(appendOp({ id: 'b', row: 'row/x', fault })),
      group.submit(appendOp({ id: 'c', row: 'row/x' })),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(codeOf(outcomes[1])).toBe(codeOf({ status: 'rejected', reason: fault() }))
    expect(await tinyState(store)).toMatchObject({ log: ['a', 'c'], rows: { 'row/x': ['a', 'c'] } })
    expect(store.batches).toHaveLength(1)
  })

  test('does so when it asks for a row that it did not declare', async () => {
    const store = await hooked()
    const group = tinyGroup(store)
    const curious: Participant<string, null> = {
      reads: [],
      build: (rows) => {
        rows.get('row/x')
        return { kind: 'done', value: null }
      },
    }
    const outcomes = await Promise.allSettled([
      group.submit(curious),
      group.submit(appendOp({ id: 'a', row: 'row/y' })),
    ])
    expect(outcomes[0]).toMatchObject({ reason: expect.any(TypeError) })
    expect(outcomes[1]).toMatchObject({ status: 'fulfilled' })
  })

  test('commits nothing when all of them throw', async () => {
    const store = await hooked()
    const group = tinyGroup(store)
    const fault = (): PrivityError => new PrivityError('not_found', { kind: 'record' })
    const outcomes = await Promise.allSettled(
      ids(3).map((id) => group.submit(appendOp({ id, row: 'row/x', fault }))),
    )
    expect(outcomes.map(codeOf)).toEqual(['not_found', 'not_found', 'not_found'])
    expect(store.batches).toEqual([])
  })
})

describe('a conflict', () => {
  test('has everything built again on fresh rows, and loses nothing', async () => {
    const data = memoryData()
    const other = await opened(memoryStore({ share: data }))
    const store = await opened(
      hookedStore(memoryStore({ share: data }), {
        commit: async (_, next, nth) => {
          if (nth <= 3) await conflicting(other)
          await next()
        },
      }),
    )
    const group = tinyGroup(store)
    const outcomes = await Promise.all(
      ids(3).map((id) => group.submit(appendOp({ id, row: 'row/x' }))),
    )
    expect(outcomes.map(({ receipt }) => receipt?.index)).toEqual([3, 4, 5])
    expect(store.batches).toHaveLength(4)
    expect((await tinyState(store)).rows).toEqual({ 'row/x': ids(3) })
  })

  test('is tried with fewer operations at a time after it lost again and again', async () => {
    const data = memoryData()
    const other = await opened(memoryStore({ share: data }))
    const store = await opened(
      hookedStore(memoryStore({ share: data }), {
        commit: async (_, next, nth) => {
          if (nth <= 6) await conflicting(other)
          await next()
        },
      }),
    )
    const group = tinyGroup(store)
    const outcomes = await Promise.all(
      ids(8).map((id) => group.submit(appendOp({ id, row: `row/${id}` }))),
    )
    expect(outcomes.map(({ receipt }) => receipt?.index)).toEqual([6, 7, 8, 9, 10, 11, 12, 13])
    const entries = store.batches.map(({ put }) => put.filter(([key]) => key.startsWith('e/')))
    expect(entries.map(({ length }) => length)).toEqual([8, 8, 8, 8, 4, 2, 1, 7])
  })

  test('decides anew: what no longer holds is refused, the rest goes through', async () => {
    const data = memoryData()
    const other = await opened(memoryStore({ share: data }))
    const store = await opened(
      hookedStore(memoryStore({ share: data }), {
        commit: async (_, next, nth) => {
          if (nth === 1) {
            await other.commit({ checks: [], put: [['row/taken', utf8('x ')]], del: [] })
            await conflicting(other)
          }
          await next()
        },
      }),
    )
    const group = tinyGroup(store)
    const onlyFirst = appendOp({ id: 'a', row: 'row/taken' })
    const outcomes = await Promise.allSettled([
      group.submit({
        ...onlyFirst,
        build: (rows) => {
          if (rows.get('row/taken') !== undefined)
            throw new PrivityError('already_exists', { kind: 'subject' })
          return onlyFirst.build(rows)
        },
      }),
      group.submit(appendOp({ id: 'b', row: 'row/x' })),
    ])
    expect(outcomes.map(codeOf)).toEqual(['already_exists', 'fulfilled'])
    expect((await tinyState(store)).log).toEqual(['other', 'b'])
  })

  test('puts those who lost before those who came later', async () => {
    const data = memoryData()
    const other = await opened(memoryStore({ share: data }))
    let group: ReturnType<typeof tinyGroup> | undefined
    const later: Promise<unknown>[] = []
    const store = await opened(
      hookedStore(memoryStore({ share: data }), {
        commit: async (_, next, nth) => {
          if (nth <= 2) {
            later.push(
              group?.submit(appendOp({ id: `late${nth}`, row: 'row/x' })) ?? Promise.reject(),
            )
            await conflicting(other)
          }
          await next()
        },
      }),
    )
    group = tinyGroup(store)
    await Promise.all(['a', 'b'].map((id) => group?.submit(appendOp({ id, row: 'row/x' }))))
    await Promise.all(later)
    expect((await tinyState(store)).rows).toEqual({ 'row/x': ['a', 'b', 'late1', 'late2'] })
  })

  test('waits on the clock between rounds, longer at most each time', async () => {
    const data = memoryData()
    const other = await opened(memoryStore({ share: data }))
    const waits: number[] = []
    const store = await opened(
      hookedStore(memoryStore({ share: data }), {
        commit: async (_, next, nth) => {
          if (nth <= 12) await conflicting(other)
          await next()
        },
      }),
    )
    const group = tinyGroup(store, {
      clock: {
        now: () => 0,
        wait: async (ms) => {
          waits.push(ms)
        },
      },
    })
    await group.submit(appendOp({ id: 'a', row: 'row/x' }))
    expect(waits).toHaveLength(12)
    waits.forEach((ms, round) => {
      expect(ms).toBeGreaterThanOrEqual(0)
      expect(ms).toBeLessThanOrEqual(Math.min(1_000, 4 * 2 ** (round + 1)))
    })
  })
})

describe('a batch that the store refuses', () => {
  const codes = ['invalid_input', 'store_full'] as const
  const errors = {
    invalid_input: () => new PrivityError('invalid_input', { issues: [] }),
    store_full: () => new PrivityError('store_full', { reason: 'disk_full' }),
  }
  function refusesPoison(code: (typeof codes)[number]): StoreHooks {
    return {
      commit: async ({ put }, next) => {
        if (put.some(([key]) => key.startsWith('row/poison'))) throw errors[code]()
        await next()
      },
    }
  }

  test.for(codes)('with %s is taken apart until only the culprits fail', async (code) => {
    const store = await hooked(refusesPoison(code))
    const group = tinyGroup(store)
    const all = ids(20)
    const culprits = new Set(['op3', 'op4', 'op17'])
    const outcomes = await Promise.allSettled(
      all.map((id) =>
        group.submit(appendOp({ id, row: culprits.has(id) ? `row/poison${id}` : 'row/x' })),
      ),
    )
    expect(outcomes.map(codeOf)).toEqual(all.map((id) => (culprits.has(id) ? code : 'fulfilled')))
    const good = all.filter((id) => !culprits.has(id))
    expect(await tinyState(store)).toMatchObject({ log: good, rows: { 'row/x': good } })
  })

  test('keeps the order of arrival when a part of it conflicts', async () => {
    const data = memoryData()
    const other = await opened(memoryStore({ share: data }))
    const store = await opened(
      hookedStore(memoryStore({ share: data }), {
        commit: async ({ put }, next, nth) => {
          if (put.some(([key]) => key === 'row/poison')) throw errors.invalid_input()
          // The second batch is the first half: somebody else is faster just then.
          if (nth === 2) await conflicting(other)
          await next()
        },
      }),
    )
    const group = tinyGroup(store)
    const rows = ['row/x', 'row/x', 'row/x', 'row/poison']
    const outcomes = await Promise.allSettled(
      rows.map((row, index) => group.submit(appendOp({ id: `op${index}`, row }))),
    )
    expect(outcomes.map(codeOf)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'invalid_input'])
    expect((await tinyState(store)).rows).toEqual({ 'row/x': ['op0', 'op1', 'op2'] })
  })

  test('is refused as it is when it holds one operation', async () => {
    const store = await hooked({ limits: { maxOps: 1_000, maxBytes: 1_048_576 } })
    const group = tinyGroup(store)
    const put = Array.from({ length: 10_001 }, (_, index) => [`row/${index}`, utf8('x')] as const)
    const outcome = group.submit({
      reads: [],
      build: () => ({ kind: 'change', change: { put, del: [], entry: 'huge' }, value: null }),
    })
    await expect(outcome).rejects.toMatchObject({
      code: 'invalid_input',
      details: { issues: [{ path: [], code: 'too_many_ops' }] },
    })
    expect((await tinyState(store)).size).toBe(0)
  })
})

describe('a store that does not answer as it should', () => {
  const refusals = [
    new PrivityError('store_unavailable', { reason: 'busy' }),
    new PrivityError('store_closed', { reason: 'closed' }),
    new PrivityError('store_corrupt', { reason: 'page' }),
  ]
  test.for(refusals)(
    'fails the operations with its own error when it cannot be read: $code',
    async (error) => {
      const store = await hooked({
        read: async (_, next, nth) => {
          if (nth === 1) throw error
          return next()
        },
      })
      const group = tinyGroup(store)
      const outcomes = await Promise.allSettled(
        ids(2).map((id) => group.submit(appendOp({ id, row: 'row/x' }))),
      )
      expect(outcomes.map(codeOf)).toEqual([error.code, error.code])
      await group.submit(appendOp({ id: 'a', row: 'row/x' }))
      expect((await tinyState(store)).log).toEqual(['a'])
    },
  )

  const certain = ['store_unavailable', 'store_closed'] as const
  test.for(certain)('fails them all when a commit was provably not applied: %s', async (code) => {
    const store = await hooked({
      commit: async (_, next, nth) => {
        if (nth === 1) throw new PrivityError(code, { reason: 'lost' })
        await next()
      },
    })
    const group = tinyGroup(store)
    const outcomes = await Promise.allSettled(
      ids(2).map((id) => group.submit(appendOp({ id, row: 'row/x' }))),
    )
    expect(outcomes.map(codeOf)).toEqual([code, code])
    expect((await tinyState(store)).size).toBe(0)
  })

  const foreign: readonly (readonly [string, () => unknown])[] = [
    ['an error', () => new RangeError('anna@example.com')],
    ['a TypeError', () => new TypeError('Received anna@example.com')],
    ['a string', () => 'anna@example.com'],
    ['nothing', () => undefined],
  ]
  test.for(foreign)('lets nothing foreign out when a read throws %s', async ([, thrown]) => {
    const store = await hooked({ read: () => Promise.reject(thrown()) })
    const outcome = await Promise.allSettled([
      tinyGroup(store).submit(appendOp({ id: 'a', row: 'row/x' })),
    ])
    expect(outcome[0]).toMatchObject({
      reason: { code: 'store_unavailable', details: { reason: 'failed' } },
    })
  })

  test('is met the same when it throws at once instead of rejecting', async () => {
    const store = await hooked({
      read: () => {
        throw new PrivityError('store_unavailable', { reason: 'busy' })
      },
    })
    const group = tinyGroup(store)
    await expect(group.submit(appendOp({ id: 'a', row: 'row/x' }))).rejects.toMatchObject({
      code: 'store_unavailable',
      details: { reason: 'busy' },
    })
    await group.drain()
  })
})

describe('an abort', () => {
  test('before the submission has no effect but the reason of the signal', async () => {
    const store = await hooked()
    const reason = { stop: true }
    const outcome = tinyGroup(store).submit(
      appendOp({ id: 'a', row: 'row/x', signal: AbortSignal.abort(reason) }),
    )
    await expect(outcome).rejects.toBe(reason)
    expect(await tinyState(store)).toMatchObject({ size: 0, rows: {}, done: [] })
  })

  test('while others are read leaves the operation out', async () => {
    const abort = new AbortController()
    const store = await hooked({
      read: async (_, next) => {
        abort.abort('stop')
        return next()
      },
    })
    const group = tinyGroup(store)
    const outcomes = await Promise.allSettled([
      group.submit(appendOp({ id: 'a', row: 'row/x', signal: abort.signal })),
      group.submit(appendOp({ id: 'b', row: 'row/x' })),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect((await tinyState(store)).log).toEqual(['b'])
  })

  test('while the log signs either ends the operation or lets it be applied, never both', async () => {
    const abort = new AbortController()
    const store = await hooked()
    const group = tinyGroup(store)
    const op = appendOp({ id: 'a', row: 'row/x', signal: abort.signal })
    const outcome = group.submit({
      ...op,
      build: (rows) => {
        // After the builders have run, and before the store is asked.
        queueMicrotask(() => abort.abort('stop'))
        return op.build(rows)
      },
    })
    const [settled] = await Promise.allSettled([outcome])
    await group.drain()
    const wasApplied = (await tinyState(store)).done.includes('a')
    expect(settled?.status === 'fulfilled').toBe(wasApplied)
  })

  test('after the store was asked comes too late for what is applied', async () => {
    const abort = new AbortController()
    const store = await hooked({
      commit: async (_, next) => {
        abort.abort('stop')
        await next()
      },
    })
    const outcome = tinyGroup(store).submit(
      appendOp({ id: 'a', row: 'row/x', signal: abort.signal }),
    )
    await expect(outcome).resolves.toMatchObject({ value: 'a' })
  })

  test('ends an operation that lost a round', async () => {
    const abort = new AbortController()
    const data = memoryData()
    const other = await opened(memoryStore({ share: data }))
    const store = await opened(
      hookedStore(memoryStore({ share: data }), {
        commit: async (_, next, nth) => {
          if (nth === 1) {
            abort.abort('stop')
            await conflicting(other)
          }
          await next()
        },
      }),
    )
    const group = tinyGroup(store)
    const outcomes = await Promise.allSettled([
      group.submit(appendOp({ id: 'a', row: 'row/x', signal: abort.signal })),
      group.submit(appendOp({ id: 'b', row: 'row/x' })),
    ])
    expect(outcomes[0]).toMatchObject({ status: 'rejected', reason: 'stop' })
    expect((await tinyState(store)).log).toEqual(['other', 'b'])
  })

  test('ends an operation that waits behind a slow commit, at once', async () => {
    const abort = new AbortController()
    let release: () => void = () => undefined
    const store = await hooked({
      commit: async (_, next, nth) => {
        if (nth === 1)
          await new Promise<void>((resolve) => {
            release = resolve
          })
        await next()
      },
    })
    const group = tinyGroup(store)
    const first = group.submit(appendOp({ id: 'a', row: 'row/x' }))
    while (store.batches.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const waiting = group.submit(appendOp({ id: 'b', row: 'row/x', signal: abort.signal }))
    abort.abort('stop')
    await expect(waiting).rejects.toBe('stop')
    release()
    await first
    await group.drain()
    expect((await tinyState(store)).log).toEqual(['a'])
  })

  test('leaves no listener behind, whatever the outcome', async () => {
    const abort = new AbortController()
    let listeners = 0
    const { signal } = abort
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1
      remove(...args)
    }
    const store = await hooked()
    const group = tinyGroup(store)
    const fault = (): PrivityError => new PrivityError('not_found', { kind: 'record' })
    await Promise.allSettled([
      group.submit(appendOp({ id: 'a', row: 'row/x', signal })),
      group.submit(appendOp({ id: 'b', row: 'row/x', signal, fault })),
    ])
    expect(listeners).toBe(0)
  })
})

describe('the limits of a store', () => {
  function sizes({ batches }: { readonly batches: readonly Batch[] }): readonly number[] {
    return batches.map(({ put, del }) => put.length + del.length)
  }

  test('split what waits by the number of rows', async () => {
    const limits = { maxOps: 120, maxBytes: 1_048_576 }
    const store = await hooked({ limits })
    const group = tinyGroup(store)
    const all = ids(60)
    await Promise.all(all.map((id) => group.submit(appendOp({ id, row: `row/${id}` }))))
    expect(store.batches.length).toBeGreaterThan(1)
    expect(Math.max(...sizes(store))).toBeLessThanOrEqual(limits.maxOps)
    expect((await tinyState(store)).log).toEqual(all)
  })

  test('split it by the bytes of the values', async () => {
    const limits = { maxOps: 1_000, maxBytes: 1_048_576 }
    const store = await hooked({ limits })
    const group = tinyGroup(store)
    const value = new Uint8Array(200_000)
    const all = ids(20)
    await Promise.all(
      all.map((id) =>
        group.submit({
          reads: [],
          build: () => ({
            kind: 'change',
            change: { put: [[`row/${id}`, value]], del: [], entry: id },
            value: id,
          }),
        }),
      ),
    )
    const bytes = store.batches.map(({ put }) => put.reduce((sum, [, it]) => sum + it.length, 0))
    expect(Math.max(...bytes)).toBeLessThanOrEqual(limits.maxBytes)
    expect(store.batches.length).toBe(4)
    expect((await store.scan('e/', { limit: 100 })).length).toBe(20)
  })
})
