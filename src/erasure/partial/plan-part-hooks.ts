import type { Vault } from '../../vault/vault.ts'
import type { ErasureHook } from '../hook.ts'
import { hookContexts } from '../hook-context.ts'
import { incomplete } from '../incomplete.ts'
import type { Job } from '../job.ts'
import { planHooks } from '../plan-hooks.ts'
import { isConcerned, isPartialHook, takesPart } from './part-hooks.ts'
import type { PartialState } from './state.ts'

/** What asking hooks about a part needs. */
export interface PartHooksDeps {
  readonly vault: Vault
  readonly hooks: readonly ErasureHook[]
}

/** @throws {@link erasure_incomplete} naming hooks that cannot plan, or for which there is more than one can be told */
export async function planPartHooks(
  { vault, hooks: installed }: PartHooksDeps,
  job: Job,
  partial: PartialState,
): Promise<Job> {
  const { erasureId, subjectId } = job
  const scope = partial.hookScope
  const untold = scope === undefined ? installed.filter(isPartialHook) : []
  // Without a scope it would erase everything.
  if (untold.length > 0)
    throw incomplete(
      job,
      untold.map(({ id }) => id),
    )
  const asked = installed
    .filter((hook) => takesPart(hook, partial.closes))
    .filter((hook) => scope === undefined || isConcerned(hook, scope, vault.policy))
  if (asked.length === 0) return { ...job, partial, hooks: [], step: 'planned' }
  const { person } = await vault.people.read(subjectId)
  const { externalId } = person.head
  const about = { erasureId, subjectId, externalId, scope, person, signal: undefined }
  const contexts = hookContexts(vault, about)
  const planned = await planHooks(asked, contexts).finally(contexts.revoke)
  return { ...job, partial, hooks: planned, step: 'planned' }
}
