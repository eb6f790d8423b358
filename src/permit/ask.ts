import * as z from 'zod/mini'
import { parseInput } from '../base/parse.ts'
import { requirePurpose } from '../consent/consent-input.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { Purpose } from '../policy/purposes.ts'

/** Who acts, as the app says. */
export interface Actor {
  /** Stable id within the app, at most 256 characters; in the access log, sealed. */
  readonly id: string
  /** Names of roles of the policy; what the policy does not know grants nothing. */
  readonly roles: readonly string[]
  /** Whether a second factor was shown. Handed to `relationship`, which may insist on it; nothing else looks at it, and no log has it. */
  readonly mfa?: boolean
}

/** An actor who acts for a purpose. */
export interface AccessAsk<P extends string = string> {
  /** What for: a purpose of the policy. */
  readonly purpose: P
  /** Who acts; the app has made sure that it is them. */
  readonly actor: Actor
  /** What the access is for, where the purpose requires one, e.g. a ticket's id. */
  readonly task?: string
}

/** An ask about one person. */
export interface MayAsk<P extends string = string> extends AccessAsk<P> {
  /** Whose data is to be used. */
  readonly subjectId: string
}

/** An ask that was checked against the policy. */
export interface ParsedAsk {
  readonly name: string
  readonly purpose: Purpose
  readonly actor: Actor
  readonly task: string | undefined
  readonly hasRole: boolean
}

const NAME = z.string().check(
  z.minLength(1),
  z.maxLength(256),
  z.refine((name) => name.isWellFormed()),
)
const actor = z.strictObject({
  id: NAME,
  roles: z.array(NAME).check(z.maxLength(64)),
  mfa: z.optional(z.boolean()),
})
const accessAsk = z.strictObject({ purpose: z.string(), actor, task: z.optional(NAME) })
const mayAsk = z.extend(accessAsk, { subjectId: z.string() })

/** @throws {@link invalid_input} · @throws {@link not_declared} */
export function parseAsk(policy: CompiledPolicy, ask: unknown): ParsedAsk {
  return withPolicy(policy, parseInput(accessAsk, ask))
}

/** @throws {@link invalid_input} · @throws {@link not_declared} */
export function parseMay(
  policy: CompiledPolicy,
  ask: unknown,
): ParsedAsk & { readonly subjectId: string } {
  const parsed = parseInput(mayAsk, ask)
  return { ...withPolicy(policy, parsed), subjectId: parsed.subjectId }
}

function withPolicy(policy: CompiledPolicy, ask: z.output<typeof accessAsk>): ParsedAsk {
  const purpose = requirePurpose(policy, ask.purpose)
  const { id, roles, mfa } = ask.actor
  // A role that the policy does not know grants nothing.
  const hasRole = roles.some((role) => policy.roles.get(role)?.has(ask.purpose) === true)
  const who: Actor = Object.freeze({
    id,
    roles: Object.freeze([...roles]),
    ...(mfa === undefined ? {} : { mfa }),
  })
  return { name: purpose.name, purpose, actor: who, task: ask.task, hasRole }
}
