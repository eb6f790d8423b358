import type { JsonObject } from '../../base/canonical.ts'
import type { Job } from '../job.ts'

/** What was done about references, as methods of a certificate. Pure. */
export function referenceMethods({ cleared }: Pick<Job, 'cleared'>): readonly JsonObject[] {
  const counts = cleared?.counts ?? []
  return counts.map(({ record, action, count }) => ({ kind: 'references', record, action, count }))
}

/** How many; nothing where no policy has any. Pure. */
export function referenceTotals({ cleared }: Pick<Job, 'cleared'>): {
  readonly references?: number
} {
  if (cleared === undefined) return {}
  return { references: cleared.counts.reduce((sum, { count }) => sum + count, 0) }
}
