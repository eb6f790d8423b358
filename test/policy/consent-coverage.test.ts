import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { canonicalJson } from '../../src/base/canonical.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { consentCoverage } from '../../src/policy/consent-coverage.ts'
import { definePolicy } from '../../src/policy/define-policy.ts'
import { defineRecord } from '../../src/policy/define-record.ts'
import { definePurposes } from '../../src/policy/purposes.ts'
import { controller } from '../support/acme.ts'

/** What one deployment says of one field and the purpose that is asked about. */
interface Said {
  readonly serves: boolean
  readonly explicit: boolean
  readonly special: boolean
  readonly view: boolean
  readonly article9: '9(2)(h)' | '9(2)(i)' | undefined
}

const PLAIN: Said = {
  serves: true,
  explicit: false,
  special: false,
  view: false,
  article9: undefined,
}

function described({ serves, explicit, special, view, article9 }: Said) {
  const purposes = definePurposes({
    other: { basis: 'contract', description: 'Something else', article9: '9(2)(f)' },
    asked: {
      basis: 'consent',
      description: 'What is asked for',
      ...(explicit ? { explicit } : {}),
      ...(article9 === undefined ? {} : { article9 }),
    },
  })
  const contact = defineRecord(purposes, ({ field }) => ({
    always: field(z.string(), { purposes: ['other', 'asked'] }),
    note: field(z.string(), {
      purposes: serves ? ['other', 'asked'] : ['other'],
      id: 'text',
      ...(special ? { special: 'health' } : {}),
      ...(view && serves ? { views: { asked: (text: string) => text.length } } : {}),
    } as { purposes: ['other', 'asked'] }),
  }))
  const policy = definePolicy({
    controller,
    purposes,
    records: { contact },
    roles: { all: { purposes: ['other', 'asked'] } },
  })
  return compilePolicy(policy).describe
}

function covered(then: Said, now: Said): readonly string[] {
  const fields = consentCoverage(described(then), { purpose: 'asked', now: described(now) })
  return [...(fields.get('contact') ?? [])].toSorted()
}

const EVERYTHING = ['always', 'text']

describe('a consent', () => {
  test('covers the ids of the fields that its purpose had', () => {
    expect(covered(PLAIN, PLAIN)).toEqual(EVERYTHING)
    expect(covered({ ...PLAIN, serves: false }, PLAIN)).toEqual(['always'])
    expect(covered(PLAIN, { ...PLAIN, serves: false })).toEqual(EVERYTHING)
  })

  test('that was none of the explicit kind covers nothing of a purpose that asks for that', () => {
    expect(covered(PLAIN, { ...PLAIN, explicit: true })).toEqual([])
    expect(covered({ ...PLAIN, explicit: true }, PLAIN)).toEqual(EVERYTHING)
  })

  test('covers what is a special category now if it was explicit, or rests on the same ground', () => {
    const [now, then] = [
      { ...PLAIN, special: true, article9: '9(2)(h)' },
      { ...PLAIN, article9: '9(2)(h)' },
    ] as const
    expect(covered(then, now)).toEqual(['always'])
    expect(covered({ ...then, explicit: true }, now)).toEqual(EVERYTHING)
    expect(covered(now, now)).toEqual(EVERYTHING)
    expect(covered({ ...now, article9: '9(2)(i)' }, now)).toEqual(['always'])
    const explicit = { ...PLAIN, explicit: true }
    expect(covered(explicit, { ...explicit, special: true })).toEqual(EVERYTHING)
  })

  test('to a view does not cover the plain value, and one to the plain value covers a view', () => {
    const viewed = { ...PLAIN, view: true }
    expect(covered(viewed, PLAIN)).toEqual(['always'])
    expect(covered(PLAIN, viewed)).toEqual(EVERYTHING)
    expect(covered(viewed, viewed)).toEqual(EVERYTHING)
  })

  test('covers what it is shown to, whatever two policies say', () => {
    const said = fc.record({
      serves: fc.boolean(),
      explicit: fc.boolean(),
      special: fc.boolean(),
      view: fc.boolean(),
      article9: fc.constantFrom('9(2)(h)', '9(2)(i)', undefined),
    })
    // A policy refuses special categories without a ground.
    const sound = said.filter(
      (it) => !(it.special && it.serves) || it.explicit || it.article9 !== undefined,
    )
    fc.assert(
      fc.property(sound, sound, (then, now) => {
        const isWeaker = now.explicit && !then.explicit
        const sameGround =
          then.special && then.article9 !== undefined && then.article9 === now.article9
        const isOther =
          !then.serves ||
          (now.special && !then.explicit && !sameGround) ||
          (then.serves && then.view && !(now.serves && now.view))
        const wanted = isWeaker ? [] : isOther ? ['always'] : EVERYTHING
        expect(covered(then, now)).toEqual(wanted)
      }),
      { numRuns: 200, seed: 20_261_122 },
    )
  })

  test('covers nothing of a purpose that the policy did not have', () => {
    const now = described(PLAIN)
    for (const purpose of ['profiling', 'purposes', 'toString'])
      expect(consentCoverage(now, { purpose, now }).get('contact')).toEqual(new Set())
  })

  test.each([
    {},
    { records: null },
    { records: ['contact'] },
    { records: { contact: null } },
    { records: { contact: { fields: ['always'] } } },
    { records: { contact: { fields: { always: { purposes: 'asked' } } } } },
    { records: { contact: { fields: { always: { purposes: ['asked'] } } } } },
    { records: { contact: { fields: { always: null } } } },
  ])('covers nothing where the description is not understood: %j', (then) => {
    const fields = consentCoverage(then, { purpose: 'asked', now: described(PLAIN) })
    expect([...fields.values()].every((ids) => ids.size === 0)).toBe(true)
  })

  test('is told from a description as it comes out of a store', () => {
    const now = described(PLAIN)
    const stored = JSON.parse(canonicalJson(now)) as typeof now
    const asking = { purpose: 'asked', now }
    expect(consentCoverage(stored, asking)).toEqual(consentCoverage(now, asking))
  })
})
