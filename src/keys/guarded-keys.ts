import { isPrivityError, PrivityError } from '../base/errors.ts'
import { systemClock } from '../base/time.ts'
import type { KeyContext, KeyProvider } from './provider.ts'

const PATIENCE_MS = 10_000
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
  const silence = new AbortController()
  try {
    const value = await Promise.race([call(), giveUp(silence.signal)])
    if (isAnswer(value)) return value as T
  } catch (error) {
    if (isPrivityError(error)) throw error
  } finally {
    silence.abort()
  }
  throw new PrivityError('key_unavailable', { what })
}

/** Real time, whatever the app's clock says: a provider that hangs must not hang the app. */
async function giveUp(signal: AbortSignal): Promise<undefined> {
  await systemClock()
    .wait(PATIENCE_MS, signal)
    .catch(() => undefined)
  return undefined
}

function isEpoch(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= MAX_EPOCH
}

function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array && value.length > 0
}
