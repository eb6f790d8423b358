import { expect, test } from 'vitest'
import { isLegalBasis, LEGAL_BASES } from '../../src/policy/legal-basis.ts'

test.each(['', 'Consent', 'toString', '__proto__', undefined, 6])(
  'what is no basis is not taken for one: %o',
  (basis) => {
    expect(isLegalBasis(basis)).toBe(false)
  },
)

test('withdrawing ends a consent, objects to legitimate interests, else is recorded', () => {
  const effects = Object.entries(LEGAL_BASES).map(([basis, it]) => `${basis} ${it.withdrawal}`)
  expect(effects).toEqual([
    'consent withdrawn',
    'contract recorded',
    'legal_obligation recorded',
    'vital_interests recorded',
    'public_task recorded',
    'legitimate_interests objected',
  ])
})

test('rights follow the basis: Art. 7(3), 17, 20 and 21', () => {
  const withRight = (right: (typeof LEGAL_BASES)['consent']['rights'][number]) =>
    Object.entries(LEGAL_BASES).flatMap(([basis, it]) => (it.rights.includes(right) ? [basis] : []))
  expect(withRight('access')).toHaveLength(6)
  expect(withRight('rectification')).toHaveLength(6)
  expect(withRight('restriction')).toHaveLength(6)
  expect(withRight('withdrawal')).toEqual(['consent'])
  expect(withRight('portability')).toEqual(['consent', 'contract'])
  expect(withRight('objection')).toEqual(['public_task', 'legitimate_interests'])
  expect(withRight('erasure')).toEqual([
    'consent',
    'contract',
    'vital_interests',
    'legitimate_interests',
  ])
})

test('each basis names its paragraph of Art. 6(1)', () => {
  expect(Object.values(LEGAL_BASES).map(({ article }) => article)).toEqual([
    '6(1)(a)',
    '6(1)(b)',
    '6(1)(c)',
    '6(1)(d)',
    '6(1)(e)',
    '6(1)(f)',
  ])
})
