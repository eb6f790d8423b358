import { lengthPrefixed, utf8 } from '../base/bytes.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { randomId } from '../base/id.ts'
import { membersOf } from '../base/members.ts'
import { lackOf } from '../base/platform.ts'
import { systemClock } from '../base/time.ts'
import { makeWebKey, openWithWebKey, sealWithWebKey } from '../crypto/web-key.ts'
import { currentEpochFault } from './epoch-faults.ts'
import type { Destruction, KeyContext, KeyProvider } from './provider.ts'
import {
  changeEpochs,
  databaseFault,
  isLive,
  type LiveEpoch,
  readEpochs,
  type StoredEpoch,
} from './web-crypto-keys-database.ts'

/** Where the keys of an app are. */
export interface WebCryptoKeysOptions {
  /** Name of the keys in this origin; the database is called `privity-keys/<name>`. */
  readonly name: string
}

interface Keyring {
  readonly database: string
  /** Tells the database that was there from one that was made in its place. */
  identity: string | undefined
}

const LABEL = utf8('privity/webcrypto/v1')
const FIRST_EPOCH = 1
const MAX_NAME = 256

/**
 * Keys that a browser keeps, in an IndexedDB database of their own: one AES-256-GCM key per epoch, whose bytes
 * the browser gives to no script. Windows, workers and tabs of one origin share them.
 *
 * A script that runs in the page can use them while it runs, and cannot take them away.
 *
 * @throws {@link invalid_input} for what is no name
 * @throws {@link not_supported} where there is no IndexedDB or no WebCrypto (a page without TLS)
 * @example
 * ```ts
 * import { webCryptoKeys } from 'privity'
 *
 * const keys = webCryptoKeys({ name: 'acme' })
 * console.log(await keys.currentEpoch()) // 1
 * ```
 */
export function webCryptoKeys(options: WebCryptoKeysOptions): Required<KeyProvider> {
  const { name } = membersOf(options, ['name'], ['options'])
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME || !name.isWellFormed())
    throw invalidInput(['options', 'name'], 'not_a_name')
  if (typeof indexedDB === 'undefined')
    throw new PrivityError('not_supported', { what: 'indexedDB' })
  if (typeof crypto.subtle === 'undefined')
    throw new PrivityError('not_supported', { what: lackOf('crypto.subtle') })
  const keyring = { database: `privity-keys/${name}`, identity: undefined }
  return {
    id: 'webcrypto',
    irrecoverableBy: 'epoch_end',
    // No key is made here: whoever opens a store first asks this, also after the database was deleted.
    currentEpoch: async () => (await read(keyring)).at(-1)?.epoch ?? FIRST_EPOCH,
    wrap: (key, context) => wrap(keyring, key, context),
    unwrap: (wrapped, context) => unwrap(keyring, wrapped, context),
    rotate: () => rotate(keyring),
    destroy: (epoch) => destroy(keyring, epoch),
  }
}

async function wrap(keyring: Keyring, key: Uint8Array, context: KeyContext): Promise<Uint8Array> {
  const copy = Uint8Array.from(key)
  const found = await read(keyring)
  const epochs = found.length === 0 ? recognise(keyring, await create(keyring)) : found
  const live = liveEpoch(epochs, context)
  const wrapped = await sealWithWebKey(live.key, copy, associatedData(context))
  copy.fill(0)
  return wrapped
}

async function unwrap(
  keyring: Keyring,
  wrapped: Uint8Array,
  context: KeyContext,
): Promise<Uint8Array> {
  const copy = Uint8Array.from(wrapped)
  const live = liveEpoch(await read(keyring), context)
  const key = await openWithWebKey(live.key, copy, associatedData(context))
  if (key === undefined) throw new PrivityError('key_unreadable', { what: context.accessClass })
  return key
}

async function rotate(keyring: Keyring): Promise<number> {
  const fresh = await newEpoch()
  const put = await changeEpochs(keyring.database, (epochs) => {
    const { epoch, database } = lastOf(recognise(keyring, epochs))
    const next = { ...fresh, database, epoch: epoch + 1 }
    return { put: next, answer: next }
  })
  return put.epoch
}

function destroy(keyring: Keyring, epoch: number): Promise<Destruction> {
  return changeEpochs(keyring.database, (epochs) => {
    const last = lastOf(recognise(keyring, epochs))
    const found = epochs.find((one) => one.epoch === epoch)
    if (found === undefined) throw new PrivityError('key_unknown', { what: 'controller' })
    if (!isLive(found)) return { answer: { effectiveAt: found.destroyedAt } }
    if (found === last) throw currentEpochFault()
    const { database, createdAt } = found
    const destroyedAt = systemClock().now()
    return {
      put: { database, epoch, createdAt, destroyedAt },
      answer: { effectiveAt: destroyedAt },
    }
  })
}

/** Of two tabs that make the first key at once, one makes it. */
async function create(keyring: Keyring): Promise<readonly StoredEpoch[]> {
  const fresh = await newEpoch()
  return changeEpochs<readonly StoredEpoch[]>(keyring.database, (epochs) => {
    if (recognise(keyring, epochs).length > 0) return { answer: epochs }
    const first = { ...fresh, database: randomId(), epoch: FIRST_EPOCH }
    return { put: first, answer: [first] }
  })
}

async function read(keyring: Keyring): Promise<readonly StoredEpoch[]> {
  return recognise(keyring, await readEpochs(keyring.database))
}

/** Keys that were there are not made again: new ones in their place would hide the loss. */
function recognise(keyring: Keyring, epochs: readonly StoredEpoch[]): readonly StoredEpoch[] {
  const identity = epochs[0]?.database
  if (keyring.identity !== undefined && identity !== keyring.identity)
    throw databaseFault(identity === undefined ? 'missing' : 'replaced')
  keyring.identity = identity
  return epochs
}

function lastOf(epochs: readonly StoredEpoch[]): StoredEpoch {
  const last = epochs.at(-1)
  if (last === undefined) throw databaseFault('missing')
  return last
}

/** Made before the transaction begins: one that waits for anything else commits. */
async function newEpoch(): Promise<Pick<LiveEpoch, 'createdAt' | 'key'>> {
  const key = await makeWebKey()
  if (key === undefined) throw new PrivityError('not_supported', { what: lackOf('crypto.subtle') })
  return { createdAt: systemClock().now(), key }
}

function liveEpoch(epochs: readonly StoredEpoch[], context: KeyContext): LiveEpoch {
  const { epoch, accessClass: what } = context
  const found = epochs.find((one) => one.epoch === epoch)
  if (found === undefined) throw new PrivityError('key_unknown', { what })
  if (!isLive(found)) throw new PrivityError('key_unreadable', { what })
  return found
}

function associatedData({ storeId, epoch, accessClass, salt }: KeyContext): Uint8Array {
  return lengthPrefixed([LABEL, utf8(storeId), utf8(String(epoch)), utf8(accessClass), salt])
}
