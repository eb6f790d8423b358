import { PrivityError } from '../base/errors.ts'
import type { Vault } from '../vault/vault.ts'
import { openFenced } from './destroy.ts'
import { areKeysLeft } from './fence-keys.ts'
import type { ErasureHook } from './hook.ts'
import { hookContexts } from './hook-context.ts'
import { scanAll } from './inventory.ts'
import { advanceJob, type Job, type OpenJob, saveJob } from './job.ts'
import { verifyHooks } from './run-hooks.ts'

/** Name of our own rows among what may be left. */
const ROWS = 'privity:rows'
/** Name of our own keys among them. */
const KEYS = 'privity:keys'

/**
 * Looks again for everything that was destroyed. What a hook said was done and is still there has to be
 * done again.
 *
 * @throws {@link erasure_incomplete} naming what is left
 */
export async function verifyErased(
  { vault, hooks }: { readonly vault: Vault; readonly hooks: readonly ErasureHook[] },
  open: OpenJob,
  signal: AbortSignal | undefined,
): Promise<OpenJob> {
  const { people } = vault
  const { erasureId, subjectId, externalId, done, hooks: planned } = open.job
  const contexts = hookContexts(vault, {
    erasureId,
    subjectId,
    externalId,
    person: undefined,
    signal,
  })
  const failing = await verifyHooks(hooks, { planned, contexts })
  const areKeys = await areKeysLeft(people.deps, subjectId)
  const left = [
    ...((await isAnythingLeft(vault, open.job)) ? [ROWS] : []),
    ...(areKeys ? [KEYS] : []),
  ]
  if (failing.length + left.length === 0) return advanceJob(open, { step: 'verified' })
  const kept = done.filter((item) => !failing.some((hook) => item.startsWith(`${hook}/`)))
  await saveJob(people.deps, open, { step: areKeys ? 'read' : 'destroyed', done: kept })
  throw incomplete(open.job, [...left, ...failing])
}

/** The error of an erasure that is not at its end. */
export function incomplete({ erasureId }: Job, failing: readonly string[]): PrivityError {
  return new PrivityError('erasure_incomplete', { erasureId, failing })
}

async function isAnythingLeft({ people }: Vault, job: Job): Promise<boolean> {
  const { store, keyspace } = people.deps
  const rows = await scanAll(people, keyspace.personRows(job.subjectId))
  const outside = await store.read(job.destroyed?.sample ?? [])
  const person = await openFenced(people, job)
  return rows.length > 0 || outside.some((row) => row !== undefined) || person !== undefined
}
