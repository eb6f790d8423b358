// A page of the tests: runs cases of the store suite, and keeps stores that a test drives from outside.
import { deleteDB } from 'idb'
import { idbStore, type IdbStoreOptions, type Store } from 'privity/idb'
import { isPrivityError } from '../../../src/base/errors.ts'
import { appendUntilKilled } from 'privity/testkit'
import { cut, endSilently, takeDurabilities } from './disturb.ts'
import { count, runCase, type Favour, type Place } from './suite-cases.ts'
import type { FromWorker } from './suite-worker.ts'

declare global {
  /** What tests expose to the page. */
  var serve: (favour: Favour) => Promise<number>
  var acknowledge: (entry: number) => void
  /** What the page exposes to tests. */
  var storePage: StorePage
}

/** What a call came to, in a form that leaves the page. */
export type Outcome =
  | { readonly value: unknown }
  | { readonly error: { readonly code: string; readonly details: object } }

/** A call of a store. */
export interface StoreCall {
  readonly id: string
  readonly name: string
  readonly options: IdbStoreOptions
  readonly verb: 'open' | 'read' | 'scan' | 'commit' | 'close'
  readonly args: readonly unknown[]
}

const stores = new Map<string, { readonly name: string; readonly store: Store }>()

/** What tests call. */
export interface StorePage {
  runCase(title: string, where: Place): Promise<void>
  /** Calls the store of this id, which is made by the first call. */
  call(call: StoreCall): Promise<Outcome>
  /** Closes all stores of this name, and deletes the database. */
  forget(name: string): Promise<void>
  append(name: string): Promise<void>
  count(name: string, times: number): Promise<void>
  /** Ends all connections of the page, as browsers do when they tell and when they do not. */
  endTold(): void
  endSilently(): void
  takeDurabilities(): readonly string[]
}

globalThis.storePage = {
  runCase: (title, where) =>
    where === 'worker' ? runInWorker(title) : runCase(title, { where, ask: serve }),
  call,
  forget,
  append: async (name) => {
    const store = idbStore(name)
    await store.open()
    await appendUntilKilled(store, acknowledge)
  },
  count,
  endTold: () => cut('now'),
  endSilently,
  takeDurabilities,
}

async function call({ id, name, options, verb, args }: StoreCall): Promise<Outcome> {
  const { store } = stores.get(id) ?? { store: idbStore(name, options) }
  stores.set(id, { name, store })
  try {
    const run = store[verb] as (...args: readonly unknown[]) => Promise<unknown>
    return { value: await run(...args) }
  } catch (error) {
    if (!isPrivityError(error)) throw error
    return { error: { code: error.code, details: error.details } }
  }
}

async function forget(name: string): Promise<void> {
  for (const [id, { name: of, store }] of stores) {
    if (of !== name) continue
    await store.close()
    stores.delete(id)
  }
  await deleteDB(name)
}

function runInWorker(title: string): Promise<void> {
  const worker = new Worker('/suite-worker.mjs', { type: 'module' })
  const ended = new Promise<void>((resolve, reject) => {
    worker.onerror = ({ message }) => reject(new TypeError(message))
    worker.onmessage = async ({ data }: MessageEvent<FromWorker>) => {
      if ('done' in data) resolve()
      else if ('failed' in data) reject(new TypeError(data.failed))
      else worker.postMessage({ answer: await serve(data.ask) })
    }
  })
  worker.postMessage({ run: title })
  return ended.finally(() => worker.terminate())
}
