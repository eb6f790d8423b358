import { compile, rememberCompiled } from './compile.ts'
import { explain } from './explain.ts'
import { collectFaults } from './faults.ts'
import type { AnyField } from './field.ts'
import { freezeDeep } from './freeze.ts'
import { type PolicyContent, readPolicy } from './policy-content.ts'
import type { Policy, PolicyInput, RecordFaults } from './policy-type.ts'
import type { Purposes } from './purposes.ts'
import type { RecordOptions, RecordType } from './record-type.ts'

/**
 * Puts purposes, records and roles together into the one object that decides who may see what.
 * An empty policy is valid and permits nothing.
 *
 * @throws {@link invalid_input} with every fault of every part.
 * @example
 * ```ts
 * const policy = definePolicy({
 *   controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
 *   purposes,
 *   records: { contact },
 *   roles: { agent: { purposes: ['support'] } },
 * })
 * console.log(policy.hash.length) // 43
 * ```
 */
export function definePolicy<
  const P extends Purposes,
  R extends Record<string, RecordType<Record<string, AnyField>, RecordOptions>>,
>(input: PolicyInput<P, R> & RecordFaults<P, R>): Policy<P, R> {
  const content = collectFaults((faults) => readPolicy(input, faults))
  const compiled = compile(content)
  const policy = { ...publicParts(content), hash: compiled.hash }
  // What it says is no part of what it is: copies and comparisons leave it out.
  Object.defineProperty(policy, 'explain', {
    value: (options?: unknown) => explain(compiled, options),
  })
  freezeDeep(policy)
  rememberCompiled(policy, compiled)
  // The copies have the names of P and R: every one of them was read from the input.
  return policy as unknown as Policy<P, R>
}

function publicParts({
  controller,
  version,
  purposes,
  records,
  roles,
  collections,
}: PolicyContent): object {
  return {
    controller,
    ...(version === undefined ? {} : { version }),
    purposes: Object.fromEntries(purposes),
    records: Object.fromEntries([...records].map(([name, { type }]) => [name, type])),
    roles: Object.fromEntries(roles),
    ...(collections === undefined ? {} : { collections: Object.fromEntries(collections) }),
  }
}
