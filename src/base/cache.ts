import type { Clock } from './time.ts'

/** Bounds of a cache, and who hears of values that leave it. */
export interface CacheOptions<V> {
  /** The entry used longest ago goes first; below 1 nothing is kept. */
  readonly maxEntries: number
  /** Milliseconds from `set`, which reading does not prolong; 0 keeps nothing. */
  readonly maxAgeMs: number
  readonly clock: Pick<Clock, 'now'>
  /** Called once with each value that leaves, for whatever cause: the place to wipe it. */
  readonly onEvict?: (value: V) => void
}

/** A cache bounded in count and time. */
export interface Cache<V> {
  get(key: string): V | undefined
  set(key: string, value: V): void
  delete(key: string): void
  clear(): void
  /** Entries held, with those that are too old but were not asked for since. */
  readonly size: number
}

interface Entry<V> {
  readonly value: V
  readonly since: number
}

interface State<V> {
  readonly options: CacheOptions<V>
  /** In order of last use, the oldest first. */
  readonly entries: Map<string, Entry<V>>
}

/**
 * Makes an empty cache that forgets what was used longest ago, and whatever is too old.
 *
 * @example
 * ```ts
 * const cache = createCache<number>({ maxEntries: 100, maxAgeMs: 60_000, clock: systemClock() })
 * cache.set('a', 1)
 * cache.get('a') // 1
 * ```
 */
export function createCache<V>(options: CacheOptions<V>): Cache<V> {
  const state: State<V> = { options, entries: new Map() }
  return {
    get: (key) => get(state, key),
    set: (key, value) => set(state, key, value),
    delete: (key) => evict(state, key),
    clear: () => clear(state),
    get size() {
      return state.entries.size
    },
  }
}

function get<V>(state: State<V>, key: string): V | undefined {
  const entry = state.entries.get(key)
  if (entry === undefined) return undefined
  if (isOld(state, entry)) {
    evict(state, key)
    return undefined
  }
  state.entries.delete(key)
  state.entries.set(key, entry)
  return entry.value
}

function set<V>(state: State<V>, key: string, value: V): void {
  const { clock, maxEntries, maxAgeMs } = state.options
  if (state.entries.get(key)?.value === value) state.entries.delete(key)
  evict(state, key)
  // Not kept, so not evicted either: the caller may be using the value.
  if (maxEntries < 1 || maxAgeMs <= 0) return
  makeRoom(state)
  state.entries.set(key, { value, since: clock.now() })
}

function makeRoom<V>(state: State<V>): void {
  // What nobody asks for drifts to the front, so stopping at the first young entry is enough.
  for (const [oldest, entry] of state.entries) {
    if (state.entries.size < state.options.maxEntries && !isOld(state, entry)) return
    evict(state, oldest)
  }
}

function clear<V>(state: State<V>): void {
  for (const key of [...state.entries.keys()]) evict(state, key)
}

function evict<V>(state: State<V>, key: string): void {
  const entry = state.entries.get(key)
  if (entry === undefined) return
  state.entries.delete(key)
  state.options.onEvict?.(entry.value)
}

function isOld<V>(state: State<V>, entry: Entry<V>): boolean {
  const age = state.options.clock.now() - entry.since
  // A clock set back must not prolong a life.
  return age < 0 || age >= state.options.maxAgeMs
}
