import * as z from 'zod/mini'
import { equalBytes, fromUtf8, utf8 } from '../base/bytes.ts'
import { invalidInput, isPrivityError, PrivityError } from '../base/errors.ts'
import { isId } from '../base/id.ts'
import { parseInput } from '../base/parse.ts'
import { addDuration, type Duration, isDuration } from '../base/time.ts'
import { requirePurpose } from '../consent/consent-input.ts'
import { openJwe, parseJwe } from '../crypto/open-jwe.ts'
import type { CompiledPolicy, Plan } from '../policy/compiled.ts'
import { FORM_TYP, FORM_VERSION } from './form-payload.ts'
import type { FormKeys } from './form-keys.ts'

/** What a form is expected to be. */
export interface ParsedExpectation {
  readonly record: string
  readonly purpose: string
  readonly binding: string | undefined
  readonly maxAge: Duration
  readonly plan: Plan
}

/** A form that opens and is what was expected; its fields are not checked. */
export interface OpenedPayload {
  readonly id: string
  /** Milliseconds since the epoch, by the clock of who sealed it. */
  readonly at: number
  readonly fields: object
}

/** What opening needs. */
export interface OpenFormDeps {
  readonly policy: CompiledPolicy
  readonly keys: FormKeys
  now(): number
}

const MAX_CHARACTERS = 1_048_576
/** Clocks of browsers are not exact: a form may come from that far in the future. */
const AHEAD_MS = 3_600_000
const DEFAULT_AGE: Duration = { hours: 24 }

const text = z.string().check(z.minLength(1), z.maxLength(4_096))
const duration = z.custom<Duration>(isDuration)
const expectation = z.strictObject({
  record: z.string(),
  purpose: z.string(),
  binding: z.optional(text),
  maxAge: z.optional(duration),
})
const payload = z.strictObject({
  v: z.literal(FORM_VERSION),
  id: z.custom<string>(isId),
  at: z.int(),
  record: z.string(),
  purpose: z.string(),
  binding: z.optional(text),
  // Not z.record, which leaves out `__proto__` in silence.
  fields: z.custom<object>(isRecord),
})

/** @throws {@link invalid_input} · @throws {@link not_declared} */
export function parseExpectation(policy: CompiledPolicy, expected: unknown): ParsedExpectation {
  const { record, binding, maxAge = DEFAULT_AGE, ...rest } = parseInput(expectation, expected)
  const purpose = requirePurpose(policy, rest.purpose).name
  const plan = policy.records.get(record)?.plans.get(purpose)
  if (plan === undefined) {
    const declared = [...policy.records.keys()]
    throw new PrivityError('not_declared', { kind: 'record', path: ['record'], declared })
  }
  return { record, purpose, binding, maxAge, plan }
}

/**
 * Opens a form, and holds it against what is expected.
 *
 * @throws {@link invalid_input} with what is wrong with `sealed`
 */
export async function openForm(
  { keys, now }: OpenFormDeps,
  sealed: unknown,
  expected: ParsedExpectation,
): Promise<OpenedPayload> {
  if (typeof sealed !== 'string' || sealed.length > MAX_CHARACTERS) throw refused('not_a_form')
  const jwe = parseJwe(sealed, FORM_TYP)
  if (jwe === undefined) throw refused('not_a_form')
  const key = await keys.find(jwe.kid)
  if (key === undefined) throw refused('unknown_key')
  const plaintext = await openJwe(jwe, key)
  if (plaintext === undefined) throw refused('not_authentic')
  const form = parsePayload(plaintext)
  if (form.record !== expected.record) throw refused('other_record')
  if (form.purpose !== expected.purpose) throw refused('other_purpose')
  if (!isBound(form.binding, expected.binding)) throw refused('other_binding')
  if (!isFresh(form.at, expected.maxAge, now())) throw refused('expired')
  return form
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parsePayload(plaintext: Uint8Array): z.output<typeof payload> {
  try {
    return parseInput(payload, JSON.parse(fromUtf8(plaintext) ?? ''))
  } catch (error) {
    // What is wrong with it is of no use to anybody but who made it up.
    if (isPrivityError(error) || error instanceof SyntaxError) throw refused('not_a_form')
    throw error
  }
}

/** A form that names nobody is not taken where somebody is expected, nor the other way round. */
function isBound(binding: string | undefined, expected: string | undefined): boolean {
  if (binding === undefined || expected === undefined) return binding === expected
  return equalBytes(utf8(binding), utf8(expected))
}

function isFresh(at: number, maxAge: Duration, now: number): boolean {
  if (at > now + AHEAD_MS) return false
  try {
    return now < addDuration(at, maxAge)
  } catch {
    // A time beyond the calendar.
    return false
  }
}

function refused(code: string): PrivityError {
  return invalidInput(['sealed'], code)
}
