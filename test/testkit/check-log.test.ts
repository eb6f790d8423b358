import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkLog,
  type LogEvent,
  type LogFaultKind,
  type LogHistory,
  type LogRow,
} from '../../src/testkit/check-log.ts'

const RUNS = { numRuns: 500, seed: 20_261_122 }

const begin = (entry: string): LogEvent => ({ kind: 'begin', entry })
const applied = (entry: string, index: number): LogEvent => ({ kind: 'applied', entry, index })
const failed = (entry: string): LogEvent => ({ kind: 'failed', entry })
const unknown = (entry: string): LogEvent => ({ kind: 'unknown', entry })
const rows = (...entries: readonly string[]): readonly LogRow[] =>
  entries.map((entry, index) => ({ index, entry }))

const GOOD: { readonly [what: string]: LogHistory } = {
  nothing: { events: [], log: [] },
  'one entry': { events: [begin('a'), applied('a', 0)], log: rows('a') },
  'two at once, in the other order': {
    events: [begin('a'), begin('b'), applied('a', 1), applied('b', 0)],
    log: rows('b', 'a'),
  },
  'a refusal': { events: [begin('a'), failed('a')], log: [] },
  'a doubt that came true': { events: [begin('a'), unknown('a')], log: rows('a') },
  'a doubt that did not': { events: [begin('a'), unknown('a')], log: [] },
  'a call that never ended': { events: [begin('a')], log: rows('a') },
  'a retry of a doubt': {
    events: [begin('a'), unknown('a'), begin('a'), applied('a', 0)],
    log: rows('a'),
  },
  'an answer given twice': {
    events: [begin('a'), applied('a', 0), begin('a'), applied('a', 0)],
    log: rows('a'),
  },
  'a refusal beside a doubt': {
    events: [begin('a'), begin('a'), failed('a'), unknown('a')],
    log: rows('a'),
  },
}

const BAD: { readonly [what: string]: readonly [LogFaultKind, LogHistory] } = {
  'an acknowledged entry is not there': [
    'lost',
    { events: [begin('a'), applied('a', 0)], log: [] },
  ],
  'a gap': ['gap', { events: [begin('a'), applied('a', 1)], log: [{ index: 1, entry: 'a' }] }],
  'rows that were read backwards': [
    'gap',
    {
      events: [begin('a'), begin('b'), applied('a', 0), applied('b', 1)],
      log: [...rows('a', 'b')].reverse(),
    },
  ],
  'an entry elsewhere': [
    'moved',
    { events: [begin('a'), unknown('a'), begin('b'), applied('b', 0)], log: rows('a', 'b') },
  ],
  'two answers for one entry': [
    'moved',
    {
      events: [begin('a'), applied('a', 0), begin('a'), applied('a', 1)],
      log: rows('a', 'a'),
    },
  ],
  'an entry twice': ['repeated', { events: [begin('a'), applied('a', 0)], log: rows('a', 'a') }],
  'an index that two were given': [
    'index_given_twice',
    { events: [begin('a'), begin('b'), applied('a', 0), applied('b', 0)], log: rows('a') },
  ],
  'a refused entry that is there': [
    'refused_but_there',
    { events: [begin('a'), failed('a')], log: rows('a') },
  ],
  'an entry that nobody asked for': ['unasked', { events: [], log: rows('a') }],
  'an entry before one that it came after': [
    'out_of_order',
    {
      events: [begin('a'), applied('a', 1), begin('b'), applied('b', 0)],
      log: rows('b', 'a'),
    },
  ],
  'a doubtful entry before one that it came after': [
    'out_of_order',
    { events: [begin('a'), applied('a', 1), begin('b'), unknown('b')], log: rows('b', 'a') },
  ],
  'an answer to nobody': ['bad_history', { events: [applied('a', 0)], log: rows('a') }],
  'an acknowledgement without a place': [
    'bad_history',
    { events: [begin('a'), { kind: 'applied', entry: 'a' }], log: rows('a') },
  ],
  'a refusal with a place': [
    'bad_history',
    { events: [begin('a'), { kind: 'failed', entry: 'a', index: 0 }], log: [] },
  ],
}

