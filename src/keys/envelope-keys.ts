import { concatBytes, equalBytes, lengthPrefixed, toHex, utf8 } from '../base/bytes.ts'
import { canonicalBytes } from '../base/canonical.ts'
import { invalidInput, isPrivityError, PrivityError } from '../base/errors.ts'
import { pick } from '../base/members.ts'
import { sha256 } from '../crypto/hash.ts'
import { currentEpochFault } from './epoch-faults.ts'
import type { Destruction, KeyContext, KeyProvider } from './provider.ts'

/** What a KMS is asked. */
export interface EnvelopeCall {
  /** Epoch whose secret is to be used. */
  readonly epoch: number
  /**
   * What the KMS is to authenticate (an encryption context): `store`, `epoch`, `class` and `salt`. A KMS logs it
   * in clear, so it holds random ids and the name of an access class, and nothing of a person.
   */
  readonly context: Readonly<Record<string, string>>
  /** The same as bytes, for a KMS that authenticates bytes (associated data). */
  readonly contextBytes: Uint8Array
  /** Aborts shortly before the answer would come too late. */
  readonly signal: AbortSignal
}

/** The calls to a KMS, a vault or an HSM. */
export interface EnvelopeOptions {
  /** Names the kind and the place of the keys, never a secret: `aws-kms:eu-west-1/alias/privity`. */
  readonly id: string
  /** Default: `epoch_end` with `destroy`, else `backup_expiry`. */
  readonly irrecoverableBy?: KeyProvider['irrecoverableBy']
  /** The epoch to wrap under, from 1 up: a version of a KMS key, or a place in a list of keys. */
  readonly currentEpoch: () => Promise<number>
  /** Encrypts up to 4 KiB. */
  readonly wrap: (key: Uint8Array, call: EnvelopeCall) => Promise<Uint8Array>
  /**
   * Decrypts. A `PrivityError` that it throws counts as it is: `key_unreadable` where the KMS says that it
   * cannot decrypt or that the key was destroyed, `key_unavailable` to refuse a class. Anything else counts as
   * `key_unavailable`.
   */
  readonly unwrap: (wrapped: Uint8Array, call: EnvelopeCall) => Promise<Uint8Array>
  /** Makes a new epoch the current one, and gives its number. */
  readonly rotate?: () => Promise<number>
  /** Destroys the secret of an epoch, and says from when on the KMS itself cannot undo it. */
  readonly destroy?: (epoch: number) => Promise<Destruction>
}

type Calls = Pick<EnvelopeOptions, 'currentEpoch' | 'wrap' | 'unwrap' | 'rotate' | 'destroy'>

const METHODS = ['currentEpoch', 'wrap', 'unwrap', 'rotate', 'destroy'] as const
const OPTIONAL: readonly string[] = ['rotate', 'destroy']
const NAMES = ['id', 'irrecoverableBy', ...METHODS] as const
const LABEL = utf8('privity/kms/v1')
const VERSION = 1
const DIGEST = 32
/** Shorter than a provider may take to answer. */
const PATIENCE_MS = 9_000

/**
 * Keys that a KMS wraps: AWS KMS, Google Cloud KMS, Vault transit or anything else that encrypts a few dozen
 * bytes. A digest of key and context is encrypted along, so that an answer which is not the key that was
 * wrapped in this context is refused even where the KMS ignores the context.
 *
 * Retries of throttled calls are the client's; whatever is not answered in nine seconds counts as refused. Each store
 * and tenant needs a key of its own: an epoch that one of them retires is gone for all that share it.
 *
 * @throws {@link invalid_input} for options of another shape
 * @example
 * ```ts
 * import { envelopeKeys } from 'privity'
 *
 * declare const kms: {
 *   encrypt(version: number, bytes: Uint8Array, context: object): Promise<Uint8Array>
 *   decrypt(version: number, bytes: Uint8Array, context: object): Promise<Uint8Array>
 * }
 * const keys = envelopeKeys({
 *   id: 'kms:privity',
 *   currentEpoch: async () => 1,
 *   wrap: (key, { epoch, context }) => kms.encrypt(epoch, key, context),
 *   unwrap: (wrapped, { epoch, context }) => kms.decrypt(epoch, wrapped, context),
 * })
 * console.log(keys.irrecoverableBy) // backup_expiry
 * ```
 */
