// A page of the tests: runs cases of the suite of key providers, and keys in IndexedDB that a test drives.
import { isPrivityError, type KeyContext, type KeyProvider, webCryptoKeys } from 'privity'
import { openDB } from 'idb'
import { runKeyCase } from './keys-cases.ts'
import type { FromKeysWorker } from './keys-worker.ts'

declare global {
  /** What the page exposes to tests. */
  var keysPage: KeysPage
}

/** What a call came to, in a form that leaves the page. */
export type KeysOutcome =
  | { readonly value: unknown }
  | { readonly error: { readonly code: string; readonly details: object } }

/** A call of the provider of this name; bytes are lists of numbers. */
export interface KeysCall {
  readonly name: string
  readonly verb: 'currentEpoch' | 'wrap' | 'unwrap' | 'rotate' | 'destroy'
  readonly bytes?: readonly number[]
  readonly epoch?: number
}

/** What tests call. */
export interface KeysPage {
  runCase(title: string, where: 'window' | 'worker'): Promise<void>
  call(call: KeysCall): Promise<KeysOutcome>
  /** Rotates so often, one after the other, and gives the numbers. */
  rotate(name: string, times: number): Promise<readonly number[]>
  /** What a script gets that asks for the bytes of the keys of all epochs. */
  steal(name: string): Promise<readonly string[]>
  /** Makes a database of that name and version, which holds something else. */
  occupy(name: string, version: number): Promise<void>
  /** Holds a connection that does not give way. */
  hold(name: string): Promise<void>
}

const providers = new Map<string, KeyProvider>()

globalThis.keysPage = {
  runCase: (title, where) => (where === 'worker' ? runInWorker(title) : runKeyCase(title)),
  call,
  rotate,
  steal,
  occupy: async (name, version) => {
    const upgrade = {
      upgrade: (database: { createObjectStore(name: string): unknown }) => {
        database.createObjectStore('notes')
      },
    }
    const database = await openDB(`privity-keys/${name}`, version, upgrade)
    database.close()
  },
  hold: async (name) => {
    await openDB(`privity-keys/${name}`)
  },
}

function providerOf(name: string): KeyProvider {
  const provider = providers.get(name) ?? webCryptoKeys({ name })
  providers.set(name, provider)
  return provider
}

async function call({ name, verb, bytes = [], epoch = 1 }: KeysCall): Promise<KeysOutcome> {
  const keys = providerOf(name)
  const given = Uint8Array.from(bytes)
  const context: KeyContext = {
    storeId: '00112233445566778899aabbccddeeff',
    epoch,
    accessClass: 'core',
    salt: new Uint8Array(32),
  }
  const calls = {
    currentEpoch: () => keys.currentEpoch(),
    wrap: async () => [...(await keys.wrap(given, context))],
    unwrap: async () => [...(await keys.unwrap(given, context))],
    rotate: () => keys.rotate?.(),
    destroy: () => keys.destroy?.(epoch),
  }
  try {
    return { value: await calls[verb]() }
  } catch (error) {
    if (!isPrivityError(error)) return { error: { code: `foreign: ${error}`, details: {} } }
    return { error: { code: error.code, details: error.details } }
  }
}

async function rotate(name: string, times: number): Promise<readonly number[]> {
  const epochs: number[] = []
  for (let turn = 0; turn < times; turn += 1)
    epochs.push((await providerOf(name).rotate?.()) ?? Number.NaN)
  return epochs
}

async function steal(name: string): Promise<readonly string[]> {
  const database = await openDB(`privity-keys/${name}`)
  const epochs: readonly { readonly key?: CryptoKey }[] = await database.getAll('epochs')
  database.close()
  return Promise.all(
    epochs.map(async ({ key }) => {
      if (key === undefined) return 'none'
      const formats = ['raw', 'jwk'] as const
      const taken = formats.map((format) => crypto.subtle.exportKey(format, key))
      const outcomes = await Promise.allSettled(taken)
      return outcomes.map(({ status }) => status).join()
    }),
  )
}

function runInWorker(title: string): Promise<void> {
  const worker = new Worker('/keys-worker.mjs', { type: 'module' })
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FromKeysWorker>) => {
      worker.terminate()
      if (data.failed === undefined) resolve()
      else reject(new TypeError(data.failed))
    }
    worker.onerror = ({ message }) => reject(new TypeError(message))
    worker.postMessage(title)
  })
}
