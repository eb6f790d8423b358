import { randomId } from '../base/id.ts'
import { derivedId } from './derived-id.ts'
import { endOf } from './end-of.ts'
import { addJob, findJob, type Job } from './job.ts'
import { planRuleJob } from './partial/partial-run.ts'
import type { Rule } from './selection.ts'
import type { ErasureDeps } from './erasure-deps.ts'
import { proceed } from './steps.ts'

/** An erasure that nobody asked for: what a rule selects, as it is when it is carried out. */
export interface OwnErasure {
  readonly subjectId: string
  /** A word. */
  readonly reason: string
  readonly rule: Extract<Rule, { readonly kind: 'ended' | 'due' | 'left' }>
  /** What it is about: the same again goes on with the erasure that is open. */
  readonly occasion: string
}

/** Carries it out; resolves to whether there was anything to erase. */
export async function eraseByRule(deps: ErasureDeps, own: OwnErasure): Promise<boolean> {
  const { people } = deps.vault
  const erasureId = await idOf(deps, own)
  const open = await findJob(people.deps, erasureId)
  if (open !== undefined) {
    await proceed(deps, open, {})
    return true
  }
  const { subjectId, reason, rule } = own
  const asked: Job = {
    erasureId,
    subjectId,
    reason,
    hooks: [],
    plannedAt: people.now(),
    step: 'asked',
    wanted: true,
  }
  const planned = await planRuleJob(deps, asked, rule)
  if (planned === undefined) return false
  await proceed(deps, await addJob(people.deps, planned), {})
  return true
}

/** One that is open is not begun a second time. */
async function idOf(
  { vault }: ErasureDeps,
  { subjectId, rule, occasion }: OwnErasure,
): Promise<string> {
  const id = derivedId(`${subjectId}/${rule.kind}/${occasion}`)
  const isDone = (await endOf(vault.people.deps, id)) !== undefined
  return isDone ? randomId() : id
}
