import type { Place } from '../../vault/lookup-places.ts'
import type { Vault } from '../../vault/vault.ts'
import { findReferences, type Referring } from './find-references.ts'
import { doesNotOpen } from './look-reference.ts'

/** Who is looked for, and what is done with each record that may name them. */
export interface Each {
  readonly subjectId: string
  readonly signal: AbortSignal | undefined
  run(place: Place): Promise<void>
}

/** As many commits leave in one batch, where they can. */
const AT_ONCE = 16

/** Goes through references, some at a time; false where this process has not the key to look for them. */
export async function eachReference(
  vault: Vault,
  referring: Referring,
  { subjectId, signal, run }: Each,
): Promise<boolean> {
  let some: Place[] = []
  try {
    for await (const place of findReferences(vault, referring, subjectId)) {
      some.push(place)
      if (some.length < AT_ONCE) continue
      await settle(some, run)
      some = []
      signal?.throwIfAborted()
    }
  } catch (error) {
    if (!doesNotOpen(error)) throw error
    return false
  }
  await settle(some, run)
  return true
}

/** What fails keeps those beside it from nothing. */
async function settle(some: readonly Place[], run: Each['run']): Promise<void> {
  const outcomes = await Promise.allSettled(some.map(run))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
