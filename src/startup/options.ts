import { parseAnchor } from '../anchors/parse-anchor.ts'
import { invalidInput } from '../base/errors.ts'
import { membersOf, pick } from '../base/members.ts'
import { type Clock, LAST_INSTANT, systemClock } from '../base/time.ts'
import type { ErasureHook } from '../erasure/hook.ts'
import { parseHooks } from '../erasure/parse-hooks.ts'
import type { GuardedKeys } from '../keys/guarded-keys.ts'
import type { Relationship } from '../permit/permit.ts'
import type { Anchor } from '../storage/anchor.ts'
import type { Store } from '../storage/store.ts'
import { callable } from './callable.ts'
import { checkCollections } from './check-collections.ts'
import { checkHookParts } from './check-hook-parts.ts'
import { parseKeys } from './parse-keys.ts'
import { isShardCount } from './shard-count.ts'
import { parseStore } from './parse-store.ts'

/** A clock of the app; what it leaves out is the system's. */
export interface ClockOption {
  /** Milliseconds since the epoch. */
  now(): number
  /** Resolves after so many milliseconds, or rejects once the signal aborts. */
  wait?(ms: number, signal?: AbortSignal): Promise<void>
  /** The same for work that nobody waits for: it should keep no process alive. Default: `wait`. */
  rest?(ms: number, signal?: AbortSignal): Promise<void>
}

/** The options of `createPrivity`, read once and checked; the policy is checked by itself. */
export interface ParsedOptions {
  /** As given. */
  readonly policy: object
  readonly store: Store
  readonly keyStore: Store | undefined
  readonly journal: Store | undefined
  readonly suppression: 'on' | 'off'
  readonly keys: GuardedKeys
  readonly anchor: Anchor | undefined
  readonly shards: number | undefined
  readonly hooks: readonly ErasureHook[]
  readonly mode: 'strict' | 'deferred'
  readonly tenant: string | undefined
  readonly clock: Clock
  readonly relationship: Relationship | undefined
}

const NAMES = [
  'policy',
  'store',
  'keyStore',
  'journal',
  'suppression',
  'keys',
  'anchor',
  'shards',
  'hooks',
  'audit',
  'tenant',
  'clock',
  'relationship',
] as const
const MAX_TENANT = 256

/** @throws {@link invalid_input} */
export function parseOptions(options: unknown): ParsedOptions {
  const given = membersOf(options, NAMES, ['options'])
  const { policy, audit = 'strict', tenant, relationship, shards } = given
  if (typeof policy !== 'object' || policy === null) throw invalidInput(['policy'], 'not_a_policy')
  if (audit !== 'strict' && audit !== 'deferred') throw invalidInput(['audit'], 'not_a_mode')
  if (shards !== undefined && !isShardCount(shards)) throw invalidInput(['shards'], 'not_a_count')
  const { suppression = 'on' } = given
  if (suppression !== 'on' && suppression !== 'off')
    throw invalidInput(['suppression'], 'not_a_mode')
  if (tenant !== undefined && !isTenant(tenant)) throw invalidInput(['tenant'], 'not_a_tenant')
  if (relationship !== undefined && typeof relationship !== 'function')
    throw invalidInput(['relationship'], 'not_a_function')
  const hooks = parseHooks(given.hooks)
  checkCollections(policy, hooks)
  checkHookParts(policy, hooks)
  return {
    policy,
    store: parseStore(given.store, 'store'),
    keyStore: parseBeside(given, 'keyStore'),
    journal: parseBeside(given, 'journal'),
    suppression,
    keys: parseKeys(given.keys),
    anchor: given.anchor === undefined ? undefined : parseAnchor(given.anchor, ['anchor']),
    shards,
    hooks,
    mode: audit,
    tenant,
    clock: parseClock(given.clock),
    relationship: relationship as Relationship | undefined,
  }
}

/** A store beside the main one, which it must not be. */
function parseBeside(
  given: { readonly store?: unknown; readonly keyStore?: unknown; readonly journal?: unknown },
  name: 'keyStore' | 'journal',
): Store | undefined {
  const store = given[name]
  if (store === undefined) return undefined
  if (store === given.store) throw invalidInput([name], 'same_as_store')
  if (name === 'journal' && store === given.keyStore)
    throw invalidInput([name], 'same_as_key_store')
  return parseStore(store, name)
}

function isTenant(tenant: unknown): tenant is string {
  return (
    typeof tenant === 'string' &&
    tenant.length > 0 &&
    tenant.length <= MAX_TENANT &&
    tenant.isWellFormed()
  )
}

/** A time that could not be written is an error of the call that asks for it. */
function parseClock(clock: unknown): Clock {
  const system = systemClock()
  if (clock === undefined) return system
  const given = pick(clock, ['now', 'wait', 'rest'], ['clock'])
  const method = callable<ClockOption>(clock, 'clock')
  const now = method('now', given.now)
  const waits = given.wait === undefined ? system : { wait: method('wait', given.wait) }
  const rests = given.rest === undefined ? {} : { rest: method('rest', given.rest) }
  return { ...waits, ...rests, now: () => wholeMs(now) }
}

function wholeMs(now: ClockOption['now']): number {
  const ms = timeOf(now)
  const whole = typeof ms === 'number' ? Math.trunc(ms) : Number.NaN
  if (whole >= 0 && whole <= LAST_INSTANT) return whole
  throw invalidInput(['clock', 'now'], 'not_a_time')
}

function timeOf(now: () => unknown): unknown {
  try {
    return now()
  } catch {
    // What the clock of the app throws goes no further.
    return undefined
  }
}
