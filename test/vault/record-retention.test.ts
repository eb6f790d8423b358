import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { definePolicy, definePurposes, defineRecord } from 'privity'
import { addDuration } from '../../src/base/time.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import type { RecordRules } from '../../src/policy/record-rules.ts'
import type { RecordHead } from '../../src/subjects/head.ts'
import { type Aging, retentionAfter } from '../../src/vault/record-retention.ts'
import { controller } from '../support/acme.ts'

const START = Date.UTC(2026, 0, 15)
const DAY = 86_400_000
const purposeEnds = new Map<string, number>()
const purposes = definePurposes({ support: { basis: 'contract', description: 'Answer' } })
const of = { purposes: ['support'] } as const

function rulesOf(record: object): RecordRules {
  const define = definePolicy as unknown as (input: object) => object
  const policy = define({ controller, purposes, records: { it: record }, roles: {} })
  const rules = compilePolicy(policy).records.get('it')?.retention
  if (rules === undefined) throw new TypeError('no rules')
  return rules
}

const MIXED = rulesOf(
  defineRecord(
    purposes,
    ({ field }) => ({
      a: field(z.string(), { ...of, retention: { keep: { days: 10 }, from: 'created' } }),
      b: field(z.string(), { ...of, retention: { keep: { days: 5 }, from: 'updated' } }),
      c: field(z.string(), {
        ...of,
        retention: { keep: { days: 1 }, from: 'met' },
        floor: { keep: { days: 20 }, from: 'registered', ground: 'law' },
      }),
      d: field(z.string(), of),
    }),
    { events: ['met'] },
  ),
)
const UNIFORM = rulesOf(
  defineRecord(purposes, ({ field }) => ({ a: field(z.string(), of), b: field(z.string(), of) }), {
    retention: { keep: { months: 1 }, from: 'updated' },
  }),
)

const ids = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'))
const agings: fc.Arbitrary<Aging> = fc.oneof(
  fc.record({ kind: fc.constantFrom('written', 'ended'), set: ids, unset: ids }),
  fc.record({
    kind: fc.constant('renewed'),
    set: fc.constant([]),
    unset: fc.constant([]),
    told: fc.record({
      event: fc.constant('met'),
      at: fc.option(
        fc.nat(40).map((days) => START + days * DAY),
        { nil: undefined },
      ),
    }),
  }),
)

/** What stands in a record, and what of it is still to come, as simply as it can be said. */
interface Model {
  readonly present: ReadonlySet<string>
  readonly pending: ReadonlySet<string>
  readonly created: number | undefined
  readonly updated: number | undefined
  readonly met: number | undefined
}

const EMPTY: Model = {
  present: new Set(),
  pending: new Set(),
  created: undefined,
  updated: undefined,
  met: undefined,
}

function step(model: Model, { kind, set, unset, told }: Aging, at: number): Model {
  const present = new Set([...model.present].filter((id) => !unset.includes(id)).concat(set))
  const open = [...model.pending].filter((id) => !unset.includes(id) && !set.includes(id))
  const pending = new Set(kind === 'written' ? [...open, ...set] : open)
  if (kind === 'ended' && present.size === 0) return EMPTY
  return {
    present,
    pending,
    created: model.created ?? at,
    updated: kind === 'written' ? at : (model.updated ?? at),
    met: told === undefined ? model.met : told.at,
  }
}

/** Unset before set: a value that is given in the same breath is there. */
function consistent(aging: Aging): Aging {
  return { ...aging, unset: aging.unset.filter((id) => !aging.set.includes(id)) }
}

function dueOf({ pending, created, updated, met }: Model): number | undefined {
  const law = START + 20 * DAY
  const ends = [
    pending.has('a') && created !== undefined ? created + 10 * DAY : undefined,
    pending.has('b') && updated !== undefined ? updated + 5 * DAY : undefined,
    pending.has('c') && met !== undefined ? Math.max(met + DAY, law) : undefined,
  ].filter((end) => end !== undefined)
  return ends.length === 0 ? undefined : Math.min(...ends)
}

describe('what a record remembers of its end', () => {
  test('is what a simple account of its writes says', () => {
    fc.assert(
      fc.property(fc.array(agings, { maxLength: 12 }), (steps) => {
        let model = EMPTY
        let head: RecordHead | undefined
        steps.map(consistent).forEach((aging, index) => {
          const at = START + index * DAY
          // The first thing that happens to a record is that it is written.
          const first = index === 0 ? ({ ...aging, kind: 'written' } as const) : aging
          model = step(model, first, at)
          const { present } = model
          const record = { rules: MIXED, before: head, at, registeredAt: START, purposeEnds }
          const facts = retentionAfter({ ...record, holds: (id) => present.has(id) }, first)
          head = { revision: index, sections: {}, tokens: [], ...facts }
          expect(facts.retention?.due).toBe(dueOf(model))
          expect(facts.retention?.fields).toEqual(
            ['a', 'b', 'c'].filter((id) => model.pending.has(id)),
          )
        })
      }),
    )
  })

  test('is one date where all fields end together', () => {
    const record = {
      rules: UNIFORM,
      before: undefined,
      at: START,
      registeredAt: START,
      purposeEnds,
    }
    const written = { kind: 'written', set: ['a'], unset: [] } as const
    const facts = retentionAfter({ ...record, holds: (id) => id === 'a' }, written)
    expect(facts).toEqual({
      retention: {
        rules: UNIFORM.id,
        events: { updated: START },
        due: addDuration(START, { months: 1 }),
      },
    })
    const ended = { kind: 'ended', set: [], unset: ['a'] } as const
    expect(retentionAfter({ ...record, holds: () => false }, ended)).toEqual({
      retention: { rules: UNIFORM.id, events: {} },
    })
  })

  test('is what happened, and no date, where no rule asks for one', () => {
    const before: RecordHead = {
      revision: 1,
      sections: {},
      tokens: [],
      retention: { rules: 'other', events: { created: 1 }, due: 2 },
    }
    const record = { rules: undefined, before, at: START, registeredAt: START, purposeEnds }
    const renewed = { kind: 'renewed', set: [], unset: [] } as const
    expect(retentionAfter({ ...record, holds: () => true }, renewed)).toEqual({
      retention: { rules: '', events: { created: 1 } },
    })
    const bare = { ...record, before: undefined }
    expect(retentionAfter({ ...bare, holds: () => true }, renewed)).toEqual({})
  })

  test('that was kept for other rules counts from now, and takes in whatever may be there', () => {
    const before: RecordHead = {
      revision: 1,
      sections: {},
      tokens: [],
      retention: { rules: 'other', events: { met: START - DAY }, fields: ['a'] },
    }
    const record = { rules: MIXED, before, at: START, registeredAt: START, purposeEnds }
    const renewed = { kind: 'renewed', set: [], unset: [] } as const
    const facts = retentionAfter({ ...record, holds: (id) => id !== 'a' }, renewed)
    expect(facts.retention).toMatchObject({
      events: { created: START, updated: START, met: START - DAY },
      fields: ['b', 'c'],
      due: START + 5 * DAY,
    })
  })
})