export function envelopeKeys(options: EnvelopeOptions): KeyProvider {
  const { id, irrecoverableBy, calls } = parseOptions(options)
  const { currentEpoch, rotate, destroy: end } = calls
  return {
    id,
    irrecoverableBy,
    currentEpoch: () => asked('controller', currentEpoch),
    wrap: (key, context) => wrap(calls, key, context),
    unwrap: (wrapped, context) => unwrap(calls, wrapped, context),
    ...(rotate === undefined ? {} : { rotate: () => asked('controller', rotate) }),
    ...(end === undefined ? {} : { destroy: (epoch: number) => destroy(calls, end, epoch) }),
  }
}

interface Parsed {
  readonly id: string
  readonly irrecoverableBy: KeyProvider['irrecoverableBy']
  readonly calls: Calls
}

function parseOptions(options: unknown): Parsed {
  const given = pick(options, NAMES, ['options'])
  const { id, destroy } = given
  const { irrecoverableBy = destroy === undefined ? 'backup_expiry' : 'epoch_end' } = given
  if (typeof id !== 'string' || id === '') throw invalidInput(['options', 'id'], 'not_an_id')
  if (irrecoverableBy !== 'backup_expiry' && irrecoverableBy !== 'epoch_end')
    throw invalidInput(['options', 'irrecoverableBy'], 'not_an_end')
  const calls = METHODS.flatMap((name) => {
    const method: unknown = given[name]
    if (method === undefined && OPTIONAL.includes(name)) return []
    if (typeof method !== 'function') throw invalidInput(['options', name], 'not_a_function')
    // The options may be an instance, whose methods look for what else it holds.
    const call = (...args: readonly unknown[]): unknown => Reflect.apply(method, options, args)
    return [[name, call] as const]
  })
  return { id, irrecoverableBy, calls: Object.fromEntries(calls) as unknown as Calls }
}

async function wrap(calls: Calls, key: Uint8Array, context: KeyContext): Promise<Uint8Array> {
  const { accessClass: what } = context
  const payload = concatBytes([Uint8Array.of(VERSION), digestOf(key, context), key])
  try {
    const wrapped = await asked(what, () => calls.wrap(payload, callOf(context)))
    if (isBytes(wrapped) && wrapped.length > 0) return Uint8Array.from(wrapped)
  } finally {
    payload.fill(0)
  }
  throw new PrivityError('key_unavailable', { what })
}

async function unwrap(calls: Calls, wrapped: Uint8Array, context: KeyContext): Promise<Uint8Array> {
  const { accessClass: what } = context
  const payload = await asked(what, () => calls.unwrap(Uint8Array.from(wrapped), callOf(context)))
  if (!isBytes(payload)) throw new PrivityError('key_unavailable', { what })
  const [version = 0] = payload
  const key = Uint8Array.from(payload.subarray(1 + DIGEST))
  const isWhole = version === VERSION && payload.length >= 1 + DIGEST
  if (isWhole && equalBytes(payload.subarray(1, 1 + DIGEST), digestOf(key, context))) return key
  throw new PrivityError('key_unreadable', { what })
}

async function destroy(
  { currentEpoch }: Calls,
  end: NonNullable<EnvelopeOptions['destroy']>,
  epoch: number,
): Promise<Destruction> {
  const current = await asked('controller', currentEpoch)
  if (epoch === current) throw currentEpochFault()
  if (!Number.isSafeInteger(epoch) || epoch < 1 || epoch > current)
    throw new PrivityError('key_unknown', { what: 'controller' })
  return asked('controller', () => end(epoch))
}

/** What a client throws may quote the request, and with it the key. */
async function asked<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (isPrivityError(error)) throw error
    throw new PrivityError('key_unavailable', { what })
  }
}

function callOf({ storeId, epoch, accessClass, salt }: KeyContext): EnvelopeCall {
  const context = {
    store: storeId,
    epoch: String(epoch),
    class: accessClass,
    salt: toHex(salt),
  }
  const signal = AbortSignal.timeout(PATIENCE_MS)
  return { epoch, context, contextBytes: canonicalBytes(context), signal }
}

function digestOf(key: Uint8Array, { storeId, epoch, accessClass, salt }: KeyContext): Uint8Array {
  const parts = [LABEL, utf8(storeId), utf8(String(epoch)), utf8(accessClass), salt, key]
  return sha256(lengthPrefixed(parts))
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array
}
