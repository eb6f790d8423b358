import { invalidInput } from '../base/errors.ts'
import { pick } from '../base/members.ts'
import type { SubjectId } from '../base/id.ts'
import type { Duration } from '../base/time.ts'

/**
 * Reaches into one other system that holds data of the person. All plans are made before anything is
 * destroyed. A hook that fails stops none of the others, blocks the certificate, and is run again by
 * `resume`; one that needs plaintext also keeps the keys, behind the fence, until it has done its work.
 */
export interface ErasureHook {
  readonly id: string
  /** Runs while the person's fields can still be opened. Default: after the keys are destroyed. */
  readonly needsPlaintext?: boolean
  /** What there is to erase, in at most 1,000 items; changes nothing. */
  plan(context: HookContext): Promise<readonly HookItem[]>
  /** Erases one item. May run again after a crash: must be idempotent. */
  execute(item: HookItem, context: HookContext): Promise<HookOutcome>
  /** Looks whether the item is really gone; `unknown` is not absent. */
  verify(
    item: HookItem,
    context: HookContext,
  ): Promise<'absent' | 'unknown' | { readonly residual: number }>
}

/** What a hook did. */
export type HookOutcome =
  | 'done'
  | 'already_done'
  | { readonly retryAfter: Duration; readonly why: string }
  | { readonly blocked: string }

/** What a hook is given. */
export interface HookContext {
  readonly erasureId: string
  readonly subjectId: SubjectId
  readonly externalId?: string
  readonly signal: AbortSignal
  /** Plain fields of a single record; only for hooks that need plaintext, before the keys are destroyed. */
  read(
    record: string,
    fields: readonly string[],
  ): Promise<{ readonly [field: string]: unknown } | undefined>
}

/** One thing in another system. */
export interface HookItem {
  /** What the other system knows it by: when `verify` runs, nothing of the person can be read any more. */
  readonly id: string
  readonly description: string
  readonly count: number
}

const ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/
const MAX_ITEM_ID = 128
const MAX_DESCRIPTION = 256
/** A hook with more to erase groups it: an item has a count. */
const MAX_ITEMS = 1_000
const METHODS = ['plan', 'execute', 'verify'] as const
const NAMES = ['id', 'needsPlaintext', ...METHODS] as const

/** @throws {@link invalid_input} when hooks are no list of complete hooks under different ids */
export function parseHooks(hooks: unknown): readonly ErasureHook[] {
  if (hooks === undefined) return []
  const parsed = listOf(hooks).map(parseHook)
  parsed.forEach(({ id }, index) => {
    const first = parsed.findIndex((hook) => hook.id === id)
    if (first !== index) throw invalidInput(['hooks', index, 'id'], 'duplicate')
  })
  return parsed
}

/** Hooks may be instances, so only the list is copied; a hole is no hook. */
function listOf(hooks: unknown): readonly unknown[] {
  try {
    if (Array.isArray(hooks)) return Array.from(hooks)
  } catch {
    // A proxy that throws is no list either.
  }
  throw invalidInput(['hooks'], 'not_a_list')
}

/** Reads a hook once, so that what was checked is what is run. */
function parseHook(hook: unknown, index: number): ErasureHook {
  const path = ['hooks', index]
  const { id, needsPlaintext, ...given } = pick(hook, NAMES, path)
  if (typeof id !== 'string' || !ID.test(id)) throw invalidInput([...path, 'id'], 'not_an_id')
  if (needsPlaintext !== undefined && typeof needsPlaintext !== 'boolean')
    throw invalidInput([...path, 'needsPlaintext'], 'not_a_boolean')
  const [plan, execute, verify] = METHODS.map((name) => {
    const method = given[name]
    if (typeof method !== 'function') throw invalidInput([...path, name], 'not_a_function')
    return (...args: readonly unknown[]): unknown => Reflect.apply(method, hook, args)
  })
  const rest = needsPlaintext === undefined ? {} : { needsPlaintext }
  return Object.freeze({ id, ...rest, plan, execute, verify } as ErasureHook)
}

/** Copies what a hook planned; undefined when it is no list of items under different ids. */
export function parseItems(items: unknown): readonly HookItem[] | undefined {
  try {
    if (!Array.isArray(items) || items.length > MAX_ITEMS) return undefined
    const parsed = items.map(parseItem)
    const complete = parsed.every((item) => item !== undefined)
    return complete && new Set(parsed.map(({ id }) => id)).size === parsed.length
      ? parsed
      : undefined
  } catch {
    // An accessor of the hook threw: what it threw goes no further.
    return undefined
  }
}

function parseItem(item: unknown): HookItem | undefined {
  const { id, description, count } = Object(item) as Partial<HookItem>
  if (!isText(id, MAX_ITEM_ID) || !isText(description, MAX_DESCRIPTION) || id === '')
    return undefined
  return Number.isSafeInteger(count) && Number(count) >= 0
    ? { id, description, count: Number(count) }
    : undefined
}

function isText(value: unknown, length: number): value is string {
  return typeof value === 'string' && value.length <= length && value.isWellFormed()
}
