import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memoryData, memoryStore } from '../../src/adapters/memory.ts'
import type { AccessFilter, AccessQueryOptions } from '../../src/audit/filter.ts'
import type { AccessRecord, AuditFace } from '../../src/audit/query.ts'
import type { Access } from '../../src/audit/segment.ts'
import { fromUtf8, utf8 } from '../../src/base/bytes.ts'
import { canonicalBytes } from '../../src/base/canonical.ts'
import { toInstant } from '../../src/base/time.ts'
import type { Key } from '../../src/storage/store.ts'
import { collect, eagerClock, type FakeClock, refusal, START } from '../support/acme.ts'
import { access, type Desk, faceOf, openDesk } from '../support/audit-desk.ts'
import { type HookedStore, hookedStore } from '../support/hooked-store.ts'
import { type Place, type StoreName, STORES } from '../support/stores.ts'

const ACTIONS = ['read', 'find', 'list', 'refused'] as const

/** One access of the model, by the numbers that it is made of. */
interface Step {
  readonly desk: number
  readonly person: number
  readonly actor: number
  readonly purpose: number
  readonly action: Access['action']
  /** By how much the clock moves before, also backwards; milliseconds. */
  readonly moves: number
  /** Waits for everything before it. */
  readonly settles: boolean
}

/** An access as it should have been logged. */
interface Expected {
  readonly access: Access
  readonly writer: number
}

const step: fc.Arbitrary<Step> = fc.record({
  desk: fc.nat(1),
  person: fc.nat(3),
  actor: fc.nat(2),
  purpose: fc.nat(2),
  action: fc.constantFrom(...ACTIONS),
  moves: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -40, max: 100 }) },
  ),
  settles: fc.boolean(),
})

const SPAN = 1_000
const moment = fc.integer({ min: -SPAN, max: SPAN }).map((ms) => toInstant(START + ms))
const filter: fc.Arbitrary<AccessFilter> = fc
  .record(
    {
      subjectId: fc.nat(4).map((n) => `person-${n}`),
      actor: fc.nat(3).map((n) => `staff:${n}`),
      purpose: fc.nat(3).map((n) => `purpose-${n}`),
      action: fc.constantFrom(...ACTIONS),
      from: moment,
      to: moment,
    },
    { requiredKeys: [] },
  )
  .filter(({ from, to }) => from === undefined || to === undefined || from < to)

/** A strict and a deferred instance on one store, as writers 0 and 1. */
async function openTwo(
  place: Pick<Place, 'store'>,
  clock: FakeClock,
): Promise<readonly [Desk, Desk]> {
  const desks = [
    await openDesk({ inner: place.store(), clock, mode: 'strict' }),
    await openDesk({ inner: place.store(), clock, mode: 'deferred' }),
  ] as const
  for (const desk of desks) {
    await desk.audit.record(access('first', { pseudonym: 'nobody', at: START - SPAN }))
    await desk.audit.flush()
  }
  return desks
}

/** Plays the steps; gives what should be logged, in the order of the answer to every query. */
async function play(
  desks: readonly Desk[],
  clock: FakeClock,
  steps: readonly Step[],
): Promise<readonly Expected[]> {
  const expected: Expected[] = []
  const last = [0, 0]
  let waiting: Promise<void>[] = []
  for (const [nth, { desk, person, actor, purpose, action, moves, settles }] of steps.entries()) {
    clock.advance(moves)
    const made = access(`task ${nth}`, {
      pseudonym: `person-${person}`,
      actor: { id: `staff:${actor}`, roles: ['agent'] },
      purpose: `purpose-${purpose}`,
      action,
      at: clock.now(),
    })
    const at = Math.max(last[desk] ?? 0, made.at)
    last[desk] = at
    expected.push({ access: { ...made, at }, writer: desk })
    waiting.push(desks[desk]?.audit.record(made) ?? Promise.resolve())
    if (!settles) continue
    await Promise.all(waiting)
    await desks[desk]?.audit.flush()
    waiting = []
  }
  await Promise.all([...waiting])
  for (const desk of desks) await desk.audit.flush()
  return expected.toSorted((a, b) => a.access.at - b.access.at || a.writer - b.writer)
}

