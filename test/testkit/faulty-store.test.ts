import { expect, test } from 'vitest'
import { memoryStore } from '../../src/adapters/memory.ts'
import { utf8 } from '../../src/base/bytes.ts'
import { PrivityError } from '../../src/base/errors.ts'
import type { Batch, Store } from '../../src/storage/store.ts'
import { type Fault, type FaultyStore, faultyStore } from '../../src/testkit/faulty-store.ts'

interface Pair {
  readonly right: Store
  readonly faulty: FaultyStore
}

async function pair(...plan: readonly Fault[]): Promise<Pair> {
  const right = memoryStore()
  const faulty = faultyStore(right, plan)
  await faulty.open()
  return { right, faulty }
}

function put(key: string, text: string, ...checks: Batch['checks']): Batch {
  return { checks, put: [[key, utf8(text)]], del: [] }
}

test('without a plan the store behaves as the one beneath, and counts calls', async () => {
  const { right, faulty } = await pair()
  await faulty.commit(put('a', '1'))
  await faulty.read(['a'])
  await faulty.scan('', { limit: 1 })
  await faulty.read(['a'])
  expect(faulty.calls).toEqual({ all: 4, read: 2, scan: 1, commit: 1 })
  expect(await right.read(['a'])).toEqual([utf8('1')])
  expect(faulty.limits).toBe(right.limits)
  await faulty.close()
  await expect(right.read(['a'])).rejects.toMatchObject({ code: 'store_closed' })
})

test('a fault before the call leaves it undone', async () => {
  const { right, faulty } = await pair({ call: 'commit', nth: 2, kind: 'before' })
  await faulty.commit(put('a', '1'))
  await expect(faulty.commit(put('a', '2'))).rejects.toMatchObject({
    code: 'store_unavailable',
    details: { reason: 'planned_fault' },
  })
  expect(await right.read(['a'])).toEqual([utf8('1')])
  await faulty.commit(put('a', '3'))
  expect(await right.read(['a'])).toEqual([utf8('3')])
})

test('a fault after the call has carried it out', async () => {
  const plan: Fault = { nth: 1, kind: 'after-applied' }
  const { right, faulty } = await pair(plan)
  await expect(faulty.commit(put('a', '1'))).rejects.toMatchObject({ code: 'outcome_unknown' })
  expect(await right.read(['a'])).toEqual([utf8('1')])
  for (const call of ['read', 'scan'] as const) {
    const reader = (await pair({ ...plan, call })).faulty
    const answer = call === 'read' ? reader.read(['a']) : reader.scan('', { limit: 1 })
    await expect(answer).rejects.toMatchObject({ code: 'store_unavailable' })
  }
})

test('a lost answer may have been a refusal', async () => {
  const { right, faulty } = await pair({ nth: 1, kind: 'after-applied' })
  await expect(faulty.commit(put('a', '1', ['a', utf8('0')]))).rejects.toMatchObject({
    code: 'outcome_unknown',
  })
  expect(await right.read(['a'])).toEqual([undefined])
})

test('a call that hangs does nothing and settles only when released', async () => {
  const { right, faulty } = await pair({ call: 'commit', nth: 1, kind: 'hang' })
  let settled = false
  const hanging = faulty.commit(put('a', '1')).finally(() => {
    settled = true
  })
  await faulty.read(['a'])
  await faulty.commit(put('b', '1'))
  expect(settled).toBe(false)
  await Promise.all([
    faulty.release(),
    expect(hanging).rejects.toMatchObject({ code: 'store_unavailable' }),
  ])
  expect(await right.read(['a', 'b'])).toEqual([undefined, utf8('1')])
})

test('a commit delivered twice comes again after the next one, and may undo it', async () => {
  const { right, faulty } = await pair({ call: 'commit', nth: 1, kind: 'double-delivery' })
  const batch = put('a', 'first')
  await faulty.commit(batch)
  batch.put[0]?.[1].fill(0)
  expect(await right.read(['a'])).toEqual([utf8('first')])
  await faulty.commit(put('a', 'second'))
  expect(await right.read(['a'])).toEqual([utf8('first')])
  await faulty.commit(put('a', 'third'))
  expect(await right.read(['a'])).toEqual([utf8('third')])
})

