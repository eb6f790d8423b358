import { concatBytes, toHex } from '../../src/base/bytes.ts'
import { PrivityError } from '../../src/base/errors.ts'
import { randomBytes } from '../../src/crypto/random.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import type { KeyContext } from '../../src/keys/provider.ts'
import { boundTo, type KeyMistake, memoryKeys, secretOf } from './over-keys.ts'

/** Binds a key to nothing of one part of its context. */
export function ignores(part: 'storeId' | 'accessClass' | 'salt'): KeyMistake {
  const fixed = { storeId: '', accessClass: '', salt: new Uint8Array(0) }[part]
  const without = (context: KeyContext): KeyContext => ({ ...context, [part]: fixed })
  return (right) => ({
    wrap: (key, context) => right.wrap(key, without(context)),
    unwrap: (wrapped, context) => right.unwrap(wrapped, without(context)),
  })
}

/** Joins store and class without their lengths. */
export const joinsParts: KeyMistake = (right) => {
  const joined = (context: KeyContext): KeyContext => ({
    ...context,
    storeId: '',
    accessClass: context.storeId + context.accessClass,
  })
  return {
    wrap: (key, context) => right.wrap(key, joined(context)),
    unwrap: (wrapped, context) => right.unwrap(wrapped, joined(context)),
  }
}

/** Encrypts, and looks after nobody who changes the bytes. */
export const unauthenticated: KeyMistake = (_, data) => {
  const crypt = async (bytes: Uint8Array, context: KeyContext): Promise<Uint8Array> => {
    const pad = sha256(concatBytes([secretOf(data, context), boundTo(context)]))
    return bytes.map((byte, at) => byte ^ (pad[at % 32] ?? 0))
  }
  return { wrap: crypt, unwrap: crypt }
}

/** Stores the key beside its seal, to compare them. */
export const keepsPlaintext: KeyMistake = (right) => ({
  wrap: async (key, context) => concatBytes([await right.wrap(key, context), key]),
  unwrap: async (wrapped, context) =>
    right.unwrap(wrapped.subarray(0, 24 + 16 + (wrapped.length - 40) / 2), context),
})

/** Keeps the key, in hexadecimal digits, in what it stores. */
export const keepsHex: KeyMistake = (right) => ({
  wrap: async (key, context) =>
    concatBytes([await right.wrap(key, context), new TextEncoder().encode(toHex(key))]),
  unwrap: async (wrapped, context) =>
    right.unwrap(wrapped.subarray(0, 40 + (wrapped.length - 40) / 3), context),
})

/** One secret for all epochs: destroying one destroys nothing. */
export const oneSecret: KeyMistake = (right, data) => {
  const first = (context: KeyContext): KeyContext => ({ ...context, epoch: 1 })
  return {
    wrap: (key, context) => right.wrap(key, first(context)),
    unwrap: (wrapped, context) => right.unwrap(wrapped, first(context)),
    destroy: async (epoch) => {
      if (epoch === data.current) return right.destroy(epoch)
      return { effectiveAt: 1 }
    },
  }
}

/** Only says that it destroyed. */
export const destroysNothing: KeyMistake = (right, data) => ({
  destroy: async (epoch) => {
    const secret = data.secrets.get(epoch)
    const answer = await right.destroy(epoch)
    data.destroyed.delete(epoch)
    if (secret !== undefined) data.secrets.set(epoch, secret)
    return answer
  },
})

/** Destroys what is in use. */
export const destroysCurrent: KeyMistake = (right, data) => ({
  destroy: async (epoch) => {
    if (epoch !== data.current) return right.destroy(epoch)
    data.secrets.delete(epoch)
    data.destroyed.set(epoch, 1)
    return { effectiveAt: 1 }
  },
})

/** Takes everything that it does not find for destroyed. */
export const destroysAnything: KeyMistake = (right, data) => ({
  destroy: async (epoch) => (epoch > data.current ? { effectiveAt: 1 } : right.destroy(epoch)),
})

