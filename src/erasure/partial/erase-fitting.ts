import { isPrivityError } from '../../base/errors.ts'
import { type BatchAsk, type BatchOutcome, eraseBatch } from './batch.ts'
import type { Telling } from './telling.ts'

/** Some records of a person, in as few commits as take them. */
export interface FittingAsk extends Omit<BatchAsk, 'telling'> {
  /** Tells the journal what one commit is about to take. Absent where no journal has to be told. */
  tell?(records: BatchAsk['records']): Promise<Telling | undefined>
}

/**
 * Erases some records of a person in one commit; in two halves when together they are more than one commit takes. What
 * comes before a `stale` half is done.
 */
export async function eraseFitting(ask: FittingAsk): Promise<BatchOutcome> {
  const { records } = ask
  try {
    return await eraseBatch({ ...ask, telling: await ask.tell?.(records) })
  } catch (error) {
    const isTooMuch = isPrivityError(error, 'store_full') || isPrivityError(error, 'invalid_input')
    if (!isTooMuch || records.length <= 1) throw error
    const half = records.length >> 1
    const first = await eraseFitting({ ...ask, records: records.slice(0, half) })
    if (first === 'stale') return first
    // A key that the first half made takes the place of the old one in the second.
    return eraseFitting({ ...ask, renewals: first.renewals, records: records.slice(half) })
  }
}
