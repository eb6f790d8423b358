import { PrivityError } from '../base/errors.ts'
import type { Target, Vault } from '../vault/vault.ts'

/** Record types of the running policy about whose end something is said. */
export function retainedTargets({ policy, layouts }: Vault): readonly Target[] {
  return [...policy.records.values()].flatMap((record) => {
    // Every purpose has a plan of every record; what is due is no question of a purpose.
    const [plan] = record.plans.values()
    if (plan === undefined || record.retention === undefined) return []
    return [{ record, plan, type: layouts.typeOf(record.name) }]
  })
}

/** @throws {@link not_declared} */
export function targetNamed(vault: Vault, name: string): Target {
  const targets = retainedTargets(vault)
  const target = targets.find(({ record }) => record.name === name)
  if (target !== undefined) return target
  const declared = targets.map(({ record }) => record.name)
  throw new PrivityError('not_declared', { kind: 'record', path: ['record'], declared })
}
