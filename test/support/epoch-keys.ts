import { type KeyContext, type KeyProvider, PrivityError } from 'privity'
import { lengthPrefixed, utf8 } from '../../src/base/bytes.ts'
import { randomBytes } from '../../src/crypto/random.ts'
import { unwrapBytes, wrapBytes } from '../../src/crypto/wrap.ts'

/** A KMS in memory: its epochs can die, and single classes can be withheld from a process. */
export interface EpochKeys {
  /** For one process; `refuses` says which classes it is not given. */
  provider(refuses?: (accessClass: string) => boolean): Required<KeyProvider>
  readonly current: number
  readonly destroyed: ReadonlySet<number>
  /** Calls of `rotate` so far. */
  readonly rotations: number
  /** A KMS that rotates by itself. */
  rotate(): void
  /** Another one that is as this one is now. */
  copy(): EpochKeys
}

/** Starts at epoch 1. Milliseconds of a waiting period, after which what is destroyed is gone. */
export function epochKeys(
  options: {
    readonly waiting?: number
    readonly now?: () => number
    readonly secrets?: ReadonlyMap<number, Uint8Array>
  } = {},
): EpochKeys {
  const { waiting = 0, now = () => 0 } = options
  const secrets = new Map(options.secrets ?? [[1, randomBytes(32)]])
  const destroyed = new Map<number, number>()
  let current = secrets.size
  let rotations = 0
  function secretOf({ epoch, accessClass }: KeyContext): Uint8Array {
    const secret = secrets.get(epoch)
    if (secret === undefined) throw new PrivityError('key_unknown', { what: accessClass })
    if (destroyed.has(epoch)) throw new PrivityError('key_unreadable', { what: accessClass })
    return secret
  }
  function rotate(): number {
    current += 1
    rotations += 1
    secrets.set(current, randomBytes(32))
    return current
  }
  return {
    get current() {
      return current
    },
    get destroyed() {
      return new Set(destroyed.keys())
    },
    get rotations() {
      return rotations
    },
    rotate,
    copy: () => epochKeys({ ...options, secrets }),
    provider: (refuses = () => false) => {
      function check({ accessClass }: KeyContext): void {
        if (refuses(accessClass)) throw new PrivityError('key_unavailable', { what: accessClass })
      }
      return {
        id: 'test-kms',
        irrecoverableBy: 'epoch_end',
        currentEpoch: async () => current,
        wrap: async (key, context) => {
          check(context)
          return wrapBytes(secretOf(context), key, associatedData(context))
        },
        unwrap: async (wrapped, context) => {
          check(context)
          const key = unwrapBytes(secretOf(context), wrapped, associatedData(context))
          if (key !== undefined) return key
          throw new PrivityError('key_unreadable', { what: context.accessClass })
        },
        rotate: async () => rotate(),
        destroy: async (epoch) => {
          if (!secrets.has(epoch)) throw new PrivityError('key_unknown', { what: 'controller' })
          const effectiveAt = destroyed.get(epoch) ?? now() + waiting
          destroyed.set(epoch, effectiveAt)
          return { effectiveAt }
        },
      }
    },
  }
}

function associatedData({ storeId, epoch, accessClass, salt }: KeyContext): Uint8Array {
  return lengthPrefixed([utf8(storeId), utf8(String(epoch)), utf8(accessClass), salt])
}
