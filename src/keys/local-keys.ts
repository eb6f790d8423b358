import { lengthPrefixed, toHex, utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import { hkdfSha256 } from '../crypto/hkdf.ts'
import { scryptKey } from '../crypto/scrypt.ts'
import { unwrapBytes, wrapBytes } from '../crypto/wrap.ts'
import type { KeyContext, KeyProvider } from './provider.ts'

const SECRET_LENGTH = 32
const MIN_PASSPHRASE = 8
const MAX_PASSPHRASE = 1_024
const LABEL = utf8('privity/local/v1')
const ONLY_EPOCH = 1

/**
 * Keys under a secret that the app holds: 32 random bytes, or a passphrase (at least 8 characters) that
 * goes through scrypt.
 *
 * It has one epoch for ever: who holds the secret and an old copy of the store can read what was erased
 * since, until that copy expires. Certificates say so (`irrecoverableBy: 'backup_expiry'`).
 *
 * @throws {@link invalid_input} when the secret is neither
 * @example
 * ```ts
 * import { localKeys } from 'privity'
 *
 * const keys = localKeys(crypto.getRandomValues(new Uint8Array(32)))
 * ```
 */
export function localKeys(secret: Uint8Array | string): KeyProvider {
  const rootKey = createRoot(secret)
  return {
    id: 'local',
    irrecoverableBy: 'backup_expiry',
    currentEpoch: async () => ONLY_EPOCH,
    wrap: async (key, context) => wrapBytes(await rootKey(context), key, associatedData(context)),
    unwrap: async (wrapped, context) => {
      const key = unwrapBytes(await rootKey(context), wrapped, associatedData(context))
      if (key === undefined) throw new PrivityError('key_unreadable', { what: context.accessClass })
      return key
    },
  }
}

type RootKey = (context: KeyContext) => Promise<Uint8Array>

function createRoot(secret: unknown): RootKey {
  const root = rootOf(secret)
  if (root !== undefined)
    return oncePerSalt(async (salt) =>
      root.use((ikm) => hkdfSha256(ikm, { salt, info: LABEL, length: 32 })),
    )
  if (
    typeof secret === 'string' &&
    secret.length >= MIN_PASSPHRASE &&
    secret.length <= MAX_PASSPHRASE &&
    // Every half of a character would become the same replacement.
    secret.isWellFormed()
  ) {
    return stretched(Secret.of(utf8(secret.normalize('NFKC'))))
  }
  throw new PrivityError('invalid_input', { issues: [{ path: ['secret'], code: 'not_a_secret' }] })
}

function rootOf(secret: unknown): Secret | undefined {
  try {
    const fits = secret instanceof Uint8Array && secret.length === SECRET_LENGTH
    return fits ? Secret.of(secret) : undefined
  } catch {
    // A proxy that throws.
    return undefined
  }
}

function stretched(passphrase: Secret): RootKey {
  return oncePerSalt((salt) =>
    passphrase.use((bytes) => scryptKey(new TextDecoder().decode(bytes), salt)),
  )
}

/**
 * Once per store, not once per key: half a second for a passphrase, and as long as two keys take to open for a
 * secret. One that failed, for want of the 128 MiB of scrypt, is tried again at the next call.
 */
function oncePerSalt(make: (salt: Uint8Array) => Promise<Uint8Array>): RootKey {
  const roots = new Map<string, Promise<Uint8Array>>()
  return async ({ salt, accessClass }) => {
    const name = toHex(salt)
    const root = roots.get(name) ?? make(salt)
    roots.set(name, root)
    try {
      return await root
    } catch {
      if (roots.get(name) === root) roots.delete(name)
      throw new PrivityError('key_unavailable', { what: accessClass })
    }
  }
}

function associatedData({ storeId, epoch, accessClass }: KeyContext): Uint8Array {
  return lengthPrefixed([LABEL, utf8(storeId), utf8(String(epoch)), utf8(accessClass)])
}