function fits(
  { subjectId, actor, purpose, action, from, to }: AccessFilter,
  logged: Access,
): boolean {
  const at = toInstant(logged.at)
  return (
    (subjectId ?? logged.pseudonym) === logged.pseudonym &&
    (actor ?? logged.actor.id) === logged.actor.id &&
    (purpose ?? logged.purpose) === logged.purpose &&
    (action ?? logged.action) === logged.action &&
    (from ?? at) <= at &&
    (to === undefined || at < to)
  )
}

function told(records: readonly AccessRecord[]): readonly unknown[] {
  return records
    .filter(({ task }) => task !== 'first')
    .map(({ at, actor, purpose, action, task, pseudonym }) => [
      at,
      actor.id,
      purpose,
      action,
      task,
      pseudonym,
    ])
}

function expectedOf(logged: readonly Expected[]): readonly unknown[] {
  return logged.map(({ access: { at, actor, purpose, action, task, pseudonym } }) => [
    toInstant(at),
    actor.id,
    purpose,
    action,
    task,
    pseudonym,
  ])
}

const NAMES = Object.keys(STORES) as readonly StoreName[]
const RUNS: { readonly [N in StoreName]: number } = {
  memory: 60,
  'better-sqlite3': 15,
  'node:sqlite': 15,
}

/** On a store of its own, which is thrown away. */
async function onStore(name: StoreName, run: (place: Place) => Promise<void>): Promise<void> {
  const place = STORES[name]()
  try {
    await run(place)
  } finally {
    place.dispose()
  }
}

async function readPages(
  face: AuditFace,
  wanted: AccessFilter,
  limit: number,
): Promise<readonly AccessRecord[]> {
  const pages: AccessRecord[] = []
  for (;;) {
    const after = pages.at(-1)?.cursor
    const page = await collect(
      face.query(wanted, { limit, ...(after === undefined ? {} : { after }) }),
    )
    pages.push(...page)
    if (page.length < limit) return pages
  }
}

