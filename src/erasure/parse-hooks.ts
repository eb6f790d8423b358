import { invalidInput, type InputPath } from '../base/errors.ts'
import { elementsOf, pick } from '../base/members.ts'
import { isDuration } from '../base/time.ts'
import type { ErasureHook, HookItem } from './hook.ts'
import { orderHooks } from './hook-order.ts'
import { parseParts } from './parse-parts.ts'

const ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/
const MAX_ITEM_ID = 128
const MAX_DESCRIPTION = 256
/** A hook with more to erase groups it: an item has a count. */
const MAX_ITEMS = 1_000
const MAX_DEPENDENCIES = 64
const METHODS = ['plan', 'execute', 'verify'] as const

/** What a hook may say about itself beside its id, and the rule that it must keep. */
const OPTIONS = {
  version: { code: 'not_a_version', fits: (value) => isWhole(value, Number.MAX_SAFE_INTEGER) },
  needsPlaintext: { code: 'not_a_boolean', fits: (value) => typeof value === 'boolean' },
  dependsOn: { code: 'not_a_list_of_ids', fits: Array.isArray },
  partial: {
    code: 'not_a_boolean_or_list',
    fits: (value) => typeof value === 'boolean' || Array.isArray(value),
  },
  replay: { code: 'not_a_replay', fits: (value) => value === 'execute' || value === 'skip' },
  concurrency: { code: 'not_a_count', fits: (value) => isWhole(value, 16) },
  attempts: { code: 'not_a_count', fits: (value) => isWhole(value, 100) },
  deadline: { code: 'not_a_duration', fits: isDuration },
  owner: { code: 'not_a_word', fits: isWord },
} as const satisfies {
  readonly [name: string]: {
    readonly code: string
    readonly fits: (value: unknown) => boolean
  }
}
/** Options that are lists, and what reads one. */
const LISTS: {
  readonly [name: string]: (value: unknown, path: InputPath) => unknown
} = { dependsOn: parseIds, partial: parseParts }
const OPTION_NAMES = Object.keys(OPTIONS) as readonly (keyof typeof OPTIONS)[]
const NAMES = ['id', ...OPTION_NAMES, ...METHODS] as const

/** @throws {@link invalid_input} when hooks are no list of complete hooks under different ids, in an order */
export function parseHooks(hooks: unknown): readonly ErasureHook[] {
  if (hooks === undefined) return []
  // Hooks may be instances, so only the list is copied.
  const given = elementsOf(hooks)
  if (given === undefined) throw invalidInput(['hooks'], 'not_a_list')
  const parsed = given.map(parseHook)
  parsed.forEach(({ id }, index) => {
    const first = parsed.findIndex((hook) => hook.id === id)
    if (first !== index) throw invalidInput(['hooks', index, 'id'], 'duplicate')
  })
  return orderHooks(parsed)
}

/** A word of the app that may be shown: an id, an owner, the number of a ticket. */
export function isWord(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value)
}

/** Reads a hook once, so that what was checked is what is run. */
function parseHook(hook: unknown, index: number): ErasureHook {
  const path = ['hooks', index]
  const given = pick(hook, NAMES, path)
  const { id } = given
  if (!isWord(id)) throw invalidInput([...path, 'id'], 'not_an_id')
  const options = OPTION_NAMES.flatMap((name) => {
    const value = given[name]
    if (value === undefined) return []
    if (!OPTIONS[name].fits(value)) throw invalidInput([...path, name], OPTIONS[name].code)
    return [[name, LISTS[name]?.(value, [...path, name]) ?? value] as const]
  })
  // It would be asked once nothing of what it reads is left.
  if (given.needsPlaintext === true && given.partial === false)
    throw invalidInput([...path, 'partial'], 'needs_plaintext')
  const [plan, execute, verify] = METHODS.map((name) => {
    const method = given[name]
    if (typeof method !== 'function') throw invalidInput([...path, name], 'not_a_function')
    return (...args: readonly unknown[]): unknown => Reflect.apply(method, hook, args)
  })
  return Object.freeze({
    id,
    ...Object.fromEntries(options),
    plan,
    execute,
    verify,
  } as unknown as ErasureHook)
}

function parseIds(value: unknown, path: InputPath): readonly string[] {
  const ids = elementsOf(value)
  const isList = ids !== undefined && ids.length <= MAX_DEPENDENCIES && ids.every(isWord)
  if (!isList) throw invalidInput(path, OPTIONS.dependsOn.code)
  return Object.freeze([...new Set(ids)])
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

function isWhole(value: unknown, most: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= most
}
