import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addDuration, type Duration, fromInstant, toInstant } from '../../src/base/time.ts'
import type { Retention } from '../../src/policy/retention.ts'
import { endOf } from '../../src/policy/retention-rules.ts'
import { clockAt, isZone, momentOf } from '../../src/policy/zone.ts'

const SEVEN: Retention = { keep: { years: 7 }, from: 'created', until: 'end_of_year' }
const QUARTER = 900_000
const DAY = 96 * QUARTER

const zones = fc.constantFrom(...Intl.supportedValuesOf('timeZone'))
const moments = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) })
// Half of them in the days about a new year, where zones disagree.
const starts = fc.oneof(
  moments,
  fc
    .tuple(fc.integer({ min: 1971, max: 2099 }), fc.integer({ min: -2 * DAY, max: 2 * DAY }))
    .map(([year, off]) => Date.UTC(year, 0, 1) + off),
)
const durations: fc.Arbitrary<Duration> = fc.oneof(
  fc.record({ days: fc.nat(5_000) }),
  fc.record({ months: fc.nat(200) }),
  fc.record({ years: fc.nat(40) }),
  fc.record({ hours: fc.nat(100_000) }),
)

function end(rule: Omit<Retention, 'from'>, created: string | number): string {
  const ms = typeof created === 'number' ? created : Date.parse(created)
  return toInstant(endOf({ from: 'created', ...rule }, { created: ms }) ?? 0)
}

/** Year, month, day, hour, minute and second of a clock, read in another way than the source does. */
function shownAt(ms: number, timeZone: string): readonly number[] {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    dateStyle: 'short',
    timeStyle: 'medium',
  }).formatToParts(ms)
  const part = (type: string): number => Number(parts.find((it) => it.type === type)?.value)
  return ['year', 'month', 'day', 'hour', 'minute', 'second'].map(part)
}

function yearAt(ms: number, zone: string): number {
  return shownAt(ms, zone)[0] ?? Number.NaN
}

describe('the end of a year in a zone', () => {
  test.each([
    ['Europe/Amsterdam', '2026-12-31T22:59:59.999Z', '2033-12-31T23:00:00.000Z'],
    ['Europe/Amsterdam', '2026-12-31T23:30:00Z', '2034-12-31T23:00:00.000Z'],
    ['Europe/London', '2026-12-31T23:30:00Z', '2034-01-01T00:00:00.000Z'],
    ['America/St_Johns', '2027-01-01T03:29:59.999Z', '2034-01-01T03:30:00.000Z'],
    ['America/St_Johns', '2027-01-01T03:30:00Z', '2035-01-01T03:30:00.000Z'],
    ['Pacific/Apia', '2026-12-31T11:00:00Z', '2034-12-31T11:00:00.000Z'],
    ['Pacific/Pago_Pago', '2027-01-01T10:59:59Z', '2034-01-01T11:00:00.000Z'],
    // Samoa had summer time, ten hours behind UTC, then skipped 30 December 2011, and was fourteen ahead.
    ['Pacific/Apia', '2003-12-30T12:00:00Z', '2011-01-01T10:00:00.000Z'],
    ['Pacific/Apia', '2004-12-30T12:00:00Z', '2011-12-31T10:00:00.000Z'],
    ['Australia/Lord_Howe', '2026-12-31T13:00:00Z', '2034-12-31T13:00:00.000Z'],
    ['UTC', '2026-12-31T23:59:59.999Z', '2034-01-01T00:00:00.000Z'],
  ])('%s: what is of %s is kept for seven years until %s', (zone, created, expected) => {
    expect(end({ ...SEVEN, zone }, created)).toBe(expected)
  })

  test('is where the next year begins, also when its first day was skipped', () => {
    // Platforms disagree on which of the two days about New Year 1995 these islands had not.
    for (const zone of ['Pacific/Kiritimati', 'Pacific/Enderbury']) {
      const created = Date.UTC(1987, 5, 1)
      const at = Date.parse(end({ ...SEVEN, zone }, created))
      expect([yearAt(at - 1, zone), yearAt(at, zone)]).toEqual([1994, 1995])
      expect(Math.abs(at - Date.UTC(1994, 11, 31, 10, 30))).toBeLessThan(DAY / 24)
    }
  })

  test('is never before that year is over there, and not later', () => {
    fc.assert(
      fc.property(zones, starts, durations, (zone, created, keep) => {
        const at = Date.parse(end({ keep, until: 'end_of_year', zone }, created))
        const kept = Date.parse(end({ keep, zone }, created))
        const year = yearAt(at, zone)
        expect(yearAt(at - 1, zone)).toBeLessThan(year)
        // What is kept until it begins had its end in the year before.
        expect(kept).toBeLessThanOrEqual(at)
        expect(yearAt(Math.min(kept, at - 1), zone)).toBe(year - 1)
        for (let later = at; later < at + 2 * DAY; later += DAY / 2)
          expect(yearAt(later, zone)).toBe(year)
      }),
      { seed: 7, numRuns: 400 },
    )
  })

  test('is that of the year on the calendar there, so many years on', () => {
    fc.assert(
      fc.property(zones, starts, fc.nat(40), (zone, created, years) => {
        const at = Date.parse(end({ keep: { years }, until: 'end_of_year', zone }, created))
        expect(yearAt(at, zone)).toBe(yearAt(created, zone) + years + 1)
      }),
      { seed: 8, numRuns: 400 },
    )
  })

  test('comes no sooner for what happened later', () => {
    fc.assert(
      fc.property(zones, starts, fc.nat(3 * DAY), durations, (zone, created, more, keep) => {
        const rule = { keep, until: 'end_of_year', zone } as const
        expect(end(rule, created) <= end(rule, created + more)).toBe(true)
      }),
      { seed: 9, numRuns: 400 },
    )
  })
})