describe('a query', () => {
  test.for(NAMES)(
    'says what a naive list says, whole and page by page [%s]',
    { timeout: 60_000 },
    async (name) => {
      const steps = fc.array(step, { maxLength: 40 })
      const filters = fc.array(filter, { minLength: 1, maxLength: 6 })
      const limits = fc.integer({ min: 1, max: 9 })
      await fc.assert(
        fc.asyncProperty(steps, filters, limits, (played, asked, limit) =>
          onStore(name, async (place) => {
            const clock = eagerClock()
            const desks = await openTwo(place, clock)
            const logged = await play(desks, clock, played)
            for (const [at, wanted] of asked.entries()) {
              const face = faceOf(desks[at % 2] ?? desks[0])
              const answer = expectedOf(logged.filter((one) => fits(wanted, one.access)))
              expect(told(await collect(face.query(wanted)))).toEqual(answer)
              expect(told(await readPages(face, wanted, limit))).toEqual(answer)
            }
          }),
        ),
        { numRuns: RUNS[name] },
      )
    },
  )

  test('tells everything that was logged about an access', async () => {
    const desk = await openDesk()
    await desk.audit.record(access('ticket-7', { action: 'refused', reasons: ['role'] }))
    const { task: _, ...taskless } = access('none', { pseudonym: 'ben' })
    await desk.audit.record(taskless)
    const [refused, other] = await collect(faceOf(desk).query())
    expect(refused).toEqual({
      at: '2026-11-21T09:00:00.000Z',
      actor: { id: 'staff:ida', roles: ['agent'] },
      purpose: 'support',
      record: 'contact',
      action: 'refused',
      classes: ['1'],
      task: 'ticket-7',
      reasons: ['role'],
      pseudonym: 'q83vASNFZ4mrze8BI0VniQ',
      cursor: expect.any(String),
    })
    expect(Object.keys(other ?? {})).toEqual([
      'at',
      'actor',
      'purpose',
      'record',
      'action',
      'classes',
      'pseudonym',
      'cursor',
    ])
    for (const part of [refused, refused?.actor, refused?.actor.roles, refused?.classes])
      expect(Object.isFrozen(part)).toBe(true)
  })

  test('names the person only when the person was asked for', async () => {
    const desk = await openDesk()
    await desk.audit.record(access('x', { pseudonym: 'anna' }))
    const face = faceOf(desk)
    expect(await collect(face.query({ subjectId: 'anna' }))).toMatchObject([{ subjectId: 'anna' }])
    const [record] = await collect(face.query({ actor: 'staff:ida' }))
    expect(Object.keys(record ?? {})).not.toContain('subjectId')
  })

  test('on an empty store has no answer, and writes nothing', async () => {
    const desk = await openDesk()
    const face = faceOf(desk)
    expect(await collect(face.query())).toEqual([])
    expect(await collect(face.query({ subjectId: 'anna' }))).toEqual([])
    expect(await collect(face.query({ purpose: 'nobody had this' }))).toEqual([])
    expect(desk.data.rows.size).toBe(0)
  })

  test('reads what its index says and little more, whatever else was logged', async () => {
    const desk = await openDesk({ store: (inner) => hookedStore(inner) })
    const { reads } = desk.store as HookedStore
    for (let minute = 0; minute < 300; minute += 1) {
      const pseudonym = minute % 100 === 50 ? 'anna' : `other-${minute}`
      const at = START + minute * 60_000
      await desk.audit.record(access(`${minute}`, { pseudonym, at }))
    }
    async function readsOf(wanted: AccessFilter): Promise<number> {
      const before = reads.flat().length
      await collect(faceOf(desk).query(wanted))
      return reads.flat().length - before
    }
    // Three segments with their leaves, a head, and the catalogue.
    expect(await readsOf({ subjectId: 'anna' })).toBeLessThanOrEqual(8)
    const hour = { from: toInstant(START + 7_200_000), to: toInstant(START + 7_500_000) }
    // Nine steps of halving, and a page.
    expect(await readsOf(hour)).toBeLessThanOrEqual(64 + 2 * (9 + 8 + 8) + 1)
    expect(await collect(faceOf(desk).query(hour))).toHaveLength(5)
  })

  test('goes on behind a cursor, though more was logged meanwhile', async () => {
    const clock = eagerClock()
    const data = memoryData()
    const desks = await Promise.all([1, 2, 3].map(() => openDesk({ data, clock })))
    for (const [at, { audit }] of [...desks, ...desks].entries()) {
      clock.advance(at < 3 ? 0 : 1)
      await audit.record(access(`task ${at}`, { at: clock.now() }))
    }
    const face = faceOf(desks[0] ?? fail())
    const first = await collect(face.query({}, { limit: 2 }))
    for (const { audit } of desks) await audit.record(access('later', { at: clock.now() + 1 }))
    const after = first.at(-1)?.cursor ?? ''
    const rest = await collect(face.query({}, { after }))
    expect([...first, ...rest].map(({ task }) => task)).toEqual([
      ...['task 0', 'task 1', 'task 2', 'task 3', 'task 4', 'task 5'],
      ...['later', 'later', 'later'],
    ])
    expect(await collect(face.query({}, { after: rest.at(-1)?.cursor ?? '' }))).toEqual([])
  })

  test('ends, though somebody goes on reading', async () => {
    const desk = await openDesk()
    for (let n = 0; n < 20; n += 1) await desk.audit.record(access(`task ${n}`))
    let count = 0
    for await (const _ of faceOf(desk).query({ subjectId: ANNA })) {
      count += 1
      await desk.audit.record(access('another'))
    }
    expect(count).toBe(20)
    expect(await collect(faceOf(desk).query({ subjectId: ANNA }))).toHaveLength(40)
  })

  test('tells what this instance has deferred', async () => {
    const desk = await openDesk({ mode: 'deferred' })
    await desk.audit.record(access('just now'))
    expect(await collect(faceOf(desk).query())).toMatchObject([{ task: 'just now' }])
  })

  test('can be left early, or limited, as often as one likes', async () => {
    const desk = await openDesk()
    await Promise.all(Array.from({ length: 300 }, (_, n) => desk.audit.record(access(`task ${n}`))))
    const face = faceOf(desk)
    for await (const { task } of face.query()) if (task === 'task 7') break
    expect(await collect(face.query({}, { limit: 3 }))).toHaveLength(3)
    expect(await collect(face.query({}, { limit: Number.MAX_SAFE_INTEGER }))).toHaveLength(300)
  })
})

