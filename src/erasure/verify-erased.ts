import type { Key } from '../storage/store.ts'
import type { Vault } from '../vault/vault.ts'
import { requireOwnFence } from './destroy.ts'
import { areKeysLeft } from './fence-keys.ts'
import type { ErasureHook } from './hook.ts'
import { hookContexts } from './hook-context.ts'
import { incomplete } from './incomplete.ts'
import { isGroupUnderWay } from './erase-group.ts'
import { areGroupsLeft, GROUPS } from './leave-groups.ts'
import { advanceJob, type OpenJob, saveJob } from './job.ts'
import { isOfAnother } from './owned-rows.ts'
import type { PartialFindings } from './partial/findings.ts'
import type { PartialDeps } from './partial/partial-deps.ts'
import { isPartial, type PartialJob } from './partial/partial-job.ts'
import { findPartial, KEYS, ROWS } from './partial/partial-run.ts'
import { REFERENCES, verifyReferences } from './references/references.ts'
import { relapsed, verifyHooks } from './run-hooks.ts'

/**
 * Looks again for everything that was destroyed. What a hook said was done and is still there has to be
 * done again.
 *
 * @throws {@link erasure_incomplete} naming what is left
 */
export async function verifyErased(
  { vault, hooks, ...deps }: PartialDeps & { readonly hooks: readonly ErasureHook[] },
  open: OpenJob,
  signal: AbortSignal | undefined,
): Promise<OpenJob> {
  const { people } = vault
  const { erasureId, subjectId, externalId } = open.job
  const contexts = hookContexts(vault, {
    erasureId,
    subjectId,
    externalId,
    scope: open.job.partial?.hookScope,
    person: undefined,
    signal,
  })
  const { job } = open
  const relapses = await verifyHooks(hooks, { job, contexts })
  const failing = [...relapses.keys()]
  const { areRows, areKeys, found } = isPartial(open)
    ? await leftOfPart({ ...deps, vault }, open)
    : await leftOfPerson(vault, open)
  const areGroups = await areGroupsLeft({
    people,
    member: job,
    isUnderWay: (groupId) => isGroupUnderWay(people, job, groupId),
  })
  const { areReferences, cleared, referred } = await verifyReferences(
    { ...deps, vault },
    job,
    signal,
  )
  const left = [
    ...(areRows ? [ROWS] : []),
    ...(areKeys ? [KEYS] : []),
    ...(areGroups ? [GROUPS] : []),
    ...(areReferences ? [REFERENCES] : []),
  ]
  if (failing.length + left.length === 0)
    return advanceJob(open, {
      step: 'verified',
      ...(cleared === undefined ? {} : { cleared }),
      ...(found === undefined ? {} : { found }),
    })
  const states = relapsed(hooks, { job, relapses, now: people.now() })
  const again = await saveJob(people.deps, open, {
    step:
      areKeys || areGroups || areReferences || (areRows && isPartial(open)) ? 'read' : 'destroyed',
    ...states,
    ...(referred === undefined ? {} : { referred }),
  })
  throw incomplete(again.job, [...left, ...failing])
}

interface Left {
  readonly areRows: boolean
  readonly areKeys: boolean
  readonly found?: PartialFindings
}

async function leftOfPart(deps: PartialDeps, open: PartialJob): Promise<Left> {
  const found = await findPartial(deps, open)
  return { areRows: !found.isGone, areKeys: !found.isKeyGone, found }
}

async function leftOfPerson(vault: Vault, open: OpenJob): Promise<Left> {
  const areKeys = await areKeysLeft(vault.people.deps, open.job.subjectId)
  return { areRows: await isAnythingLeft(vault, open), areKeys }
}

async function isAnythingLeft({ people }: Vault, open: OpenJob): Promise<boolean> {
  const { deps } = people
  const { store, keyspace } = deps
  const { subjectId, destroyed } = open.job
  const { sample = [] } = destroyed ?? {}
  const rows = await store.scan(keyspace.personRows(subjectId), { limit: 1 })
  const [document, ...outside] = await store.read([keyspace.person(subjectId), ...sample])
  const { sections } = requireOwnFence(people, open, document)
  const isLeft = (key: Key, at: number): boolean =>
    outside[at] !== undefined && !isOfAnother(deps, subjectId, [key, outside[at]])
  return rows.length + sections.length > 0 || sample.some(isLeft)
}
