import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  addDuration,
  type Duration,
  fromInstant,
  isDuration,
  systemClock,
  toInstant,
} from '../../src/base/time.ts'

fc.configureGlobal({ seed: 20_261_121 })

const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
const FIRST = -62_167_219_200_000

function at(text: string): number {
  const ms = fromInstant(text)
  if (ms === undefined) throw new TypeError(`not an instant: ${text}`)
  return ms
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
})
afterEach(() => {
  vi.useRealTimers()
})

test.each<[string, Duration, string]>([
  ['2026-01-31T10:00:00.000Z', { months: 1 }, '2026-02-28T10:00:00.000Z'],
  ['2028-01-31T10:00:00.000Z', { months: 1 }, '2028-02-29T10:00:00.000Z'],
  ['2026-01-31T10:00:00.000Z', { months: 2 }, '2026-03-31T10:00:00.000Z'],
  ['2026-03-31T23:59:59.999Z', { months: 1 }, '2026-04-30T23:59:59.999Z'],
  ['2026-12-15T00:00:00.000Z', { months: 1 }, '2027-01-15T00:00:00.000Z'],
  ['2026-08-31T00:00:00.000Z', { months: 18 }, '2028-02-29T00:00:00.000Z'],
  ['2026-05-31T00:00:00.000Z', { months: 0 }, '2026-05-31T00:00:00.000Z'],
  ['2028-02-29T12:30:00.000Z', { years: 1 }, '2029-02-28T12:30:00.000Z'],
  ['2028-02-29T12:30:00.000Z', { years: 4 }, '2032-02-29T12:30:00.000Z'],
  ['2096-02-29T00:00:00.000Z', { years: 4 }, '2100-02-28T00:00:00.000Z'],
  ['2026-06-30T00:00:00.000Z', { years: 10 }, '2036-06-30T00:00:00.000Z'],
  ['2026-02-28T00:00:00.000Z', { days: 1 }, '2026-03-01T00:00:00.000Z'],
  ['2028-02-28T00:00:00.000Z', { days: 1 }, '2028-02-29T00:00:00.000Z'],
  ['2026-12-31T23:00:00.000Z', { hours: 2 }, '2027-01-01T01:00:00.000Z'],
  ['0000-01-31T00:00:00.000Z', { months: 1 }, '0000-02-29T00:00:00.000Z'],
])('%s plus %o is %s', (start, duration, end) => {
  expect(toInstant(addDuration(at(start), duration))).toBe(end)
})

/** Runs with another local time zone, which the rules must not notice. */
function inZone(name: string, run: () => void): void {
  const zone = process.env['TZ']
  process.env['TZ'] = name
  try {
    expect(Intl.DateTimeFormat().resolvedOptions().timeZone).toBe(name)
    run()
  } finally {
    if (zone === undefined) delete process.env['TZ']
    else process.env['TZ'] = zone
  }
}

// Berlin and New York change their clocks in these hours; elapsed time does not care.
test.each([
  ['2026-03-29T00:30:00.000Z', '2026-03-30T00:30:00.000Z'],
  ['2026-10-25T00:30:00.000Z', '2026-10-26T00:30:00.000Z'],
  ['2026-03-08T06:30:00.000Z', '2026-03-09T06:30:00.000Z'],
])('a day from %s is 24 hours in every zone', (start, end) => {
  for (const zone of ['Europe/Berlin', 'America/New_York', 'Pacific/Apia']) {
    inZone(zone, () => {
      expect(toInstant(addDuration(at(start), { days: 1 }))).toBe(end)
      expect(toInstant(addDuration(at(start), { hours: 24 }))).toBe(end)
    })
  }
})

test('months follow the UTC calendar in every zone', () => {
  for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
    inZone(zone, () => {
      const end = addDuration(at('2026-01-31T23:30:00.000Z'), { months: 1 })
      expect(toInstant(end)).toBe('2026-02-28T23:30:00.000Z')
    })
  }
})

