import { isPrivityError } from '../base/errors.ts'
import type { Vault } from '../vault/vault.ts'
import { findJob, type OpenJob, saveJob } from './job.ts'

/**
 * Stores that an erasure is behind its fence, before anything outside the person is told or changed: whoever goes on
 * with it puts none again, and so lifts none for what came to be kept since. Where nothing outside is, the commit is
 * saved.
 */
export async function storeBegun(
  { vault, journal }: { readonly vault: Vault; readonly journal?: object | undefined },
  open: OpenJob,
): Promise<OpenJob> {
  const { isReplayed, partial, wanted, groups = [] } = open.job
  const isSaid = isReplayed === true || (partial !== undefined && wanted === true)
  const isOutside = journal !== undefined || (partial === undefined && groups.length > 0)
  if (isSaid || !isOutside) return open
  const { deps: rows } = vault.people
  try {
    return { ...open, ...(await saveJob(rows, open, {})) }
  } catch (error) {
    if (!isPrivityError(error, 'write_conflict')) throw error
    const found = await findJob(rows, open.job.erasureId)
    if (found === undefined) return open
    if (found.job.step === 'asked' || found.job.step === 'planned') throw error
    return found
  }
}