test('a check makes the second delivery harmless', async () => {
  const { right, faulty } = await pair({ call: 'commit', nth: 1, kind: 'double-delivery' })
  await faulty.commit(put('a', 'first', ['a', null]))
  await faulty.commit(put('a', 'second', ['a', utf8('first')]))
  expect(await right.read(['a'])).toEqual([utf8('second')])
})

test('a second delivery also comes after a commit that failed, or at release', async () => {
  const { right, faulty } = await pair({ call: 'commit', nth: 1, kind: 'double-delivery' })
  await faulty.commit(put('a', 'first'))
  await right.commit(put('a', 'changed'))
  await expect(faulty.commit(put('b', '1', ['b', utf8('x')]))).rejects.toMatchObject({
    code: 'write_conflict',
  })
  expect(await right.read(['a'])).toEqual([utf8('first')])
  const other = await pair({ call: 'commit', nth: 1, kind: 'double-delivery' })
  await other.faulty.commit(put('a', 'first'))
  await other.right.commit(put('a', 'changed'))
  await other.faulty.release()
  expect(await other.right.read(['a'])).toEqual([utf8('first')])
})

test('a commit that comes late is in doubt, and arrives after the next one', async () => {
  const { right, faulty } = await pair({ call: 'commit', nth: 1, kind: 'late' })
  await expect(faulty.commit(put('a', 'late'))).rejects.toMatchObject({ code: 'outcome_unknown' })
  expect(await right.read(['a'])).toEqual([undefined])
  await faulty.commit(put('b', '1'))
  expect(await right.read(['a', 'b'])).toEqual([utf8('late'), utf8('1')])
  const other = await pair({ nth: 1, kind: 'late' })
  await expect(other.faulty.read(['a'])).rejects.toMatchObject({ code: 'store_unavailable' })
})

test('a check keeps a late commit from landing', async () => {
  const { right, faulty } = await pair({ call: 'commit', nth: 1, kind: 'late' })
  await expect(faulty.commit(put('a', 'late', ['a', null]))).rejects.toThrow()
  await faulty.commit(put('a', 'first', ['a', null]))
  await faulty.release()
  expect(await right.read(['a'])).toEqual([utf8('first')])
})

for (const kind of ['crash', 'crash-applied'] as const) {
  test(`after a ${kind} nothing answers until it is released`, async () => {
    const { right, faulty } = await pair({ call: 'commit', nth: 2, kind })
    await faulty.commit(put('a', '1'))
    let settled = 0
    const calls = [faulty.commit(put('a', '2')), faulty.read(['a']), faulty.commit(put('a', '3'))]
    for (const call of calls) call.catch(() => undefined).finally(() => (settled += 1))
    await faulty.crashed
    expect(settled).toBe(0)
    expect(faulty.calls).toMatchObject({ commit: 2, read: 0 })
    expect(await right.read(['a'])).toEqual([utf8(kind === 'crash' ? '1' : '2')])
    await faulty.release()
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'outcome_unknown' })
  })
}

test('a read delivered twice is answered from the second run', async () => {
  const right = memoryStore()
  let runs = 0
  const counting: Store = {
    ...right,
    read: async (keys) => {
      runs += 1
      return right.read(keys)
    },
  }
  const faulty = faultyStore(counting, [{ nth: 1, kind: 'double-delivery' }])
  await faulty.open()
  expect(await faulty.read(['a'])).toEqual([undefined])
  expect(runs).toBe(2)
})

test('a fault may be counted over all calls, and may throw anything', async () => {
  const error = new RangeError('foreign')
  const { faulty } = await pair({ nth: 3, kind: 'before', error })
  await faulty.read(['a'])
  await faulty.commit(put('a', '1'))
  await expect(faulty.scan('', { limit: 1 })).rejects.toBe(error)
})

test('a fault at every call of a scenario is met exactly once', async () => {
  const scenario = async (store: Store): Promise<void> => {
    await store.open()
    await store.read(['a'])
    await store.commit(put('a', '1'))
    await store.scan('', { limit: 1 })
    await store.commit({ checks: [], put: [], del: ['a'] })
  }
  const counted = faultyStore(memoryStore(), [])
  await scenario(counted)
  expect(counted.calls.all).toBe(4)
  for (let nth = 1; nth <= counted.calls.all; nth += 1) {
    const faulty = faultyStore(memoryStore(), [{ nth, kind: 'before' }])
    await expect(scenario(faulty)).rejects.toBeInstanceOf(PrivityError)
    expect(faulty.calls.all).toBe(nth)
  }
})
