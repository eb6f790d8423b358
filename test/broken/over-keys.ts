import { lengthPrefixed, utf8 } from '../../src/base/bytes.ts'
import { PrivityError } from '../../src/base/errors.ts'
import { randomBytes } from '../../src/crypto/random.ts'
import { unwrapBytes, wrapBytes } from '../../src/crypto/wrap.ts'
import { currentEpochFault } from '../../src/keys/epoch-faults.ts'
import type { KeyContext, KeyProvider } from '../../src/keys/provider.ts'
import { type KeyProviderSuite, keyProviderSuite } from '../../src/testkit/key-provider-suite.ts'

/** Registers the suite of one provider. */
export type RegisterKeySuite = (test: KeyProviderSuite<never>['test']) => void

/** The secrets of a provider in memory, which several providers may share. */
export interface KeyData {
  /** By epoch; those that were destroyed have none. */
  readonly secrets: Map<number, Uint8Array>
  readonly destroyed: Map<number, number>
  current: number
  isAway: boolean
}

/** Provider in memory that is right. */
export type MemoryKeys = Required<KeyProvider>

/** A provider that is right, with what a provider got wrong in place of its own. */
export type KeyMistake = (right: MemoryKeys, data: KeyData) => Partial<KeyProvider>

const LABEL = utf8('memory')

/** The suite of a provider in memory that is right but for one mistake. */
export function overKeys(mistake: KeyMistake): RegisterKeySuite {
  function connect(data: KeyData): KeyProvider {
    const right = memoryKeys(data)
    return { ...right, ...mistake(right, data) }
  }
  return (test) => {
    keyProviderSuite({
      test,
      epochs: 'many',
      open: async () => {
        const data = keyData()
        return { data, keys: connect(data), dispose: async () => {} }
      },
      again: async ({ data }) => connect(data),
      outage: async ({ data }) => {
        data.isAway = true
        return async () => {
          data.isAway = false
        }
      },
    })
  }
}

/** One epoch. */
export function keyData(): KeyData {
  return {
    secrets: new Map([[1, randomBytes(32)]]),
    destroyed: new Map(),
    current: 1,
    isAway: false,
  }
}

/** What wrapped keys are bound to. */
export function boundTo({ storeId, epoch, accessClass, salt }: KeyContext): Uint8Array {
  return lengthPrefixed([LABEL, utf8(storeId), utf8(String(epoch)), utf8(accessClass), salt])
}

/** The secret of an epoch that lives. */
export function secretOf(data: KeyData, { epoch, accessClass: what }: KeyContext): Uint8Array {
  if (data.isAway) throw new PrivityError('key_unavailable', { what })
  if (data.destroyed.has(epoch)) throw new PrivityError('key_unreadable', { what })
  const secret = data.secrets.get(epoch)
  if (secret === undefined) throw new PrivityError('key_unknown', { what })
  return secret
}

/** A provider that is right, over secrets in memory. */
export function memoryKeys(data: KeyData): MemoryKeys {
  return {
    id: 'memory',
    irrecoverableBy: 'epoch_end',
    currentEpoch: async () => data.current,
    wrap: async (key, context) => wrapBytes(secretOf(data, context), key, boundTo(context)),
    unwrap: async (wrapped, context) => {
      const key = unwrapBytes(secretOf(data, context), wrapped, boundTo(context))
      if (key !== undefined) return key
      throw new PrivityError('key_unreadable', { what: context.accessClass })
    },
    rotate: async () => {
      if (data.isAway) throw new PrivityError('key_unavailable', { what: 'controller' })
      data.current += 1
      data.secrets.set(data.current, randomBytes(32))
      return data.current
    },
    destroy: async (epoch) => {
      if (!data.secrets.has(epoch) && !data.destroyed.has(epoch))
        throw new PrivityError('key_unknown', { what: 'controller' })
      if (epoch === data.current) throw currentEpochFault()
      data.secrets.delete(epoch)
      const effectiveAt = data.destroyed.get(epoch) ?? 1_000 + data.destroyed.size
      data.destroyed.set(epoch, effectiveAt)
      return { effectiveAt }
    },
  }
}