describe('aborting a query', () => {
  test('ends it where it is, with the reason', async () => {
    const desk = await openDesk()
    for (let n = 0; n < 20; n += 1) await desk.audit.record(access(`task ${n}`))
    const stop = new AbortController()
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const { task } of faceOf(desk).query({}, { signal: stop.signal })) {
        seen.push(task)
        if (seen.length === 5) stop.abort(new RangeError('enough'))
      }
    })()
    await expect(reading).rejects.toBeInstanceOf(RangeError)
    expect(seen).toHaveLength(5)
    await expect(collect(faceOf(desk).query({}, { signal: stop.signal }))).rejects.toBeInstanceOf(
      RangeError,
    )
  })

  test('does not wait for a store that hangs', async () => {
    let isHanging = false
    const desk = await openDesk({
      store: (inner) =>
        hookedStore(inner, {
          read: (_, next) => (isHanging ? new Promise(() => undefined) : next()),
        }),
    })
    await desk.audit.record(access('x'))
    const stop = new AbortController()
    isHanging = true
    const reading = collect(faceOf(desk).query({}, { signal: stop.signal }))
    stop.abort(new RangeError('enough'))
    await expect(reading).rejects.toBeInstanceOf(RangeError)
  })
})

describe('a hostile store', () => {
  const SEGMENT = { origin: 'privity/00112233445566778899aabbccddeeff/access/0', kind: 'segment' }

  async function openFive(): Promise<Desk> {
    const desk = await openDesk()
    for (let n = 0; n < 5; n += 1) await desk.audit.record(access(`task ${n}`))
    return desk
  }

  function ask(desk: Desk, wanted: AccessFilter = { subjectId: ANNA }): Promise<unknown> {
    return collect(faceOf(desk).query(wanted)).then((records) => records.map(({ task }) => task))
  }

  const FIVE = [0, 1, 2, 3, 4].map((n) => `task ${n}`)

  test('that lost a segment is found out, by an index and without', async () => {
    const desk = await openFive()
    desk.data.rows.delete(desk.keyspace.segment(0, 2))
    for (const wanted of [{ subjectId: ANNA }, {}, { purpose: 'support' }])
      expect(await refusal(ask(desk, wanted))).toEqual({
        code: 'ledger_inconsistent',
        details: SEGMENT,
      })
  })

  test('that lost a leaf, or changed it, is found out', async () => {
    for (const change of [
      (rows: Map<Key, Uint8Array>, key: Key) => rows.delete(key),
      (rows: Map<Key, Uint8Array>, key: Key) => rows.set(key, utf8('{"b":"","s":"","v":1}')),
    ]) {
      const desk = await openFive()
      change(desk.data.rows, desk.keyspace.writer(0).leaf(3))
      expect(await refusal(ask(desk))).toEqual({ code: 'ledger_inconsistent', details: SEGMENT })
    }
  })

  test('that changed a segment, or put it elsewhere, is found out', async () => {
    const flipped = await openFive()
    const key = flipped.keyspace.segment(0, 1)
    const sealed = flipped.data.rows.get(key) ?? fail()
    sealed[40] = (sealed[40] ?? 0) ^ 1
    expect(await refusal(ask(flipped))).toMatchObject({ code: 'decryption_failed' })
    const moved = await openFive()
    const other = moved.data.rows.get(moved.keyspace.segment(0, 2)) ?? fail()
    moved.data.rows.set(moved.keyspace.segment(0, 1), other)
    expect(await refusal(ask(moved))).toMatchObject({ code: 'decryption_failed' })
  })

  test('that changed a head is found out', async () => {
    const desk = await openFive()
    const key = desk.keyspace.writer(0).head
    const head = JSON.parse(fromUtf8(desk.data.rows.get(key) ?? fail()) ?? '')
    desk.data.rows.set(key, canonicalBytes({ ...head, size: 4 }))
    expect(await refusal(ask(desk))).toMatchObject({ code: 'ledger_inconsistent' })
  })

  test('that forged index rows shows nothing twice, and nothing of others', async () => {
    const data = memoryData()
    const desk = await openDesk({ data })
    for (let n = 0; n < 5; n += 1) await desk.audit.record(access(`task ${n}`))
    await desk.audit.record(access('of ben', { pseudonym: 'ben' }))
    const { keyspace } = desk
    const prefix = keyspace.writerAccesses(ANNA, 0)
    const forged = [
      keyspace.access(ANNA, 0, 5),
      keyspace.access(ANNA, 0, 77),
      keyspace.access(ANNA, 9, 0),
      `${prefix}!`,
      `${prefix}000000000001x`,
      `${prefix}1`,
      `${prefix}zz`,
      `${keyspace.accesses(ANNA)}!/x`,
      `${keyspace.accesses(ANNA)}0000`,
      `${keyspace.accesses(ANNA)}00000/000000000001`,
    ]
    const store = memoryStore({ share: data })
    await store.open()
    await store.commit({
      checks: [],
      put: forged.map((key) => [key, new Uint8Array(0)]),
      del: [],
    })
    expect(await ask(desk)).toEqual(FIVE)
    expect(await ask(desk, {})).toEqual([...FIVE, 'of ben'])
  })
})