describe('months and years in a zone', () => {
  test('are those of its calendar', () => {
    const month = { keep: { months: 1 }, zone: 'Europe/Amsterdam' } as const
    // 1 February there, still January in UTC; then summer time begins.
    expect(end(month, '2027-01-31T23:30:00Z')).toBe('2027-02-28T23:30:00.000Z')
    expect(end(month, '2027-03-01T11:00:00Z')).toBe('2027-04-01T10:00:00.000Z')
    expect(end({ ...month, zone: 'UTC' }, '2027-01-31T23:30:00Z')).toBe('2027-02-28T23:30:00.000Z')
    const leap = { keep: { years: 1 }, zone: 'Asia/Tokyo' } as const
    expect(end(leap, '2028-02-28T15:00:00Z')).toBe('2029-02-27T15:00:00.000Z')
  })

  test('end later by what the clock skips, and at the second of two', () => {
    const month = { keep: { months: 1 }, zone: 'Europe/Amsterdam' } as const
    expect(end(month, '2027-02-28T01:30:00Z')).toBe('2027-03-28T01:30:00.000Z')
    expect(end(month, '2027-09-30T22:30:00Z')).toBe('2027-10-31T23:30:00.000Z')
    const night = { keep: { months: 1 }, zone: 'Europe/Amsterdam' } as const
    expect(end(night, '2027-10-01T00:30:00Z')).toBe('2027-11-01T01:30:00.000Z')
    expect(toInstant(momentOf(Date.UTC(2027, 9, 31, 2, 30), 'Europe/Amsterdam'))).toBe(
      '2027-10-31T01:30:00.000Z',
    )
  })

  test('in UTC are what they are without a zone', () => {
    const until = fc.option(fc.constant('end_of_year' as const), { nil: undefined })
    fc.assert(
      fc.property(starts, durations, until, (created, keep, asked) => {
        const rule = { keep, ...(asked === undefined ? {} : { until: asked }) }
        const plain = addDuration(created, keep)
        const year = Date.UTC(new Date(plain).getUTCFullYear() + 1, 0, 1)
        const expected = toInstant(asked === undefined ? plain : year)
        expect(end(rule, created)).toBe(expected)
        expect(end({ ...rule, zone: 'UTC' }, created)).toBe(expected)
      }),
      { seed: 10, numRuns: 400 },
    )
  })

  test('leave days and hours elapsed time', () => {
    for (const keep of [{ days: 1 }, { hours: 24 }])
      expect(end({ keep, zone: 'Europe/Amsterdam' }, '2027-03-27T23:30:00Z')).toBe(
        '2027-03-28T23:30:00.000Z',
      )
  })
})

describe('a clock in a zone', () => {
  test('shows what the platform says of it', () => {
    fc.assert(
      fc.property(zones, starts, (zone, ms) => {
        const [year = 0, month = 0, ...rest] = shownAt(ms, zone)
        const [day, hour, minute, second] = rest
        const shown = Date.UTC(year, month - 1, day, hour, minute, second, ms % 1000)
        expect(clockAt(ms, zone)).toBe(shown)
        expect(clockAt(ms, zone)).toBe(shown)
      }),
      { seed: 11, numRuns: 400 },
    )
  })

  test('shows what it is asked for at that moment, unless it never does, and nothing before later', () => {
    fc.assert(
      fc.property(zones, starts, (zone, clock) => {
        const moment = momentOf(clock, zone)
        const more = clockAt(moment, zone) - clock
        expect(more).toBeGreaterThanOrEqual(0)
        if (more > 0) expect(clockAt(moment - more, zone)).toBeLessThan(clock)
        for (let later = moment; later < moment + DAY; later += 4 * QUARTER)
          expect(clockAt(later, zone)).toBeGreaterThanOrEqual(clock)
      }),
      { seed: 12, numRuns: 200 },
    )
  })

  test('shows milliseconds, also before 1970', () => {
    expect(clockAt(-1, 'Europe/Paris')).toBe(3_599_999)
    expect(momentOf(fromInstant('1960-01-01T00:00:00.250Z') ?? 0, 'Europe/Paris')).toBe(
      fromInstant('1959-12-31T23:00:00.250Z'),
    )
  })

  test('is known by its IANA name only', () => {
    expect(['UTC', 'Europe/Amsterdam', 'America/Port-au-Prince'].map(isZone)).not.toContain(false)
    expect(['', '+01:00', '-05', 'Mars/Olympus', 'Europe/', 'local'].map(isZone)).not.toContain(
      true,
    )
  })
})
