import { describe, expect, test } from 'vitest'
import { memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { accessToken } from '../../src/audit/access-index.ts'
import { enterTails } from '../../src/audit/audit.ts'
import { writerLog } from '../../src/audit/writer.ts'
import { PrivityError } from '../../src/base/errors.ts'
import { verifyLog } from '../../src/ledger/verify-log.ts'
import { treeHash } from '../crypto/naive-tree.ts'
import { canonicalBytes } from '../../src/base/canonical.ts'
import { accessorsOf, ANNA, openAcme, refusal, START, until } from '../support/acme.ts'
import {
  access,
  busyClock,
  type Desk,
  openDesk,
  storedNotes,
  storedSegments,
  storedTasks,
} from '../support/audit-desk.ts'
import { hookedStore } from '../support/hooked-store.ts'

function tasks(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `task ${index}`)
}

/** The log of a writer is in order, and its leaves commit to its segments. */
async function expectInOrder(desk: Desk, writer: number): Promise<void> {
  const log = writerLog(desk.deps, writer)
  expect(await verifyLog(desk.store, log)).toMatchObject({ ok: true, faults: [] })
  for (const { entries, leaf } of storedSegments(desk)) {
    const root = treeHash(entries.map((entry) => canonicalBytes(entry)))
    expect(leaf.b).toBe(Buffer.from(root).toString('base64url'))
  }
}

/** A store that can be taken away, and put back. */
interface Outage {
  isDown: boolean
}

function withOutage(outage: Outage, data = memoryData()): Parameters<typeof openDesk>[0] {
  const fail = (): Promise<never> =>
    Promise.reject(new PrivityError('store_unavailable', { reason: 'busy' }))
  return {
    data,
    store: (inner) =>
      hookedStore(inner, {
        read: (_, next) => (outage.isDown ? fail() : next()),
        commit: (_, next) => (outage.isDown ? fail() : next()),
      }),
  }
}