describe('checkLog', () => {
  test.each(Object.entries(GOOD))('finds nothing wrong with %s', (_, history) => {
    expect(checkLog(history)).toEqual([])
  })

  test.each(Object.entries(BAD))('finds %s', (_, [kind, history]) => {
    expect(checkLog(history).map((fault) => fault.kind)).toContain(kind)
  })

  test('takes linear time', () => {
    const names = Array.from({ length: 200_000 }, (_, index) => `entry ${index}`)
    const events = names.flatMap((entry, index) => [begin(entry), applied(entry, index)])
    const before = performance.now()
    expect(checkLog({ events, log: names.map((entry, index) => ({ index, entry })) })).toEqual([])
    expect(performance.now() - before).toBeLessThan(5_000)
  })
})

/** What writers of a model do: begin, be applied at a moment in between, and be told. */
type Step =
  | { readonly kind: 'begin' }
  | { readonly kind: 'apply' | 'tell' | 'forget' | 'refuse' | 'retry'; readonly which: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: 'begin' } as const) },
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constantFrom('apply', 'apply', 'tell', 'tell', 'forget', 'refuse', 'retry'),
      which: fc.nat(4),
    }),
  },
)

interface Writer {
  readonly entry: string
  open: number
  index: number | undefined
}

/** A log that is right by construction, and its history. */
function model(steps: readonly Step[]): LogHistory {
  const writers: Writer[] = []
  const events: LogEvent[] = []
  const log: LogRow[] = []
  for (const one of steps) {
    if (one.kind === 'begin') {
      writers.push({ entry: `e${writers.length}`, open: 1, index: undefined })
      events.push(begin(`e${writers.length - 1}`))
      continue
    }
    const writer = writers[writers.length - 1 - one.which]
    if (writer !== undefined) act(one.kind, writer, { events, log })
  }
  return { events, log }
}

interface Made {
  readonly events: LogEvent[]
  readonly log: LogRow[]
}

function act(kind: Exclude<Step['kind'], 'begin'>, writer: Writer, { events, log }: Made): void {
  const { entry } = writer
  if (kind === 'retry') {
    writer.open += 1
    events.push(begin(entry))
    return
  }
  if (writer.open === 0) return
  if (kind === 'apply') {
    if (writer.index !== undefined) return
    writer.index = log.length
    log.push({ index: log.length, entry })
    return
  }
  if (kind === 'tell' && writer.index === undefined) return
  if (kind === 'refuse' && (writer.index !== undefined || writer.open > 1)) return
  writer.open -= 1
  if (kind === 'tell' && writer.index !== undefined) events.push(applied(entry, writer.index))
  else events.push(kind === 'refuse' ? failed(entry) : unknown(entry))
}

const history = fc.array(step, { minLength: 30, maxLength: 90 }).map(model)

describe('against a model', () => {
  test('every history of a right log passes', () => {
    fc.assert(
      fc.property(history, (made) => {
        expect(checkLog(made)).toEqual([])
      }),
      RUNS,
    )
  })

  test('a log that lost an acknowledged entry never does', () => {
    spoil(({ events, log }) => {
      const told = new Set(events.flatMap(({ kind, entry }) => (kind === 'applied' ? [entry] : [])))
      const at = log.findIndex(({ entry }) => told.has(entry))
      return at < 0 ? undefined : log.filter((_, index) => index !== at)
    })
  })

  test('a log with an entry twice never does', () => {
    spoil(({ log }) => {
      const [first] = log
      return first === undefined ? undefined : [...log, { ...first, index: log.length }]
    })
  })

  test('a log whose acknowledged entries changed places never does', () => {
    spoil(({ events, log }) => {
      const told = new Set(events.flatMap(({ kind, entry }) => (kind === 'applied' ? [entry] : [])))
      const at = log.findIndex(({ entry }, index) => told.has(entry) && index + 1 < log.length)
      const [one, other] = [log[at], log[at + 1]]
      if (at < 0 || one === undefined || other === undefined) return undefined
      const swapped = [...log]
      swapped[at] = { ...other, index: at }
      swapped[at + 1] = { ...one, index: at + 1 }
      return swapped
    })
  })
})

/** Holds histories against a log that was spoilt; at least a hundred of them. */
function spoil(change: (history: LogHistory) => readonly LogRow[] | undefined): void {
  let spoilt = 0
  fc.assert(
    fc.property(history, (made) => {
      const log = change(made)
      if (log === undefined) return
      spoilt += 1
      expect(checkLog({ ...made, log })).not.toEqual([])
    }),
    RUNS,
  )
  expect(spoilt).toBeGreaterThan(100)
}
