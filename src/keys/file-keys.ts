import { lengthPrefixed, utf8 } from '../base/bytes.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { randomId } from '../base/id.ts'
import { membersOf } from '../base/members.ts'
import { type NodeFiles, nodeFiles } from '../base/platform.ts'
import { systemClock } from '../base/time.ts'
import { hkdfSha256 } from '../crypto/hkdf.ts'
import { randomBytes } from '../crypto/random.ts'
import { unwrapBytes, wrapBytes } from '../crypto/wrap.ts'
import {
  createKeyFile,
  fileFault,
  orElse,
  readKeyFile,
  removeDraft,
  replaceKeyFile,
  typedFile,
} from './file-keys-disk.ts'
import { type FileEpoch, isLive, type KeyFile, type LiveEpoch } from './file-keys-format.ts'
import { withLock } from './file-keys-lock.ts'
import { currentEpochFault } from './epoch-faults.ts'
import type { Destruction, KeyContext, KeyProvider } from './provider.ts'

/** How a key file is used. */
export interface FileKeysOptions {
  /**
   * What to do where there is no file: make one when the first key is wrapped (`create`, the default), or never
   * (`refuse`), for a process that must find the file that another one made.
   */
  readonly missing?: 'create' | 'refuse'
}

interface Keyring {
  readonly fs: NodeFiles
  readonly path: string
  readonly mayCreate: boolean
  /** Tells the file that was there from another: a new one in its place would hide the loss. */
  identity: string | undefined
}

const LABEL = utf8('privity/file/v1')
const SECRET_LENGTH = 32
const FIRST_EPOCH = 1

/**
 * Keys in a file of its own, on a local disk, readable by its owner only, and kept out of every backup of the
 * database. Node, Bun and Deno only; several processes may share it.
 *
 * It holds one random secret per epoch. `rotate` adds one; `destroy` overwrites and removes one, and its number
 * stays behind. Who holds an old copy of the database, and not of this file, opens nothing of an epoch that was
 * destroyed: certificates say so (`irrecoverableBy: 'epoch_end'`).
 *
 * @throws {@link invalid_input} for what is no path
 * @throws {@link not_supported} in a runtime without files
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 * import { fileKeys } from 'privity'
 *
 * const keys = fileKeys(`${mkdtempSync('/tmp/privity-')}/keys.json`)
 * console.log(await keys.currentEpoch()) // 1
 * ```
 */
export function fileKeys(path: string, options: FileKeysOptions = {}): Required<KeyProvider> {
  const keyring = openKeyring(path, options)
  return {
    id: 'file',
    irrecoverableBy: 'epoch_end',
    // Nothing is made here: whoever opens a store first asks this, also while the file is not mounted.
    currentEpoch: async () => (await read(keyring))?.epochs.length ?? FIRST_EPOCH,
    wrap: (key, context) => wrap(keyring, key, context),
    unwrap: (wrapped, context) => unwrap(keyring, wrapped, context),
    rotate: () => rotate(keyring),
    destroy: (epoch) => destroy(keyring, epoch),
  }
}

function openKeyring(path: unknown, options: unknown): Keyring {
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw invalidInput(['path'], 'not_a_path')
  const { missing = 'create' } = membersOf(options, ['missing'], ['options'])
  if (missing !== 'create' && missing !== 'refuse')
    throw invalidInput(['options', 'missing'], 'not_a_choice')
  const fs = nodeFiles()
  if (fs === undefined) throw new PrivityError('not_supported', { what: 'files' })
  return { fs, path, mayCreate: missing === 'create', identity: undefined }
}

async function wrap(keyring: Keyring, key: Uint8Array, context: KeyContext): Promise<Uint8Array> {
  const file = (await read(keyring)) ?? (await create(keyring))
  return underSecret(file, context, (root) => wrapBytes(root, key, associatedData(context)))
}

