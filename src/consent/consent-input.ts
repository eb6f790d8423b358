import * as z from 'zod/mini'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { parseInput } from '../base/parse.ts'
import { type NoticeRef, noticeRef } from '../notices/notice-ref.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { Purpose } from '../policy/purposes.ts'
import { type PolicyRows, withFormer } from './former-purposes.ts'

/** Where and how a person decided. */
export interface ConsentMethod {
  /**
   * `web`, `app` and `email` need a `servedId`; `phone`, `paper`, `in_person` and `import` say by
   * themselves why there is none.
   */
  readonly channel: 'web' | 'app' | 'email' | 'phone' | 'paper' | 'in_person' | 'import'
  /** What the person used, e.g. `checkbox`. */
  readonly control?: string
  /** From `notices.serve`: language and text are those of the serving. */
  readonly servedId?: string
}

/** A decision about purposes, on the ground of a notice. */
export interface DecisionInput<P extends string = string> {
  /** What is decided on; each must have the basis `consent`. */
  readonly purposes: readonly P[]
  /** What the person was shown: what `notices.publish` gave. */
  readonly notice: NoticeRef
  /** How the person decided. */
  readonly method: ConsentMethod
}

/** A withdrawal: no reason is asked. */
export interface WithdrawInput<P extends string = string> {
  /** What is taken back or objected to; each with any basis. */
  readonly purposes: readonly P[]
}

const CHANNELS = ['web', 'app', 'email', 'phone', 'paper', 'in_person', 'import'] as const
const NEED_SERVING: ReadonlySet<string> = new Set(['web', 'app', 'email'])
const MAX_PURPOSES = 64

const purposes = z.array(z.string()).check(z.minLength(1), z.maxLength(MAX_PURPOSES))
const control = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,127}$/))
const decisionInput = z.strictObject({
  purposes,
  notice: noticeRef,
  method: z.strictObject({
    channel: z.enum(CHANNELS),
    control: z.optional(control),
    servedId: z.optional(z.string().check(z.maxLength(64))),
  }),
})
const withdrawInput = z.strictObject({ purposes })

/** @throws {@link invalid_input} · @throws {@link not_declared} */
export function parseDecision(policy: CompiledPolicy, input: unknown): DecisionInput {
  const decision = parseInput(decisionInput, input) as DecisionInput
  const { channel, servedId } = decision.method
  const served = servedId !== undefined
  if (NEED_SERVING.has(channel) && !served) throw invalidInput(['method', 'servedId'], 'required')
  decision.purposes.forEach((name, index) => {
    const { basis } = requirePurpose(policy, name, index)
    if (basis !== 'consent') throw invalidInput(['purposes', index], 'basis_is_not_consent')
  })
  return { ...decision, purposes: [...new Set(decision.purposes)] }
}

/** What is taken back, and a policy that has all of it. */
export interface ParsedWithdrawal {
  readonly purposes: readonly string[]
  readonly policy: CompiledPolicy
}

/** @throws {@link invalid_input} · @throws {@link not_declared} when no policy ever had such a purpose */
export async function parseWithdrawal(
  running: CompiledPolicy,
  rows: PolicyRows,
  input: unknown,
): Promise<ParsedWithdrawal> {
  const { purposes: names } = parseInput(withdrawInput, input)
  const policy = await withFormer(rows, running, names)
  for (const [index, name] of names.entries()) {
    if (!policy.purposes.has(name)) requirePurpose(running, name, index)
  }
  return { purposes: [...new Set(names)], policy }
}

/** A purpose and its name in the policy. */
export type NamedPurpose = Purpose & { readonly name: string }

/** @throws {@link not_declared} when the policy has no such purpose */
export function requirePurpose(
  policy: CompiledPolicy,
  name: unknown,
  index?: number,
): NamedPurpose {
  if (typeof name !== 'string') throw invalidInput(['purpose'], 'not_a_string')
  const purpose = policy.purposes.get(name)
  if (purpose !== undefined) return { ...purpose, name }
  const path = index === undefined ? ['purpose'] : ['purposes', index]
  throw new PrivityError('not_declared', {
    kind: 'purpose',
    path,
    declared: [...policy.purposes.keys()],
  })
}
