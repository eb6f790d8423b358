import * as z from 'zod/mini'
import { parseInput } from '../base/parse.ts'
import { addDuration, type Duration, type Instant, isDuration, toInstant } from '../base/time.ts'
import type { FormJwk } from '../crypto/form-key.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { RecordType } from '../policy/record-type.ts'
import type { Input } from '../policy/view-types.ts'
import type { People } from '../subjects/people.ts'
import { createFormKeys } from './form-keys.ts'
import type { FormContext } from './form-payload.ts'
import {
  type OpenFormDeps,
  openForm,
  type OpenedPayload,
  parseExpectation,
  type ParsedExpectation,
} from './open-form.ts'

/** Forms that were sealed in the browser with `sealFor` of `privity/seal`. */
export interface Forms<R, P extends string> {
  /**
   * The key to seal forms to; made, and its making logged, when there is none. Ask for it for every page: it
   * changes.
   */
  publicKey(): Promise<FormJwk>
  /**
   * Opens a form with a whole record. Its fields passed the schemas, and are for the accessor to store with
   * `operationId`: a form that is handed in twice takes effect once.
   *
   * @throws {@link invalid_input} when it was altered, is too old, or is another form than was expected
   * @throws {@link not_permitted} for a field that the purpose does not serve · @throws {@link not_declared}
   * @example
   * ```ts
   * const form = await privity.forms.open(sealed, { record: 'contact', purpose: 'support', binding: csrfToken })
   * const { operationId } = form
   * await support.contact.create(subjectId, form.fields, { operationId })
   * ```
   */
  open<const Q extends P, const K extends keyof R & string>(
    sealed: string,
    expected: FormExpectation<Q, K>,
  ): Promise<OpenedForm<Input<FieldsOf<R[K]>, Q>>>
  /**
   * Opens a form with some fields of a record, for an update.
   *
   * @throws {@link invalid_input} · @throws {@link not_permitted} · @throws {@link not_declared} as `open` does
   */
  openChanges<const Q extends P, const K extends keyof R & string>(
    sealed: string,
    expected: FormExpectation<Q, K>,
  ): Promise<OpenedForm<Partial<Input<FieldsOf<R[K]>, Q>>>>
  /**
   * Puts a new key in use. What was sealed to the one before still opens until the grace is over, when its private
   * half is destroyed by whoever asks next.
   *
   * @throws {@link write_conflict} when another process did the same meanwhile · @throws {@link invalid_input}
   */
  rotateKey(options?: RotateFormKeyOptions): Promise<void>
}

/** Which form is expected. */
export interface FormExpectation<P extends string, K> extends FormContext {
  /** The record type that the form is for. */
  readonly record: K & string
  /** The purpose whose fields it may hold. */
  readonly purpose: P
  /** How long ago it may have been sealed, by the clock of the browser. Default: 24 hours. */
  readonly maxAge?: Duration
}

/** A form that was opened. */
export interface OpenedForm<F> {
  /** As they were filled in. */
  readonly fields: F
  /** For the write: the same form is the same operation. */
  readonly operationId: string
  /** By the clock of the browser. */
  readonly sealedAt: Instant
}

/** How a key goes out of use. */
export interface RotateFormKeyOptions {
  /** Until what was sealed to the old key opens no more. Default: 24 hours. */
  readonly grace?: Duration
}

/** What forms need. */
export interface FormsDeps {
  readonly people: People
  readonly policy: CompiledPolicy
}

type FieldsOf<T> = T extends RecordType<infer F, infer _O> ? F : never

const DEFAULT_GRACE: Duration = { hours: 24 }
const rotateOptions = z.strictObject({ grace: z.optional(z.custom<Duration>(isDuration)) })

/** Forms under the running policy. */
export function createForms<R, P extends string>({ people, policy }: FormsDeps): Forms<R, P> {
  const now = (): number => people.now()
  const keys = createFormKeys({ ...people.deps, now })
  const deps: OpenFormDeps = { policy, keys, now }
  return {
    publicKey: async () => (await keys.current()).jwk,
    open: (sealed, expected) =>
      open(deps, { sealed, expected }, ({ plan }, { fields }) => plan.parseCreate(fields)),
    openChanges: (sealed, expected) =>
      open(deps, { sealed, expected }, ({ plan }, { fields }) =>
        plan.parseChanges(fields, undefined),
      ),
    rotateKey: async (options) => {
      const { grace = DEFAULT_GRACE } = parseInput(rotateOptions, options ?? {})
      await keys.rotate(addDuration(now(), grace))
    },
  }
}

type Check = (expected: ParsedExpectation, form: OpenedPayload) => Promise<unknown>

async function open<F>(
  deps: OpenFormDeps,
  given: { readonly sealed: unknown; readonly expected: unknown },
  check: Check,
): Promise<OpenedForm<F>> {
  const expected = parseExpectation(deps.policy, given.expected)
  const form = await openForm(deps, given.sealed, expected)
  await check(expected, form)
  return Object.freeze({
    // Just now the schemas took them for what the type says.
    fields: form.fields as F,
    operationId: `form:${form.id}`,
    sealedAt: toInstant(form.at),
  })
}