describe('a strict audit', () => {
  test('has stored an access before it says so', async () => {
    const desk = await openDesk()
    await desk.audit.record(access('one'))
    expect(storedTasks(desk)).toEqual(['one'])
    await desk.audit.record(access('two'))
    expect(storedTasks(desk)).toEqual(['one', 'two'])
    await expectInOrder(desk, 0)
  })

  test('puts accesses that come together into one segment, of at most 256', async () => {
    const desk = await openDesk()
    await desk.audit.record(access('first'))
    await Promise.all(tasks(300).map((task) => desk.audit.record(access(task))))
    expect(storedTasks(desk)).toEqual(['first', ...tasks(300)])
    expect(storedSegments(desk).map(({ entries }) => entries.length)).toEqual([1, 256, 44])
    await expectInOrder(desk, 0)
  })

  test('indexes a segment under every person, actor and purpose in it, once', async () => {
    const desk = await openDesk()
    const actor = { id: 'staff:bo', roles: [] }
    await Promise.all([
      desk.audit.record(access('x', { pseudonym: 'anna' })),
      desk.audit.record(access('x', { pseudonym: 'ben', actor })),
      desk.audit.record(access('x', { pseudonym: 'anna', purpose: 'marketing' })),
    ])
    const tokens = [
      ...['anna', 'ben'],
      ...['staff:ida', 'staff:bo'].map((id) => accessToken(desk, 'actor', id)),
      ...['support', 'marketing'].map((name) => accessToken(desk, 'purpose', name)),
    ]
    const index = [...desk.data.rows].filter(([key]) => key.includes('/a/'))
    expect(index.map(([key]) => key).toSorted()).toEqual(
      tokens.map((token) => desk.keyspace.access(token, 0, 0)).toSorted(),
    )
    expect(index.every(([, value]) => value.length === 0)).toBe(true)
  })

  test('blinds actors and purposes, each for itself, so that a key shows neither', async () => {
    const desk = await openDesk()
    const tokens = [
      accessToken(desk, 'actor', 'support'),
      accessToken(desk, 'purpose', 'support'),
      accessToken(desk, 'purpose', 'suppor'),
    ]
    expect(new Set(tokens).size).toBe(3)
    // As long as the pseudonym of a person.
    for (const token of tokens) expect(token).toMatch(/^[A-Za-z0-9_-]{22}$/)
  })

  test('fails with the store, and goes on in the same log when it is back', async () => {
    const outage = { isDown: false }
    const desk = await openDesk(withOutage(outage))
    await desk.audit.record(access('before'))
    outage.isDown = true
    await expect(desk.audit.record(access('lost'))).rejects.toMatchObject({
      code: 'store_unavailable',
      details: { reason: 'busy' },
    })
    outage.isDown = false
    await desk.audit.record(access('after'))
    expect(storedTasks(desk)).toEqual(['before', 'after'])
    expect(new Set(storedSegments(desk).map(({ writer }) => writer))).toEqual(new Set([0]))
  })

  test('can begin while the store is away, and later do it', async () => {
    const outage = { isDown: true }
    const desk = await openDesk(withOutage(outage))
    await Promise.allSettled(tasks(3).map((task) => desk.audit.record(access(task))))
    outage.isDown = false
    await Promise.all(tasks(3).map((task) => desk.audit.record(access(task))))
    expect(storedTasks(desk)).toEqual(tasks(3))
    expect(new Set(storedSegments(desk).map(({ writer }) => writer))).toEqual(new Set([0]))
  })

  test('logs an access once though the answer of the store was lost', async () => {
    let commits = 0
    const desk = await openDesk({
      clock: busyClock(),
      store: (inner) =>
        hookedStore(inner, {
          commit: async (_, next) => {
            commits += 1
            await next()
            if (commits % 2 === 0) throw new PrivityError('outcome_unknown', {})
          },
        }),
    })
    for (const task of tasks(6)) await desk.audit.record(access(task))
    expect(storedTasks(desk)).toEqual(tasks(6))
    await expectInOrder(desk, 0)
  })
})

