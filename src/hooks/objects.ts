import { invalidInput, PrivityError } from '../base/errors.ts'
import { membersOf } from '../base/members.ts'
import { orAbort } from '../base/signal.ts'
import type { ErasureHook, HookContext, HookOutcome } from '../erasure/hook.ts'
import { type PartialOption, partialOf } from './partial-of.ts'
import { idOf, isOneStep, type PersonKey, parsePersonKey } from './person-key.ts'

/** Which objects are of a person, and how they are found and removed. */
export interface ObjectsOptions extends PartialOption {
  /** Id of the hook. */
  readonly id: string
  /** What stands before the person's id in a key: `''`, or a folder such as `uploads/`. Default: `''`. */
  readonly root?: string
  /** By which id objects are filed. Default: `externalId`. */
  readonly key?: PersonKey
  /** Every key below a prefix, all pages of them; with versioned buckets, every version too. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<string> | Promise<readonly string[]>
  /** Removes one object; also succeeds when there is none. */
  remove(key: string, signal: AbortSignal): Promise<unknown>
}

interface Objects {
  readonly list: (prefix: string, signal: AbortSignal) => unknown
  readonly remove: (key: string, signal: AbortSignal) => unknown
  /** Of this person; undefined without the id there. */
  readonly placeOf: (context: HookContext) => Place | undefined
}

interface Place {
  readonly prefix: string
  /** An id such as `../43` would reach into what is filed under another. */
  readonly isSafe: boolean
}

const NAMES = ['id', 'root', 'key', 'list', 'remove', 'partial'] as const
/** Item of the plan: it says nothing of the person. */
const ITEM = 'objects'
/** More than a person has; a list without an end that never waits would else be read for ever. */
const MAX_KEYS = 1_000_000
/** Removals under way at a time. */
const LANES = 8

/**
 * Erases every object of an object store whose key begins with `root`, the person's id and `/`. What `list`
 * gives beside those is somebody else's and stops the hook before anything is removed.
 *
 * @throws {@link invalid_input}
 * @example
 * ```ts
 * const bucket = new Map([['uploads/42/photo.jpg', 'bytes']])
 * const hook = objects({
 *   id: 'uploads',
 *   root: 'uploads/',
 *   list: async (prefix) => [...bucket.keys()].filter((key) => key.startsWith(prefix)),
 *   remove: async (key) => bucket.delete(key),
 * })
 * ```
 */
export function objects(options: ObjectsOptions): ErasureHook {
  const { id, partial, ...given } = membersOf(options, NAMES, ['options'])
  const store = parseObjects(given)
  return Object.freeze({
    id: id as string,
    version: 1,
    ...partialOf(partial),
    plan: async (context: HookContext) => {
      const place = store.placeOf(context)
      if (place === undefined) return []
      const count = place.isSafe ? (await keysOf(store, place, context)).length : 0
      return [{ id: ITEM, description: 'objects of the person', count }]
    },
    execute: (_: unknown, context: HookContext) => removeAll(store, context),
    verify: async (_: unknown, context: HookContext) => {
      const place = store.placeOf(context)
      if (place?.isSafe !== true) return 'unknown' as const
      const residual = (await keysOf(store, place, context)).length
      return residual === 0 ? ('absent' as const) : { residual }
    },
  })
}

function parseObjects({
  root = '',
  key,
  list,
  remove,
}: {
  readonly [name: string]: unknown
}): Objects {
  if (typeof root !== 'string' || !root.isWellFormed()) throw invalidInput(['root'], 'not_a_string')
  // Without it, the objects of person 1 would be found below `photos1/`, or those of 12 below 1.
  if (root !== '' && !root.endsWith('/')) throw invalidInput(['root'], 'not_a_folder')
  if (typeof list !== 'function') throw invalidInput(['list'], 'not_a_function')
  if (typeof remove !== 'function') throw invalidInput(['remove'], 'not_a_function')
  const person = parsePersonKey(key, ['key'])
  return {
    list: (prefix, signal) => Reflect.apply(list, undefined, [prefix, signal]),
    remove: (name, signal) => Reflect.apply(remove, undefined, [name, signal]),
    placeOf: (context) => {
      const id = idOf(context, person)
      return id === undefined ? undefined : { prefix: `${root}${id}/`, isSafe: isOneStep(id) }
    },
  }
}

async function removeAll(store: Objects, context: HookContext): Promise<HookOutcome> {
  const place = store.placeOf(context)
  if (place?.isSafe !== true) return { blocked: 'unsafe_name' }
  const { signal } = context
  const keys = await keysOf(store, place, context)
  const left = [...keys]
  const lanes = await Promise.allSettled(
    Array.from({ length: LANES }, async () => {
      for (let key = left.pop(); key !== undefined; key = left.pop()) {
        signal.throwIfAborted()
        await store.remove(key, signal)
      }
    }),
  )
  if (lanes.some(({ status }) => status === 'rejected'))
    return { retryAfter: { hours: 1 }, why: 'not_removed' }
  return keys.length === 0 ? 'already_done' : 'done'
}

/**
 * What the app's `list` throws may quote a key, so it goes no further.
 *
 * @throws {@link store_unavailable} · @throws {@link store_corrupt} when the store lists what was not asked for
 */
async function keysOf(
  store: Objects,
  { prefix }: Place,
  { signal }: HookContext,
): Promise<readonly string[]> {
  const found = await orAbort(collect(store, prefix, signal), signal).catch(() => {
    throw new PrivityError('store_unavailable', { reason: 'not_listed' })
  })
  const areTheirs = found.every((key) => typeof key === 'string' && key.startsWith(prefix))
  if (!areTheirs) throw new PrivityError('store_corrupt', { reason: 'foreign_key' })
  return found as readonly string[]
}

async function collect(
  { list }: Objects,
  prefix: string,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const keys = (await list(prefix, signal)) as AsyncIterable<unknown> | readonly unknown[]
  const found: unknown[] = []
  for await (const key of keys) {
    signal.throwIfAborted()
    if (found.push(key) > MAX_KEYS)
      throw new PrivityError('store_unavailable', { reason: 'too_many' })
  }
  return found
}
