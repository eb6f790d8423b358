import { policy, purposes } from './policy.ts'
import { table } from './print.ts'

/** What the policy declares: how many fields each purpose sees, and who may act for it. */
export function printPolicy(): void {
  table([
    ['purpose', 'basis', 'contact', 'invoice', 'roles'],
    ...Object.entries(purposes).map(([name, { basis }]) => [
      name,
      basis,
      countFields('contact', name),
      countFields('invoice', name),
      rolesFor(name).join(', '),
    ]),
  ])
}

function countFields(record: keyof typeof policy.records, purpose: string): number {
  return Object.values(policy.records[record].fields).filter(({ options }) => {
    const served: readonly string[] = options.purposes
    return served.includes(purpose)
  }).length
}

function rolesFor(purpose: string): readonly string[] {
  return Object.entries(policy.roles).flatMap(([name, role]) => {
    const served: readonly string[] = role.purposes
    return served.includes(purpose) ? [name] : []
  })
}