describe('a deferred audit', () => {
  test('asks the store for nothing before its time has come', async () => {
    const desk = await openDesk({ mode: 'deferred', store: (inner) => hookedStore(inner) })
    for (const task of tasks(255)) await desk.audit.record(access(task))
    desk.clock.advance(999)
    expect(storedTasks(desk)).toEqual([])
    expect(desk.data.rows.size).toBe(0)
  })

  test('stores what came within a second, in one segment', async () => {
    const desk = await openDesk({ mode: 'deferred' })
    await desk.audit.record(access('one'))
    desk.clock.advance(600)
    await desk.audit.record(access('two'))
    desk.clock.advance(400)
    await until(() => storedTasks(desk).length === 2)
    expect(storedSegments(desk)).toHaveLength(1)
    expect(storedTasks(desk)).toEqual(['one', 'two'])
    await expectInOrder(desk, 0)
  })

  test('starts a new second with the next access', async () => {
    const desk = await openDesk({ mode: 'deferred' })
    for (const task of tasks(3)) {
      await desk.audit.record(access(task))
      desk.clock.advance(1_000)
      await until(() => storedTasks(desk).includes(task))
    }
    expect(storedTasks(desk)).toEqual(tasks(3))
    // The note of a minute alone.
    expect(desk.clock.waiting).toBe(1)
  })

  test('stores 256 at once, without waiting for the clock', async () => {
    const desk = await openDesk({ mode: 'deferred' })
    await Promise.all(tasks(256).map((task) => desk.audit.record(access(task))))
    await until(() => storedTasks(desk).length === 256)
    expect(storedTasks(desk)).toEqual(tasks(256))
  })

  test('stores everything when it is asked to, also for several who ask', async () => {
    const desk = await openDesk({ mode: 'deferred' })
    await desk.audit.record(access('one'))
    const first = desk.audit.flush()
    await desk.audit.record(access('two'))
    const others = [1, 2, 3].map(async () => {
      await desk.audit.flush()
      return storedTasks(desk)
    })
    await first
    for (const seen of await Promise.all(others)) expect(seen).toEqual(['one', 'two'])
  })

  test('keeps what it could not store, in order, and stores it once the store is back', async () => {
    const outage = { isDown: false }
    const desk = await openDesk({ ...withOutage(outage), mode: 'deferred' })
    await desk.audit.record(access('one'))
    await desk.audit.flush()
    outage.isDown = true
    await desk.audit.record(access('two'))
    await desk.audit.record(access('three'))
    await expect(desk.audit.flush()).rejects.toMatchObject({ code: 'store_unavailable' })
    await desk.audit.record(access('four'))
    outage.isDown = false
    await desk.audit.flush()
    expect(storedTasks(desk)).toEqual(['one', 'two', 'three', 'four'])
  })

  test('tries again by itself after an outage, though nobody reads', async () => {
    const outage = { isDown: true }
    const desk = await openDesk({ ...withOutage(outage), mode: 'deferred' })
    await desk.audit.record(access('one'))
    for (let second = 0; second < 3; second += 1) {
      await until(() => desk.clock.waiting > 0)
      desk.clock.advance(1_000)
    }
    await until(() => desk.clock.waiting > 0)
    expect(storedTasks(desk)).toEqual([])
    outage.isDown = false
    desk.clock.advance(1_000)
    await until(() => storedTasks(desk).length > 0)
    expect(storedTasks(desk)).toEqual(['one'])
  })

  test('makes readers wait for the store when too much has piled up', async () => {
    const outage = { isDown: true }
    const desk = await openDesk({ ...withOutage(outage), mode: 'deferred' })
    const outcomes = await Promise.allSettled(
      tasks(5_000).map((task) => desk.audit.record(access(task))),
    )
    const refused = outcomes.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    expect(refused.length).toBeLessThan(1_000)
    outage.isDown = false
    await desk.audit.flush()
    const stored = storedTasks(desk)
    expect(new Set(stored).size).toBe(stored.length)
    // Who was refused saw nothing: that is no access.
    expect(stored).toHaveLength(5_000 - refused.length)
  })

  test('does not ask a store that is away again for every reader', async () => {
    const outage = { isDown: false }
    let calls = 0
    const desk = await openDesk({
      mode: 'deferred',
      store: (inner) =>
        hookedStore(inner, {
          read: (_, next) => {
            calls += 1
            return outage.isDown
              ? Promise.reject(new PrivityError('store_unavailable', { reason: 'busy' }))
              : next()
          },
        }),
    })
    await desk.audit.record(access('first'))
    await desk.audit.flush()
    outage.isDown = true
    calls = 0
    await Promise.allSettled(tasks(1_000).map((task) => desk.audit.record(access(task))))
    await Promise.allSettled([desk.audit.flush()])
    outage.isDown = false
    await desk.audit.flush()
    expect(calls).toBeLessThan(100)
    expect(storedTasks(desk)).toHaveLength(1_001)
  })

  test('writes in one commit, segment by segment, what came while another was under way', async () => {
    const commits: number[] = []
    const desk = await openDesk({
      mode: 'deferred',
      store: (inner) =>
        hookedStore(inner, {
          commit: ({ put }, next) => {
            commits.push(put.filter(([key]) => key.includes('/s/')).length)
            return next()
          },
        }),
    })
    for (const task of tasks(1_300)) await desk.audit.record(access(task))
    await desk.audit.flush()
    expect(storedTasks(desk)).toEqual(tasks(1_300))
    const segments = storedSegments(desk).map(({ entries }) => entries.length)
    expect(segments).toEqual([256, 256, 256, 256, 256, 20])
    // The first claims the log.
    expect(commits).toEqual([0, 1, 4, 1])
    await expectInOrder(desk, 0)
  })

  test('writes fewer at a time where all together are too much for the store', async () => {
    const sizes: number[] = []
    const desk = await openDesk({
      mode: 'deferred',
      store: (inner) =>
        hookedStore(inner, {
          commit: ({ put }, next) => {
            const size = put.reduce((sum, [, value]) => sum + value.length, 0)
            if (size > 40_000)
              return Promise.reject(new PrivityError('store_full', { reason: 'quota' }))
            sizes.push(size)
            return next()
          },
        }),
    })
    for (const task of tasks(300)) await desk.audit.record(access(task))
    await desk.audit.flush()
    expect(storedTasks(desk)).toEqual(tasks(300))
    expect(sizes.length).toBeGreaterThan(2)
    await expectInOrder(desk, 0)
  })

  test('keeps the order, and every access, when the longest there are come together', async () => {
    const desk = await openDesk({ mode: 'deferred' })
    const roles = Array.from({ length: 64 }, (_, n) => `${'\u0001'.repeat(250)}${n}`)
    const actor = { id: '\u20ac'.repeat(256), roles }
    for (const task of tasks(20)) await desk.audit.record(access(task, { actor }))
    await desk.audit.flush()
    expect(storedTasks(desk)).toEqual(tasks(20))
    const segments = storedSegments(desk)
    expect(segments.length).toBeGreaterThan(1)
    for (const { bytes } of segments) expect(bytes.length).toBeLessThan(512 * 1_024 - 64)
    await expectInOrder(desk, 0)
  })

  test('loses nothing at the end, and leaves nobody waiting', async () => {
    const desk = await openDesk({ mode: 'deferred' })
    for (const task of tasks(10)) await desk.audit.record(access(task))
    await desk.audit.close()
    expect(storedTasks(desk)).toEqual(tasks(10))
    expect(desk.clock.waiting).toBe(0)
  })
})