test('adding months keeps the time of day and stays within the month asked for', () => {
  const ms = fc.integer({ min: FIRST, max: Date.UTC(2999, 0, 1) })
  fc.assert(
    fc.property(ms, fc.nat(1200), (start, months) => {
      const [from, to] = [new Date(start), new Date(addDuration(start, { months }))]
      const passed =
        (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth()
      expect(passed).toBe(months)
      expect(to.toISOString().slice(-13)).toBe(from.toISOString().slice(-13))
      expect(to.getUTCDate()).toBeLessThanOrEqual(from.getUTCDate())
    }),
  )
})

test('a longer duration ends later', () => {
  const unit = fc.constantFrom('hours', 'days', 'months', 'years')
  fc.assert(
    fc.property(fc.nat(Date.UTC(5000, 0, 1)), unit, fc.nat(500), (start, name, amount) => {
      const [shorter, longer] = [amount, amount + 1].map((it) =>
        addDuration(start, { [name]: it } as Duration),
      )
      expect(longer).toBeGreaterThan(shorter ?? Number.NaN)
    }),
  )
})

test.each<[string, unknown]>([
  ['a negative amount', { days: -1 }],
  ['a fraction', { hours: 0.5 }],
  ['two units', { days: 1, hours: 1 }],
  ['no unit', {}],
  ['an unknown unit', { minutes: 5 }],
  ['a name from the prototype', { toString: 1 }],
  ['a text', { days: '1' }],
  ['a bigint', { days: 1n }],
  ['not a number', { days: Number.NaN }],
  ['infinity', { days: Number.POSITIVE_INFINITY }],
  ['a number', 5],
  ['null', null],
  ['undefined', undefined],
  ['a list', [1]],
])('%s is no duration', (_, value) => {
  expect(isDuration(value)).toBe(false)
  expect(() => addDuration(0, value as Duration)).toThrow(
    expect.objectContaining({ code: 'invalid_input' }),
  )
})

test.each([[{ days: 0 }], [{ hours: 1 }], [{ months: 12 }], [{ years: 7 }]])(
  '%o is a duration',
  (value) => {
    expect(isDuration(value)).toBe(true)
  },
)

test.each<[string, number, Duration]>([
  ['the year 10000', LAST, { hours: 1 }],
  ['a sum no date can hold', 0, { years: Number.MAX_SAFE_INTEGER }],
  ['a start that is no number', Number.NaN, { days: 1 }],
  ['a start before the year 0', FIRST - 1, { days: 0 }],
])('adding refuses %s', (_, start, duration) => {
  expect(() => addDuration(start, duration)).toThrow(
    expect.objectContaining({ code: 'invalid_input' }),
  )
})

test.each([
  ['2026-11-21T09:30:00Z', Date.UTC(2026, 10, 21, 9, 30)],
  ['2026-11-21T09:30:00.5Z', Date.UTC(2026, 10, 21, 9, 30, 0, 500)],
  ['2026-11-21T09:30:00.123Z', Date.UTC(2026, 10, 21, 9, 30, 0, 123)],
  ['2028-02-29T23:59:59.999Z', Date.UTC(2028, 1, 29, 23, 59, 59, 999)],
  ['0000-01-01T00:00:00.000Z', FIRST],
  ['9999-12-31T23:59:59.999Z', LAST],
])('reads %s', (text, ms) => {
  expect(fromInstant(text)).toBe(ms)
})

test.each([
  ['2026-02-30T00:00:00Z'],
  ['2026-02-29T00:00:00Z'],
  ['2026-04-31T00:00:00Z'],
  ['2026-13-01T00:00:00Z'],
  ['2026-00-10T00:00:00Z'],
  ['2026-01-00T00:00:00Z'],
  ['2026-01-01T24:00:00Z'],
  ['2026-01-01T23:60:00Z'],
  ['2026-01-01T23:59:60Z'],
  ['2026-01-01T00:00:00'],
  ['2026-01-01T00:00:00+00:00'],
  ['2026-01-01T00:00:00+02:00'],
  ['2026-01-01T00:00:00-00:00'],
  ['2026-01-01t00:00:00z'],
  ['2026-01-01 00:00:00Z'],
  ['2026-01-01T00:00Z'],
  ['2026-01-01'],
  ['2026-1-1T00:00:00Z'],
  ['2026-01-01T00:00:00.Z'],
  ['2026-01-01T00:00:00.1234Z'],
  ['2026-01-01T00:00:00,5Z'],
  ['+010000-01-01T00:00:00Z'],
  ['-000001-01-01T00:00:00Z'],
  [' 2026-01-01T00:00:00Z'],
  ['2026-01-01T00:00:00Z\n'],
  ['٢٠٢٦-01-01T00:00:00Z'],
  [''],
])('refuses to read %j', (text) => {
  expect(fromInstant(text)).toBeUndefined()
})

test('an instant reads back as the same millisecond', () => {
  fc.assert(
    fc.property(fc.integer({ min: FIRST, max: LAST }), (ms) => {
      expect(fromInstant(toInstant(ms))).toBe(ms)
    }),
  )
})

test.each([[FIRST - 1], [LAST + 1], [Number.NaN], [Number.POSITIVE_INFINITY]])(
  'refuses to write %d as an instant',
  (ms) => {
    expect(() => toInstant(ms)).toThrow(expect.objectContaining({ code: 'invalid_input' }))
  },
)

test('the system clock tells the time of the platform', () => {
  vi.setSystemTime(1_234)
  expect(systemClock().now()).toBe(1_234)
})

test('waiting takes as long as asked for, and no longer', async () => {
  let done = false
  const waiting = systemClock()
    .wait(1_000)
    .then(() => {
      done = true
    })
  await vi.advanceTimersByTimeAsync(999)
  expect(done).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  await waiting
  expect(done).toBe(true)
})

test('waiting stops with the reason of the signal and leaves no timer', async () => {
  const abort = new AbortController()
  const waiting = systemClock().wait(1_000, abort.signal)
  abort.abort('enough')
  await expect(waiting).rejects.toBe('enough')
  expect(vi.getTimerCount()).toBe(0)
})

test('waiting does not begin under a signal that has aborted', async () => {
  await expect(systemClock().wait(1_000, AbortSignal.abort('before'))).rejects.toBe('before')
  expect(vi.getTimerCount()).toBe(0)
})

test('a signal that aborts after the wait changes nothing', async () => {
  const abort = new AbortController()
  const waiting = systemClock().wait(5, abort.signal)
  await vi.advanceTimersByTimeAsync(5)
  await expect(waiting).resolves.toBeUndefined()
  abort.abort('late')
})

test('a wait beyond 24 days does not fire at once', async () => {
  let done = false
  void systemClock()
    .wait(2 ** 31 + 10)
    .then(() => {
      done = true
    })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(done).toBe(false)
})

test.each([
  ['a pending wait keeps the process alive, for somebody awaits it', 'wait', true],
  ['a pending rest does not keep the process alive', 'rest', false],
] as const)('%s', (_, way, alive) => {
  vi.useRealTimers()
  const timer = vi.spyOn(globalThis, 'setTimeout')
  const abort = new AbortController()
  const waiting = systemClock()[way](60_000, abort.signal)
  const [made] = timer.mock.results
  timer.mockRestore()
  expect(made?.value.hasRef()).toBe(alive)
  abort.abort('done')
  return expect(waiting).rejects.toBe('done')
})
