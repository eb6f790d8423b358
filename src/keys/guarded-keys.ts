import { sameBytes } from '../base/bytes.ts'
import { invalidInput, isPrivityError, PrivityError } from '../base/errors.ts'
import { LAST_INSTANT, systemClock } from '../base/time.ts'
import { currentEpochFault } from './epoch-faults.ts'
import type { Destruction, KeyContext, KeyProvider } from './provider.ts'

/** A provider that answers every call with a checked answer or a verdict about keys. */
export type GuardedKeys = Readonly<Required<KeyProvider>>

const PATIENCE_MS = 10_000
/** An epoch is four bytes of every entry in a key ring. */
const MAX_EPOCH = 0xffff_ffff
/** Every key that is wrapped has this length. */
const KEY_LENGTH = 32
/** Beyond any KMS (AWS: 6,144 bytes), and far below what a row may hold. */
const MAX_BYTES = 16_384

/** What a provider may say; anything else it throws, `erased` above all, would be a false verdict. */
const VERDICTS = ['key_unknown', 'key_unreadable', 'key_unavailable'] as const
/** Words of the providers here, such as `key_file.missing`; other text may hold anything. */
const WORD = /^key_(?:file|database)(?:\.[a-z_]{1,24})?$/

/**
 * The edge between a key provider and everything else: what it throws becomes a typed error that repeats
 * nothing of it, and an answer that can be no key or epoch is none. It gets copies, and so does the caller.
 *
 * @throws {@link key_unavailable} from every call that ends in anything but an answer or a verdict
 * @throws {@link key_unreadable} for an unwrapped key of another length
 * @throws {@link not_supported} from `rotate` and `destroy` where the provider has none
 */
export function guardKeys(provider: KeyProvider): GuardedKeys {
  const { id, irrecoverableBy } = provider
  return Object.freeze({
    id,
    irrecoverableBy,
    currentEpoch: () => answer('controller', parseEpoch, () => provider.currentEpoch()),
    wrap: (key: Uint8Array, context: KeyContext) => wrap(provider, key, context),
    unwrap: (wrapped: Uint8Array, context: KeyContext) => unwrap(provider, wrapped, context),
    rotate: () => rotate(provider),
    destroy: (epoch: number) => destroy(provider, epoch),
  })
}

async function wrap(
  provider: KeyProvider,
  key: Uint8Array,
  context: KeyContext,
): Promise<Uint8Array> {
  const { accessClass: what } = context
  const copy = Uint8Array.from(key)
  const wrapped = await answer(what, parseBytes, () => provider.wrap(copy, { ...context }))
  copy.fill(0)
  // It is stored beside the data: a provider that does not encrypt would give everything away.
  if (holds(wrapped, key)) throw new PrivityError('key_unavailable', { what })
  return wrapped
}

async function unwrap(
  provider: KeyProvider,
  wrapped: Uint8Array,
  context: KeyContext,
): Promise<Uint8Array> {
  const { accessClass: what } = context
  const copy = Uint8Array.from(wrapped)
  const key = await answer(what, parseBytes, () => provider.unwrap(copy, { ...context }))
  if (key.length !== KEY_LENGTH) throw new PrivityError('key_unreadable', { what })
  return key
}

async function rotate(provider: KeyProvider): Promise<number> {
  if (provider.rotate === undefined)
    throw new PrivityError('not_supported', { what: 'keys.rotate' })
  return answer('controller', parseEpoch, () => provider.rotate?.())
}

async function destroy(provider: KeyProvider, epoch: number): Promise<Destruction> {
  if (provider.destroy === undefined)
    throw new PrivityError('not_supported', { what: 'keys.retire' })
  if (parseEpoch(epoch) === undefined) throw invalidInput(['epoch'], 'not_an_epoch')
  // Whatever the provider checks itself: the secret of the current epoch is the one nothing survives.
  const current = await answer('controller', parseEpoch, () => provider.currentEpoch())
  if (epoch === current) throw currentEpochFault()
  return answer('controller', parseDestruction, () => provider.destroy?.(epoch))
}

async function answer<T>(
  what: string,
  parse: (value: unknown) => T | undefined,
  call: () => Promise<unknown> | undefined,
): Promise<T> {
  const silence = new AbortController()
  try {
    const value = parse(await Promise.race([call(), giveUp(silence.signal)]))
    if (value !== undefined) return value
  } catch (error) {
    throw verdictOf(error, what)
  } finally {
    silence.abort()
  }
  throw new PrivityError('key_unavailable', { what })
}

/** Made anew, so that a cause or a detail that the provider added goes no further. */
function verdictOf(error: unknown, asked: string): PrivityError {
  if (isPrivityError(error, 'unsupported_format')) {
    const { what, version } = error.details
    return new PrivityError('unsupported_format', {
      what: wordOr(what, 'keys'),
      version: Number.isSafeInteger(version) ? version : 0,
    })
  }
  if (isPrivityError(error, 'invalid_transition')) return currentEpochFault()
  for (const code of VERDICTS) {
    if (isPrivityError(error, code))
      return new PrivityError(code, { what: wordOr(error.details.what, asked) })
  }
  return new PrivityError('key_unavailable', { what: asked })
}

function wordOr(word: unknown, instead: string): string {
  return typeof word === 'string' && WORD.test(word) ? word : instead
}

/** Real time, whatever the app's clock says: a provider that hangs must not hang the app. */
async function giveUp(signal: AbortSignal): Promise<undefined> {
  await systemClock()
    .wait(PATIENCE_MS, signal)
    .catch(() => undefined)
  return undefined
}

function parseEpoch(value: unknown): number | undefined {
  const fits = Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= MAX_EPOCH
  return fits ? Number(value) : undefined
}

/** A copy: a view of a pool, or of memory that is shared, changes after it was checked. */
function parseBytes(value: unknown): Uint8Array | undefined {
  if (!(value instanceof Uint8Array) || value.byteLength > MAX_BYTES) return undefined
  const copy = new Uint8Array(value)
  return copy.length > 0 ? copy : undefined
}

function parseDestruction(value: unknown): Destruction | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const effectiveAt: unknown = Reflect.get(value, 'effectiveAt')
  const fits = typeof effectiveAt === 'number' && effectiveAt >= 0 && effectiveAt <= LAST_INSTANT
  return fits ? { effectiveAt: Math.trunc(effectiveAt) } : undefined
}

function holds(bytes: Uint8Array, part: Uint8Array): boolean {
  for (let at = 0; at + part.length <= bytes.length; at += 1) {
    if (sameBytes(bytes.subarray(at, at + part.length), part)) return true
  }
  return false
}