describe('writers', () => {
  test('take the first log that is free, each its own', async () => {
    const data = memoryData()
    const desks = await Promise.all([1, 2, 3].map(() => openDesk({ data })))
    for (const desk of desks) await desk.audit.record(access('x'))
    const [first] = desks
    if (first === undefined) throw new TypeError('no desk was opened')
    expect(storedSegments(first).map(({ writer }) => writer)).toEqual([0, 1, 2])
  })

  test('that start at the same moment do not share a log', async () => {
    const data = memoryData()
    const clock = busyClock()
    const desks = await Promise.all(Array.from({ length: 8 }, () => openDesk({ data, clock })))
    await Promise.all(
      desks.flatMap((desk, index) =>
        tasks(5).map((task) => desk.audit.record(access(`${index} ${task}`))),
      ),
    )
    const [first] = desks
    if (first === undefined) throw new TypeError('no desk was opened')
    const logged = storedSegments(first).flatMap(({ writer, entries }) =>
      entries.map(({ task }) => [task.charAt(0), writer] as const),
    )
    const pairs = new Set(logged.map(([sender, writer]) => `${sender} ${writer}`))
    expect(pairs.size).toBe(8)
    expect(new Set(logged.map(([, writer]) => writer)).size).toBe(8)
    expect(storedTasks(first)).toHaveLength(40)
  })

  test('free their log when they close, and another goes on with it', async () => {
    const data = memoryData()
    const first = await openDesk({ data })
    await first.audit.record(access('one'))
    await first.audit.close()
    const second = await openDesk({ data })
    await second.audit.record(access('two'))
    expect(storedSegments(second).map(({ writer, index }) => [writer, index])).toEqual([
      [0, 0],
      [0, 1],
    ])
    await expectInOrder(second, 0)
  })

  test('are taken to be gone after ten idle minutes, not before', async () => {
    const data = memoryData()
    const first = await openDesk({ data })
    await first.audit.record(access('one', { at: first.clock.now() }))
    first.clock.advance(600_000)
    const early = await openDesk({ data, clock: first.clock })
    await early.audit.record(access('two', { at: first.clock.now() }))
    first.clock.advance(1)
    const late = await openDesk({ data, clock: first.clock })
    await late.audit.record(access('three', { at: first.clock.now() }))
    expect(storedSegments(late).map(({ writer, entries }) => [writer, entries[0]?.task])).toEqual([
      [0, 'one'],
      [0, 'three'],
      [1, 'two'],
    ])
  })

  test('that were taken for gone move on to another log, and lose nothing', async () => {
    const data = memoryData()
    const clock = busyClock()
    const first = await openDesk({ data, clock })
    await first.audit.record(access('one', { at: clock.now() }))
    clock.advance(600_001)
    const second = await openDesk({ data, clock })
    await second.audit.record(access('two', { at: clock.now() }))
    await Promise.all(tasks(5).map((task) => first.audit.record(access(task, { at: clock.now() }))))
    const segments = storedSegments(first)
    expect(segments.map(({ writer }) => writer)).toEqual([0, 0, 1])
    expect(storedTasks(first)).toEqual(['one', 'two', ...tasks(5)])
    for (const writer of [0, 1]) await expectInOrder(first, writer)
    await first.audit.close()
    await second.audit.close()
    expect(storedNotes(first)).toEqual(
      expect.arrayContaining([
        { writer: 0, size: 2 },
        { writer: 1, size: 1 },
      ]),
    )
  })

  test('log times that never go back, whatever the clock does', async () => {
    const desk = await openDesk()
    const times = [5, 3, 4, 9, 1, 9, 10]
    for (const [n, second] of times.entries())
      await desk.audit.record(access(`${n}`, { at: START + second * 1_000 }))
    await desk.audit.close()
    const next = await openDesk({ data: desk.data })
    await next.audit.record(access('next', { at: START }))
    const logged = storedSegments(next).flatMap(({ entries }) => entries.map(({ at }) => at))
    expect(logged.map((at) => (at - START) / 1_000)).toEqual([5, 5, 5, 9, 9, 9, 10, 10])
  })

  test('log the time of an access, not that of the claim which came after it', async () => {
    const desk = await openDesk({ mode: 'deferred' })
    await desk.audit.record(access('early', { at: desk.clock.now() }))
    desk.clock.advance(900)
    await desk.audit.flush()
    expect(storedSegments(desk)[0]?.entries[0]?.at).toBe(START)
  })

  test('do not go on with a log whose times lie far ahead', async () => {
    const data = memoryData()
    const wrong = await openDesk({ data })
    wrong.clock.advance(600_001)
    await wrong.audit.record(access('ahead', { at: wrong.clock.now() }))
    await wrong.audit.close()
    const right = await openDesk({ data })
    await right.audit.record(access('now', { at: right.clock.now() }))
    expect(storedSegments(right).map(({ writer, entries }) => [writer, entries[0]?.at])).toEqual([
      [0, START + 600_001],
      [1, START],
    ])
    const third = await openDesk({ data })
    third.clock.advance(1)
    await third.audit.record(access('then', { at: third.clock.now() }))
    expect(storedSegments(third).map(({ writer }) => writer)).toEqual([0, 0, 1])
  })

  test('do not answer for a log that is not what was signed', async () => {
    const data = memoryData()
    const first = await openDesk({ data })
    await first.audit.record(access('one'))
    await first.audit.close()
    const key = first.keyspace.writer(0).head
    const head = JSON.parse(new TextDecoder().decode(data.rows.get(key)))
    const edge = [Buffer.alloc(32).toString('base64url')]
    data.rows.set(key, canonicalBytes({ ...head, edge }))
    const second = await openDesk({ data })
    const details = { kind: 'root' }
    await expect(second.audit.record(access('two'))).rejects.toMatchObject({
      code: 'ledger_inconsistent',
      details,
    })
    await expect(enterTails(second.deps)).rejects.toMatchObject({
      code: 'ledger_inconsistent',
      details,
    })
  })
})

