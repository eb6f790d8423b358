import { deleteDB } from 'idb'
import { idbStore } from 'privity/idb'
import { countTogether, type OpenedStore, type StoreSuite, storeSuite } from 'privity/testkit'
import { cut, failAt, hang } from './disturb.ts'

/** A store by the name of its database. */
interface Named extends OpenedStore {
  readonly name: string
}

/** Where cases run. Only a window can tell its heap; a full one was opened with little room. */
export type Place = 'window' | 'full window' | 'worker'

/** Where cases run, and what only the test itself can do for them. */
export interface Surroundings {
  readonly where: Place
  ask(favour: Favour): Promise<number>
}

/** What the test does for pages. */
export type Favour =
  | { readonly kind: 'count'; readonly name: string; readonly times: number }
  /** Takes back the little room. */
  | { readonly kind: 'room' }
  | { readonly kind: 'heap' }

type Test = StoreSuite<OpenedStore>['test']

const ROWS = 'privity_rows'

/** Registers what a page, or a worker of it, can prove. */
export function registerCases(test: Test, { where, ask }: Surroundings): void {
  storeSuite<Named>({
    test,
    durability: 'power-loss',
    open: async () => {
      const name = `suite-${crypto.randomUUID()}`
      return { name, store: idbStore(name), dispose: () => deleteDB(name) }
    },
    again: async ({ name }) => idbStore(name),
    failAt: (_, call, when) => failAt(call, when),
    cut: async (_, when) => cut(when),
    hang: ({ name }) => hang(name, ROWS),
    remove: ({ name }) => deleteDB(name),
    race: async ({ name }, times) => void (await ask({ kind: 'count', name, times })),
    crowd: async ({ name }, times) => {
      const inTabs = ask({ kind: 'count', name, times })
      await countInWorker(name, times)
      return 1 + (await inTabs)
    },
    ...(where === 'window' ? { heap: () => ask({ kind: 'heap' }) } : {}),
    ...(where === 'full window' ? { fill: async () => () => makeRoom(ask) } : {}),
  })
}

async function makeRoom(ask: Surroundings['ask']): Promise<void> {
  await ask({ kind: 'room' })
}

/** Runs the case of this title. */
export async function runCase(title: string, surroundings: Surroundings): Promise<void> {
  const cases = new Map<string, () => Promise<void>>()
  registerCases((name, run) => cases.set(name, run), surroundings)
  const run = cases.get(title)
  if (run === undefined) throw new TypeError('no such case')
  await run()
}

/** Counts in the database of this name, through a store of its own. */
export async function count(name: string, times: number): Promise<void> {
  const store = idbStore(name)
  await store.open()
  await countTogether(store, times)
  await store.close()
}

function countInWorker(name: string, times: number): Promise<void> {
  const worker = new Worker('/suite-worker.mjs', { type: 'module' })
  const ended = new Promise<void>((resolve, reject) => {
    worker.onerror = ({ message }) => reject(new TypeError(message))
    worker.onmessage = () => resolve()
  })
  worker.postMessage({ count: [name, times] })
  return ended.finally(() => worker.terminate())
}
