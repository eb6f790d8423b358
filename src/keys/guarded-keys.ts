import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { KeyContext, KeyProvider } from './provider.ts'

/** An epoch is four bytes of every envelope. */
const MAX_EPOCH = 0xffff_ffff

/**
 * The edge between a key provider and everything else: what it throws becomes a typed error that repeats
 * nothing of it, and an answer that can be no key or epoch is none.
 *
 * @throws {@link key_unavailable} from every call that ends in anything but an answer or an error of this
 * library.
 */
export function guardKeys(provider: KeyProvider): KeyProvider {
  const { id, irrecoverableBy } = provider
  return Object.freeze({
    id,
    irrecoverableBy,
    currentEpoch: () => answer('controller', isEpoch, () => provider.currentEpoch()),
    wrap: (key: Uint8Array, context: KeyContext) =>
      answer(context.accessClass, isBytes, () => provider.wrap(key, context)),
    unwrap: (wrapped: Uint8Array, context: KeyContext) =>
      answer(context.accessClass, isBytes, () => provider.unwrap(wrapped, context)),
  })
}

async function answer<T>(
  what: string,
  isAnswer: (value: unknown) => boolean,
  call: () => Promise<T>,
): Promise<T> {
  try {
    const value = await call()
    if (isAnswer(value)) return value
  } catch (error) {
    if (isPrivityError(error)) throw error
  }
  throw new PrivityError('key_unavailable', { what })
}

function isEpoch(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= MAX_EPOCH
}

function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array && value.length > 0
}
