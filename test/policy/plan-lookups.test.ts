import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  expectedCoincidences,
  fewestBits,
  type LookupPopulation,
  MIN_DISTINCT,
  MIN_PEOPLE,
  mostBits,
  planLookups,
} from '../../src/policy/plan-lookups.ts'

const people = fc.integer({ min: MIN_PEOPLE, max: 2 ** 40 })
const population: fc.Arbitrary<LookupPopulation> = fc.oneof(
  fc.record({ people }),
  people.chain((of) =>
    fc.record({ people: fc.constant(of), distinct: fc.integer({ min: MIN_DISTINCT, max: of }) }),
  ),
)

function bitsOf(wanted: readonly LookupPopulation[]): readonly number[] | undefined {
  const plan = planLookups(wanted)
  return plan.ok ? plan.bits : undefined
}

describe('a plan of one lookup', () => {
  test.each([
    [16, 2, 3],
    [1_000, 5, 8],
    [10_000, 7, 12],
    [100_000, 9, 15],
    [1_000_000, 10, 18],
    [10_000_000, 12, 22],
  ])('for %i people has between %i and %i bits', (count, fewest, most) => {
    expect([fewestBits(count), mostBits(count)]).toEqual([fewest, most])
    const [bits = 0] = bitsOf([{ people: count }]) ?? []
    expect(bits).toBeGreaterThanOrEqual(fewest)
    expect(bits).toBeLessThanOrEqual(most)
  })

  test('leaves between 2 people and √R per token, whatever there is', () => {
    fc.assert(
      fc.property(people, (count) => {
        const [bits = -1] = bitsOf([{ people: count }]) ?? []
        const crowd = expectedCoincidences({ people: count }, bits)
        expect(crowd).toBeGreaterThanOrEqual(2)
        expect(crowd).toBeLessThanOrEqual(Math.sqrt(count) * (1 + Number.EPSILON * 8))
      }),
    )
  })

  test('aims at 16 others, as far as the bounds let it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_024, max: 2 ** 40 }), (count) => {
        const [bits = 0] = bitsOf([{ people: count }]) ?? []
        const crowd = expectedCoincidences({ people: count }, bits)
        expect(crowd).toBeGreaterThanOrEqual(16)
        expect(crowd).toBeLessThan(32.0001)
      }),
    )
  })

  test('has no more bits than its values have', () => {
    const [bits = 0] = bitsOf([{ people: 1_000_000, distinct: 20 }]) ?? []
    expect(bits).toBe(5)
    expect(expectedCoincidences({ people: 1_000_000, distinct: 20 }, bits)).toBeCloseTo(50_000)
  })
})

describe('a plan of several lookups on one record', () => {
  test('has together no more bits than one of them alone may have', () => {
    fc.assert(
      fc.property(fc.array(population, { minLength: 1, maxLength: 6 }), (wanted) => {
        const bits = bitsOf(wanted)
        if (bits === undefined) return
        const smallest = Math.min(...wanted.map((it) => it.people))
        expect(bits).toHaveLength(wanted.length)
        expect(bits.reduce((sum, it) => sum + it, 0)).toBeLessThanOrEqual(mostBits(smallest))
      }),
    )
  })

  test('shares them out evenly', () => {
    const some = { people: 1_000_000 }
    expect(bitsOf([some, some])).toEqual([9, 9])
    expect(bitsOf([some, some, some])).toEqual([6, 6, 6])
    expect(bitsOf([some, { people: 1_000_000, distinct: 20 }])).toEqual([13, 5])
  })

  test('does not exist where one would tell next to nothing', () => {
    const few = { people: 1_000 }
    expect(bitsOf([few, few])).toEqual([4, 4])
    expect(planLookups([few, few, few])).toEqual({ ok: false, fault: 'over_budget' })
    expect(planLookups(Array.from({ length: 5 }, () => ({ people: 1_000_000 })))).toEqual({
      ok: false,
      fault: 'over_budget',
    })
  })

  test('never gives one fewer bits than a sixteenth of everybody needs', () => {
    fc.assert(
      fc.property(fc.array(population, { minLength: 2, maxLength: 6 }), (wanted) => {
        const bits = bitsOf(wanted)
        bits?.forEach((it, at) => {
          const [alone = 0] = bitsOf([wanted[at] as LookupPopulation]) ?? []
          expect(it).toBeGreaterThanOrEqual(Math.min(4, alone))
        })
      }),
    )
  })
})

test('a plan of nothing is nothing', () => {
  expect(planLookups([])).toEqual({ ok: true, bits: [] })
})
