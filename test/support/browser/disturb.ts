import { openDB } from 'idb'

type Method = (this: object, ...args: unknown[]) => unknown
type Call = () => unknown

/** Runs instead of a call of IndexedDB. */
type Disturb = (call: Call, target: object) => unknown

/** What reaches the database: to begin a transaction does not, until it has a request. */
const METHODS = {
  IDBObjectStore: ['get', 'getKey', 'getAll', 'getAllKeys', 'put', 'delete'],
  IDBTransaction: ['commit'],
} as const

const FAILURE = 'UnknownError'
let disturb: Disturb = (call) => call()
const connections = new Set<IDBDatabase>()
const durabilities = new Set<string>()

// The test itself, which only asks for titles, has no IndexedDB.
if (typeof IDBDatabase === 'function') patchAll()

/** Makes the `nth` call of IndexedDB from now on throw, before or after it was carried out. */
export function failAt(nth: number, when: 'before' | 'after'): void {
  let left = nth
  disturb = (call) => {
    left -= 1
    if (left === 0 && when === 'before') throw new DOMException('planned', FAILURE)
    const result = call()
    if (left === 0) throw new DOMException('planned', FAILURE)
    return result
  }
}

/** Ends connections as a browser does: their transactions are aborted, then they are told. */
export function cut(when: 'now' | 'before' | 'after'): void {
  if (when === 'now') endAll()
  else
    disturb = (call, target) =>
      target instanceof IDBTransaction ? END[when](call, target) : call()
}

/** Ends connections as WebKit may: nobody is told. */
export function endSilently(): void {
  for (const connection of connections) connection.close()
  connections.clear()
}

/** The mode and the durability of every transaction since this was asked last. */
export function takeDurabilities(): readonly string[] {
  const taken = [...durabilities]
  durabilities.clear()
  return taken
}

/** Holds the lock that every read and write waits for, until what it gives is called. */
export async function hang(name: string, rows: string): Promise<() => Promise<void>> {
  const database = await openDB(name)
  const transaction = database.transaction(rows, 'readwrite')
  let held = true
  async function hold(): Promise<void> {
    while (held) await transaction.store.count()
    await transaction.done
    database.close()
  }
  // Once its first request is answered it has the lock.
  await transaction.store.count()
  const holding = hold()
  return () => {
    held = false
    return holding
  }
}

const END: {
  readonly [when in 'before' | 'after']: (call: Call, commits: IDBTransaction) => void
} = {
  before: (_, commits) => {
    undisturbed()
    commits.abort()
    endAll()
  },
  after: (call, commits) => {
    undisturbed()
    loseAnswer(commits)
    call()
    endAll()
  },
}

function undisturbed(): void {
  disturb = (call) => call()
}

function endAll(): void {
  const ended = [...connections]
  endSilently()
  for (const connection of ended) connection.dispatchEvent(new Event('close'))
}

/** The transaction is committed, and whoever waits for it hears that it was aborted. */
function loseAnswer(transaction: IDBTransaction): void {
  const swallow = (event: Event): void => {
    if (event.target !== transaction) return
    event.stopImmediatePropagation()
    transaction.dispatchEvent(new Event('abort'))
  }
  transaction.db.addEventListener('complete', swallow, { capture: true })
}

function patchAll(): void {
  for (const [type, names] of Object.entries(METHODS)) {
    for (const name of names) patch(type, name, (call, target) => disturb(call, target))
  }
  patch('IDBDatabase', 'transaction', (call, target) => {
    if (target instanceof IDBDatabase) connections.add(target)
    const transaction = call()
    if (transaction instanceof IDBTransaction) {
      durabilities.add(`${transaction.mode} ${transaction.durability}`)
    }
    return transaction
  })
}

function patch(type: string, name: string, run: Disturb): void {
  const { prototype } = Reflect.get(globalThis, type) as { readonly prototype: object }
  const original = Reflect.get(prototype, name) as Method
  Reflect.set(prototype, name, function patchedMethod(this: object, ...args: unknown[]): unknown {
    return run(() => original.apply(this, args), this)
  })
}
