import * as z from 'zod/mini'
import { PrivityError } from '../base/errors.ts'
import type { SubjectId } from '../base/id.ts'
import { parseInput } from '../base/parse.ts'
import { requirePurpose } from '../consent/consent-input.ts'
import { admit, type AdmitDeps } from '../permit/admit.ts'
import { type AccessAsk, type ParsedAsk, parseAsk } from '../permit/ask.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import { fromPseudonym, type Pseudonym, toPseudonym } from './pseudonym.ts'
import { createScopeKeys, type PseudonymScope, type ScopeKeys } from './scope-keys.ts'

/** Names for people that only this controller can trace back, a set of its own per recipient and purpose. */
export interface Pseudonyms<P extends string = string> {
  /**
   * The pseudonym of a person towards a recipient, for a purpose that this person permits now: always the same,
   * and like none that another recipient gets, or the same one for another purpose. Logged as an access.
   *
   * @throws {@link not_permitted} with all reasons · @throws {@link not_found} · @throws {@link erased}
   * @throws {@link invalid_input} · @throws {@link not_declared}
   * @example
   * ```ts
   * const actor = { id: 'job:export', roles: ['agent'] }
   * const ask = { subjectId, recipient: 'mail-processor', purpose: 'support', actor } as const
   * const pseudonym = await privity.pseudonyms.of(ask)
   * ```
   */
  of<const R extends string>(ask: PseudonymAsk<P, R>): Promise<Pseudonym<R>>
  /**
   * The person of a pseudonym, if the actor may look at them for the purpose now. Logged as an access.
   *
   * @throws {@link not_found} when it was not made here for this recipient and purpose, or its key is destroyed
   * @throws {@link not_permitted} with all reasons · @throws {@link erased}
   * @throws {@link invalid_input} · @throws {@link not_declared}
   */
  resolve<const R extends string>(
    pseudonym: Pseudonym<R>,
    ask: AccessAsk<P> & PseudonymScope<P, R>,
  ): Promise<{ readonly id: SubjectId }>
  /**
   * Destroys the key of a recipient's pseudonyms for a purpose: nobody can trace or make them any more. Who
   * asks for one later gets a new one.
   *
   * @throws {@link not_found} when there is no such key
   * @throws {@link invalid_input} · @throws {@link not_declared}
   */
  destroy(scope: PseudonymScope<P>): Promise<void>
}

/** Who wants whose pseudonym for whom. */
export type PseudonymAsk<P extends string = string, R extends string = string> = AccessAsk<P> &
  PseudonymScope<P, R> & { readonly subjectId: SubjectId }

/** What pseudonyms need. */
export interface PseudonymsDeps extends AdmitDeps {
  readonly policy: CompiledPolicy
}

const RECIPIENT = z.string().check(
  z.minLength(1),
  z.maxLength(256),
  z.refine((name) => name.isWellFormed()),
)
const scopeShape = z.strictObject({ recipient: RECIPIENT, purpose: z.string() })
const resolveShape = z.extend(scopeShape, { actor: z.unknown(), task: z.optional(z.unknown()) })
const ofShape = z.extend(resolveShape, { subjectId: z.string() })

/** Pseudonyms over the people of a store. */
export function createPseudonyms(deps: PseudonymsDeps): Pseudonyms {
  const keys = createScopeKeys(deps.people.deps)
  return {
    of: (ask) => pseudonymOf(deps, keys, ask),
    resolve: (pseudonym, ask) => resolve(deps, keys, { pseudonym, ask }),
    destroy: async (scope) => {
      const parsed = parseInput(scopeShape, scope)
      await keys.destroy({ ...parsed, purpose: requirePurpose(deps.policy, parsed.purpose).name })
    },
  }
}

async function pseudonymOf<R extends string>(
  deps: PseudonymsDeps,
  keys: ScopeKeys,
  given: unknown,
): Promise<Pseudonym<R>> {
  const { subjectId: id, recipient, ...rest } = parseInput(ofShape, given)
  const { ask, scope, record } = scoped(deps, recipient, rest)
  const row = keys.rowOf(scope)
  const { person, rows, log } = await admit(deps, { ask, id, record, also: [row] })
  const { storeId } = deps.people.deps
  const stored = rows[0] ?? (await keys.ensure(scope))
  const pseudonym = await keys.use(row, stored, (key) => toPseudonym(key, storeId, person.id))
  if (pseudonym === undefined) throw unknownPseudonym()
  await log([])
  return pseudonym
}

interface Resolving {
  readonly pseudonym: unknown
  readonly ask: unknown
}

async function resolve(
  deps: PseudonymsDeps,
  keys: ScopeKeys,
  { pseudonym, ask: given }: Resolving,
): Promise<{ readonly id: SubjectId }> {
  const text = parseInput(z.string(), pseudonym)
  const { recipient, ...rest } = parseInput(resolveShape, given)
  const { ask, scope, record } = scoped(deps, recipient, rest)
  const { store, storeId } = deps.people.deps
  const row = keys.rowOf(scope)
  const [stored] = await store.read([row])
  const id = await keys.use(row, stored, (key) => fromPseudonym(key, storeId, text))
  // A forged one, one of another recipient, and one whose key is gone cannot be told apart.
  if (id === undefined) throw unknownPseudonym()
  const { log } = await admit(deps, { ask, id, record })
  await log([])
  return { id }
}

interface Scoped {
  readonly ask: ParsedAsk
  readonly scope: PseudonymScope
  /** What the access log says was looked at; no record type has such a name. */
  readonly record: string
}

function scoped({ policy }: PseudonymsDeps, recipient: string, rest: object): Scoped {
  const ask = parseAsk(policy, rest)
  return { ask, scope: { recipient, purpose: ask.name }, record: `pseudonym/${recipient}` }
}

function unknownPseudonym(): PrivityError {
  return new PrivityError('not_found', { kind: 'pseudonym' })
}