async function unwrap(
  keyring: Keyring,
  wrapped: Uint8Array,
  context: KeyContext,
): Promise<Uint8Array> {
  const file = await readExisting(keyring)
  const key = underSecret(file, context, (root) =>
    unwrapBytes(root, wrapped, associatedData(context)),
  )
  if (key === undefined) throw new PrivityError('key_unreadable', { what: context.accessClass })
  return key
}

async function rotate(keyring: Keyring): Promise<number> {
  return change(keyring, (file) => {
    const epoch = file.epochs.length + 1
    return { epochs: [...file.epochs, newEpoch(epoch)], answer: epoch }
  })
}

async function destroy(keyring: Keyring, epoch: number): Promise<Destruction> {
  return change(keyring, ({ epochs }) => {
    const found = epochs.find((one) => one.epoch === epoch)
    if (found === undefined) throw new PrivityError('key_unknown', { what: 'controller' })
    if (!isLive(found)) return { epochs, answer: { effectiveAt: found.destroyedAt } }
    if (epoch === epochs.length) throw currentEpochFault()
    const destroyedAt = systemClock().now()
    const dead = { epoch, createdAt: found.createdAt, destroyedAt }
    return {
      epochs: epochs.map((one) => (one.epoch === epoch ? dead : one)),
      answer: { effectiveAt: destroyedAt },
    }
  })
}

interface Change<T> {
  readonly epochs: readonly FileEpoch[]
  readonly answer: T
}

async function change<T>(keyring: Keyring, decide: (file: KeyFile) => Change<T>): Promise<T> {
  const { fs } = keyring
  return typedFile(async () => {
    // Through a link the file itself is changed, and not the link.
    const path = await orElse(['ENOENT'], keyring.path, () => fs.realpath(keyring.path))
    return withLock(fs, path, async () => {
      await removeDraft(fs, path)
      const file = await readExisting(keyring)
      const { epochs, answer } = decide(file)
      if (epochs !== file.epochs) await replaceKeyFile(fs, path, { ...file, epochs })
      forget(epochs)
      return answer
    })
  })
}

async function create(keyring: Keyring): Promise<KeyFile> {
  const { fs, path } = keyring
  await typedFile(() =>
    withLock(fs, path, async () => {
      await removeDraft(fs, path)
      await createKeyFile(fs, path, { id: randomId(), epochs: [newEpoch(FIRST_EPOCH)] })
    }),
  )
  return readExisting(keyring)
}

async function readExisting(keyring: Keyring): Promise<KeyFile> {
  const file = await read(keyring)
  if (file === undefined) throw fileFault('missing')
  return file
}

/** Each time anew: other processes add and destroy epochs, and no secret stays in memory. */
async function read(keyring: Keyring): Promise<KeyFile | undefined> {
  const { fs, path, mayCreate, identity } = keyring
  const file = await typedFile(() => readKeyFile(fs, path))
  if (file === undefined && !mayCreate) throw fileFault('missing')
  if (identity !== undefined && file?.id !== identity)
    throw fileFault(file === undefined ? 'missing' : 'replaced')
  keyring.identity = file?.id
  return file
}

function newEpoch(epoch: number): LiveEpoch {
  return { epoch, createdAt: systemClock().now(), secret: randomBytes(SECRET_LENGTH) }
}

function underSecret<T>({ epochs }: KeyFile, context: KeyContext, use: (root: Uint8Array) => T): T {
  const { epoch, accessClass: what, salt } = context
  const found = epochs.find((one) => one.epoch === epoch)
  if (found === undefined) throw new PrivityError('key_unknown', { what })
  if (!isLive(found)) throw new PrivityError('key_unreadable', { what })
  const root = hkdfSha256(found.secret, { salt, info: LABEL, length: 32 })
  try {
    return use(root)
  } finally {
    root.fill(0)
    forget(epochs)
  }
}

function forget(epochs: readonly FileEpoch[]): void {
  for (const epoch of epochs) if (isLive(epoch)) epoch.secret.fill(0)
}

function associatedData({ storeId, epoch, accessClass }: KeyContext): Uint8Array {
  return lengthPrefixed([LABEL, utf8(storeId), utf8(String(epoch)), utf8(accessClass)])
}