describe('bad input', () => {
  const FACE = openDesk().then(faceOf)
  const cases: readonly (readonly [unknown, unknown, readonly unknown[], string])[] = [
    [null, undefined, [], 'invalid_type'],
    ['anna', undefined, [], 'invalid_type'],
    [{ subject: 'anna' }, undefined, [], 'unrecognized_keys'],
    [{ subjectId: 7 }, undefined, ['subjectId'], 'invalid_type'],
    [{ actor: '' }, undefined, ['actor'], 'too_small'],
    [{ actor: 'x'.repeat(257) }, undefined, ['actor'], 'too_big'],
    [{ actor: '\ud800' }, undefined, ['actor'], 'custom'],
    [{ purpose: ['support'] }, undefined, ['purpose'], 'invalid_type'],
    [{ action: 'write' }, undefined, ['action'], 'invalid_value'],
    [{ from: 'yesterday' }, undefined, ['from'], 'not_an_instant'],
    [{ to: '2026-02-30T00:00:00Z' }, undefined, ['to'], 'not_an_instant'],
    [{ from: new Date() }, undefined, ['from'], 'invalid_type'],
    [
      { from: '2026-11-22T00:00:00Z', to: '2026-11-21T00:00:00Z' },
      undefined,
      ['to'],
      'not_after_from',
    ],
    [
      { from: '2026-11-22T00:00:00Z', to: '2026-11-22T00:00:00Z' },
      undefined,
      ['to'],
      'not_after_from',
    ],
    [{}, null, [], 'invalid_type'],
    [{}, { limit: 0 }, ['limit'], 'too_small'],
    [{}, { limit: 1.5 }, ['limit'], 'invalid_type'],
    [{}, { limit: Number.POSITIVE_INFINITY }, ['limit'], 'invalid_type'],
    [{}, { signal: {} }, ['signal'], 'custom'],
    [{}, { page: 1 }, [], 'unrecognized_keys'],
    ...[
      '',
      '0',
      '1.2.3',
      '1.2.3.4.5',
      '01.0.0.0',
      '1.0.0.-1',
      '1.0.0.1e3',
      'x.0.0.0',
      '1 .0.0.0',
    ].map((after) => [{}, { after }, ['after'], 'not_a_cursor'] as const),
    [{}, { after: `${'9'.repeat(16)}.0.0.0` }, ['after'], 'not_a_cursor'],
  ]

  test.for(cases)('is refused with its path: %j, %j', async ([wanted, options, path, code]) => {
    const face = await FACE
    const query = face.query(wanted as AccessFilter, options as AccessQueryOptions)
    expect(await refusal(collect(query))).toMatchObject({
      code: 'invalid_input',
      details: { issues: [{ path, code }] },
    })
  })

  test('a cursor from nowhere shows what lies behind it, and no harm is done', async () => {
    const desk = await openDesk()
    for (let n = 0; n < 3; n += 1) await desk.audit.record(access(`task ${n}`))
    const face = faceOf(desk)
    const behind = async (after: string): Promise<number> =>
      (await collect(face.query({}, { after }))).length
    expect(await behind('0.0.0.0')).toBe(2)
    expect(await behind('0.0.1.999')).toBe(1)
    expect(await behind('0.0.999999999999999.0')).toBe(0)
    expect(await behind('0.9999.0.0')).toBe(3)
    expect(await behind('999999999999999.9999.0.0')).toBe(0)
  })
})

/** Pseudonym of the person in {@link access}. */
const ANNA = 'q83vASNFZ4mrze8BI0VniQ'

function fail(): never {
  throw new TypeError('what should be there is not')
}
