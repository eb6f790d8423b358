import { PrivityError } from '../base/errors.ts'
import { targetsOf } from '../vault/targets.ts'
import type { Target, Vault } from '../vault/vault.ts'

/** Record types of the running policy about whose end something is said. */
export function retainedTargets(vault: Vault): readonly Target[] {
  return targetsOf(vault).filter(({ record }) => record.retention !== undefined)
}

/** @throws {@link not_declared} */
export function targetNamed(vault: Vault, name: string): Target {
  const targets = retainedTargets(vault)
  const target = targets.find(({ record }) => record.name === name)
  if (target !== undefined) return target
  const declared = targets.map(({ record }) => record.name)
  throw new PrivityError('not_declared', { kind: 'record', path: ['record'], declared })
}
