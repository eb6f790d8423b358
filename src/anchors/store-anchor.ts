import { fromUtf8, utf8 } from '../base/bytes.ts'
import { invalidInput, isPrivityError, PrivityError } from '../base/errors.ts'
import { membersOf, pick } from '../base/members.ts'
import { parseCheckpoint } from '../crypto/verify-checkpoint.ts'
import type { Anchor } from '../storage/anchor.ts'
import { guardStore } from '../storage/guarded-store.ts'
import type { Key, Store } from '../storage/store.ts'
import { parseAdvance } from './parse-advance.ts'

/** Settings of an anchor in a store. */
export interface StoreAnchorOptions {
  /** One per log that is anchored in this store. Default: `log`. */
  readonly name?: string
}

const METHODS = ['open', 'read', 'commit'] as const
const NAME = /^[A-Za-z0-9_.-]{1,64}$/

/**
 * An anchor in one row of another store: another database, under another account, with backups of its own.
 * The store is opened when it is needed first, and is the app's to close.
 *
 * @throws {@link invalid_input} for what is no store, and for unknown options
 * @example
 * ```ts
 * import { storeAnchor } from 'privity'
 * import { memoryStore } from 'privity/memory'
 *
 * const anchor = storeAnchor(memoryStore(), { name: 'acme' })
 * console.log(await anchor.read()) // undefined
 * ```
 */
export function storeAnchor(store: Store, options: StoreAnchorOptions = {}): Anchor {
  const { name = 'log' } = membersOf(options, ['name'], ['options'])
  if (typeof name !== 'string' || !NAME.test(name)) throw invalidInput(['name'], 'not_a_name')
  const place: Place = { opened: openedOnce(parseStore(store)), key: `anchor/${name}` }
  return {
    read: async () => textOf(await readRow(place)),
    advance: (from, to) => advance(place, from, to),
  }
}

interface Place {
  readonly opened: () => Promise<Store>
  readonly key: Key
}

function parseStore(store: Store): Store {
  const methods = pick(store, METHODS, ['store'])
  for (const name of METHODS) {
    if (typeof methods[name] !== 'function') throw invalidInput(['store', name], 'not_a_function')
  }
  return guardStore(store)
}

/** Opens at the first call, and again after an opening that failed. */
function openedOnce(store: Store): () => Promise<Store> {
  let opening: Promise<unknown> | undefined
  return async () => {
    opening ??= store.open()
    try {
      await opening
    } catch (error) {
      opening = undefined
      throw error
    }
    return store
  }
}

async function advance(place: Place, from: string | undefined, to: string): Promise<boolean> {
  parseAdvance(from, to)
  const row = await readRow(place)
  if (textOf(row) !== from) return false
  const store = await place.opened()
  try {
    await store.commit({
      checks: [[place.key, row ?? null]],
      put: [[place.key, utf8(to)]],
      del: [],
    })
    return true
  } catch (error) {
    if (isPrivityError(error, 'write_conflict')) return false
    throw error
  }
}

async function readRow({ opened, key }: Place): Promise<Uint8Array | undefined> {
  const store = await opened()
  const [row] = await store.read([key])
  return row
}

function textOf(row: Uint8Array | undefined): string | undefined {
  if (row === undefined) return undefined
  const text = fromUtf8(row)
  if (text !== undefined && parseCheckpoint(text) !== undefined) return text
  throw new PrivityError('store_corrupt', { reason: 'anchor' })
}