/** Gives a new time each time. */
export const newTimes: KeyMistake = (right) => {
  let calls = 0
  return {
    destroy: async (epoch) => {
      await right.destroy(epoch)
      calls += 1
      return { effectiveAt: calls }
    },
  }
}

/** Counts the epochs that live. */
export const reusesNumbers: KeyMistake = (_, data) => ({
  rotate: async () => {
    data.current = data.secrets.size + 1
    data.destroyed.delete(data.current)
    data.secrets.set(data.current, randomBytes(32))
    return data.current
  },
})

/** Reads the number, waits, and writes it: two at once get the same. */
export const racingRotations: KeyMistake = (_, data) => ({
  rotate: async () => {
    if (data.isAway) throw new PrivityError('key_unavailable', { what: 'controller' })
    const next = data.current + 1
    await Promise.resolve()
    data.secrets.set(next, randomBytes(32))
    data.current = next
    return next
  },
})

/** Asks once, and never again. */
export const neverNotices: KeyMistake = (right, data) => {
  const known = data.current
  let own = known
  return {
    currentEpoch: async () => own,
    rotate: async () => {
      own = await right.rotate()
      return own
    },
  }
}

/** Keeps in memory what was destroyed. */
export const keepsSecrets: KeyMistake = (_, data) => {
  const known = new Map<number, Uint8Array>()
  const kept = memoryKeys({ ...data, secrets: known, destroyed: new Map() })
  const learn = (): void => {
    for (const [epoch, secret] of data.secrets) known.set(epoch, secret)
  }
  return {
    unwrap: async (wrapped, context) => {
      learn()
      return kept.unwrap(wrapped, context)
    },
    rotate: async () => {
      learn()
      return memoryKeys(data).rotate()
    },
  }
}

/** Says of a dead epoch that it may come back. */
export const deadAsUnavailable: KeyMistake = (right, data) => ({
  unwrap: async (wrapped, context) => {
    if (data.destroyed.has(context.epoch))
      throw new PrivityError('key_unavailable', { what: context.accessClass })
    return right.unwrap(wrapped, context)
  },
})

/** Lets the errors of its client through. */
export const foreignKeyErrors: KeyMistake = (right) => ({
  unwrap: async (wrapped, context) => {
    try {
      return await right.unwrap(wrapped, context)
    } catch {
      throw new RangeError('InvalidCiphertextException')
    }
  },
})

/** Quotes what it could not open. */
export const quotesKeys: KeyMistake = (right) => ({
  unwrap: async (wrapped, context) => {
    try {
      return await right.unwrap(wrapped, context)
    } catch {
      throw new PrivityError('key_unreadable', { what: toHex(wrapped) })
    }
  },
})

/** Gives out the same memory again. */
export const sharesMemory: KeyMistake = (right) => {
  const pool = new Uint8Array(2 ** 21)
  return {
    unwrap: async (wrapped, context) => {
      const key = await right.unwrap(wrapped, context)
      pool.set(key)
      return pool.subarray(0, key.length)
    },
  }
}

/** Overwrites a key that is not its own. */
export const wipesInput: KeyMistake = (right) => ({
  wrap: async (key, context) => {
    const wrapped = await right.wrap(key, context)
    key.fill(0)
    return wrapped
  },
})

/** Takes the memory behind a view for the view. */
export const ignoresViews: KeyMistake = (right) => ({
  wrap: (key, context) => right.wrap(new Uint8Array(key.buffer, 0, key.length), context),
})

/** Remembers the last call only. */
export const mixesCalls: KeyMistake = (right) => {
  let last: KeyContext | undefined
  return {
    wrap: async (key, context) => {
      last = context
      await Promise.resolve()
      return right.wrap(key, last)
    },
  }
}

/** Makes new secrets where it finds none. */
export const startsAnew: KeyMistake = (right, data) => ({
  wrap: async (key, context) => {
    if (data.isAway) {
      data.secrets.set(context.epoch, randomBytes(32))
      data.isAway = false
    }
    return right.wrap(key, context)
  },
})
