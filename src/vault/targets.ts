import type { Target, Vault } from './vault.ts'

/** Record types of the running policy, for what is no question of a purpose: every purpose has a plan of each. */
export function targetsOf({
  policy,
  layouts,
}: Pick<Vault, 'policy' | 'layouts'>): readonly Target[] {
  return [...policy.records.values()].flatMap((record) => {
    const [plan] = record.plans.values()
    return plan === undefined ? [] : [{ record, plan, type: layouts.typeOf(record.name) }]
  })
}
