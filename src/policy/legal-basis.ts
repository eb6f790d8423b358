/** The six legal bases of Art. 6(1) GDPR. */
export type LegalBasis =
  | 'consent'
  | 'contract'
  | 'legal_obligation'
  | 'vital_interests'
  | 'public_task'
  | 'legitimate_interests'

/**
 * What a withdrawal means under a basis: `withdrawn` ends it, `objected` ends it as an objection
 * (Art. 21), `recorded` is kept on record and changes nothing.
 */
export type WithdrawalEffect = 'withdrawn' | 'objected' | 'recorded'

/** Rights of the person that depend on the legal basis. */
export type Right =
  | 'access'
  | 'rectification'
  | 'erasure'
  | 'restriction'
  | 'portability'
  | 'objection'
  | 'withdrawal'

/** What follows from a legal basis. */
export interface BasisTraits {
  /** The paragraph of the GDPR that names it. */
  readonly article: string
  readonly withdrawal: WithdrawalEffect
  /** Which rights the person has while this is the only basis. */
  readonly rights: readonly Right[]
}

/** What follows from each legal basis. */
export const LEGAL_BASES: { readonly [B in LegalBasis]: BasisTraits } = {
  consent: {
    article: '6(1)(a)',
    withdrawal: 'withdrawn',
    // Art. 7(3) takes the place of an objection.
    rights: ['access', 'rectification', 'erasure', 'restriction', 'portability', 'withdrawal'],
  },
  contract: {
    article: '6(1)(b)',
    withdrawal: 'recorded',
    rights: ['access', 'rectification', 'erasure', 'restriction', 'portability'],
  },
  legal_obligation: {
    article: '6(1)(c)',
    withdrawal: 'recorded',
    // Art. 17(3)(b) takes erasure away, Art. 20(1) portability, Art. 21(1) objection.
    rights: ['access', 'rectification', 'restriction'],
  },
  vital_interests: {
    article: '6(1)(d)',
    withdrawal: 'recorded',
    rights: ['access', 'rectification', 'erasure', 'restriction'],
  },
  public_task: {
    article: '6(1)(e)',
    withdrawal: 'recorded',
    // An objection under Art. 21(1) is weighed by the controller and does not end the task itself.
    rights: ['access', 'rectification', 'restriction', 'objection'],
  },
  legitimate_interests: {
    article: '6(1)(f)',
    withdrawal: 'objected',
    rights: ['access', 'rectification', 'erasure', 'restriction', 'objection'],
  },
}

/** Tells whether a value names one of the six legal bases. */
export function isLegalBasis(value: unknown): value is LegalBasis {
  return typeof value === 'string' && Object.hasOwn(LEGAL_BASES, value)
}