describe('the note of an access log', () => {
  test('is entered into the main log at the end', async () => {
    const desk = await openDesk()
    for (const task of tasks(3)) await desk.audit.record(access(task))
    expect(storedNotes(desk)).toEqual([])
    await desk.audit.close()
    expect(storedNotes(desk)).toEqual([{ writer: 0, size: 3 }])
  })

  test('is entered a minute after an access, also when nobody reads any more', async () => {
    const desk = await openDesk()
    await desk.audit.record(access('one'))
    desk.clock.advance(59_999)
    await desk.audit.record(access('two'))
    await desk.deps.ledger.drain()
    expect(storedNotes(desk)).toEqual([])
    desk.clock.advance(1)
    await until(() => storedNotes(desk).length === 1)
    expect(storedNotes(desk)).toEqual([{ writer: 0, size: 2 }])
    await desk.audit.record(access('three'))
    desk.clock.advance(60_000)
    await until(() => storedNotes(desk).length === 2)
    expect(storedNotes(desk)[1]).toEqual({ writer: 0, size: 3 })
    desk.clock.advance(600_000)
    await desk.deps.ledger.drain()
    expect(storedNotes(desk)).toHaveLength(2)
    await desk.audit.close()
    expect(desk.clock.waiting).toBe(0)
  })

  test('is entered for who died, when anybody opens next, and only once', async () => {
    const data = memoryData()
    const dead = await openDesk({ data })
    for (const task of tasks(3)) await dead.audit.record(access(task))
    const next = await openDesk({ data })
    await enterTails(next.deps)
    expect(storedNotes(next)).toEqual([{ writer: 0, size: 3 }])
    await enterTails(next.deps)
    expect(storedNotes(next)).toHaveLength(1)
    await dead.audit.record(access('not so dead'))
    await enterTails(next.deps)
    expect(storedNotes(next)).toEqual([
      { writer: 0, size: 3 },
      { writer: 0, size: 4 },
    ])
  })

  test('is not entered when nothing was logged', async () => {
    const desk = await openDesk()
    await desk.audit.close()
    await enterTails(desk.deps)
    expect(desk.data.rows.size).toBe(0)
  })

  test('that cannot be entered now does not keep anybody from reading', async () => {
    const desk = await openDesk({
      store: (inner) =>
        hookedStore(inner, {
          commit: ({ put }, next) =>
            put.some(([key]) => key.includes('/l/'))
              ? Promise.reject(new PrivityError('store_full', { reason: 'disk_full' }))
              : next(),
        }),
    })
    await desk.audit.record(access('one'))
    desk.clock.advance(60_000)
    await desk.audit.record(access('two'))
    await desk.audit.record(access('three'))
    expect(storedTasks(desk)).toEqual(['one', 'two', 'three'])
    expect(storedNotes(desk)).toEqual([])
  })
})

describe('closing an app', () => {
  test('that failed with the store is done by asking again, and loses no access', async () => {
    const outage = { isDown: false }
    const data = memoryData()
    const inner = memoryStore({ share: data })
    const store = hookedStore(inner, {
      read: (_, next) =>
        outage.isDown
          ? Promise.reject(new PrivityError('store_unavailable', { reason: 'busy' }))
          : next(),
    })
    const acme = await openAcme(store, { audit: 'deferred' })
    const { id } = await acme.subjects.register()
    await accessorsOf(acme).support.contact.create(id, ANNA)
    await accessorsOf(acme).support.contact.read(id)
    outage.isDown = true
    expect(await refusal(acme.close())).toMatchObject({ code: 'store_unavailable' })
    outage.isDown = false
    await acme.close()
    expect([...data.rows.keys()].filter((key) => key.includes('/w/0000/s/'))).toHaveLength(1)
    await acme.close()
  })
})
