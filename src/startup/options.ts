import { invalidInput } from '../base/errors.ts'
import { type Clock, systemClock } from '../base/time.ts'
import { type ErasureHook, parseHooks } from '../erasure/hook.ts'
import type { KeyProvider } from '../keys/provider.ts'
import type { Relationship } from '../permit/permit.ts'
import { guardStore } from '../storage/guarded-store.ts'
import type { Store } from '../storage/store.ts'

/** A clock of the app; what it leaves out is the system's. */
export interface ClockOption {
  /** Milliseconds since the epoch. */
  now(): number
  wait?(ms: number, signal?: AbortSignal): Promise<void>
}

/** The options of `createPrivity`, checked; the policy is checked by itself. */
export interface ParsedOptions {
  readonly store: Store
  readonly keys: KeyProvider
  readonly hooks: readonly ErasureHook[]
  readonly mode: 'strict' | 'deferred'
  readonly tenant: string | undefined
  readonly clock: Clock
  readonly relationship: Relationship | undefined
}

const KNOWN = ['policy', 'store', 'keys', 'hooks', 'audit', 'tenant', 'clock', 'relationship']
const STORE_METHODS = ['open', 'read', 'scan', 'commit', 'close'] as const
const KEYS_METHODS = ['currentEpoch', 'wrap', 'unwrap'] as const
const MAX_TENANT = 256

/** @throws {@link invalid_input} */
export function parseOptions(options: unknown): ParsedOptions {
  const given = members(options, [])
  const unknown = Object.keys(given).findIndex((name) => !KNOWN.includes(name))
  if (unknown >= 0) throw invalidInput(['options'], 'unknown_option')
  const { store, keys, hooks, audit = 'strict', tenant, clock, relationship } = given
  if (audit !== 'strict' && audit !== 'deferred') throw invalidInput(['audit'], 'not_a_mode')
  if (tenant !== undefined && !isTenant(tenant)) throw invalidInput(['tenant'], 'not_a_tenant')
  if (relationship !== undefined && typeof relationship !== 'function')
    throw invalidInput(['relationship'], 'not_a_function')
  return {
    store: guardStore(withMethods<Store>(store, 'store', STORE_METHODS)),
    keys: withMethods<KeyProvider>(keys, 'keys', KEYS_METHODS),
    hooks: parseHooks(hooks),
    mode: audit,
    tenant: tenant as string | undefined,
    clock: parseClock(clock),
    relationship: relationship as Relationship | undefined,
  }
}

function parseClock(clock: unknown): Clock {
  const system = systemClock()
  if (clock === undefined) return system
  const { now, wait } = withMethods<ClockOption>(clock, 'clock', ['now'])
  if (wait !== undefined && typeof wait !== 'function')
    throw invalidInput(['clock', 'wait'], 'not_a_function')
  return {
    now: () => wholeMs(now.call(clock)),
    wait: (ms, signal) =>
      wait === undefined ? system.wait(ms, signal) : wait.call(clock, ms, signal),
  }
}

function wholeMs(ms: unknown): number {
  if (typeof ms === 'number' && Number.isFinite(ms)) return Math.trunc(ms)
  throw invalidInput(['clock', 'now'], 'not_a_time')
}

function withMethods<T>(value: unknown, name: string, methods: readonly string[]): T {
  const given = members(value, [name])
  const lacking = methods.find((method) => typeof given[method] !== 'function')
  if (lacking !== undefined) throw invalidInput([name, lacking], 'not_a_function')
  return value as T
}

function members(value: unknown, path: readonly string[]): { readonly [name: string]: unknown } {
  if (typeof value !== 'object' || value === null) throw invalidInput(path, 'not_an_object')
  return value as { readonly [name: string]: unknown }
}

function isTenant(tenant: unknown): boolean {
  return (
    typeof tenant === 'string' &&
    tenant.length > 0 &&
    tenant.length <= MAX_TENANT &&
    tenant.isWellFormed()
  )
}
