import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Batch } from 'privity'
import { sqliteStore } from '../../src/adapters/sqlite.ts'
import { systemClock } from '../../src/base/time.ts'
import { generateSigningKey } from '../../src/crypto/signature.ts'
import { createControllerKey } from '../../src/keys/controller-key.ts'
import { createLedger, type Ledger } from '../../src/ledger/ledger.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import type { Store } from '../../src/storage/store.ts'
import type { Bench } from './bench.ts'
import { describe } from './create.ts'
import { freshRows, openRaw } from './raw.ts'

const GROUP = 100
const LEAVES = Array.from({ length: GROUP }, () => new Uint8Array(randomBytes(107)))

/** What a decision says, as the ledger gets it. */
const EVENT = {
  type: 'consent.refused',
  purposes: ['marketing'],
  notice: { id: 'privacy', version: '2026-11', hash: 'b0a1'.repeat(16) },
  method: { channel: 'web', control: 'checkbox' },
}

export const appendBench: Bench = {
  name: 'append',
  title: `Append of ${GROUP} entries at once to the ledger, SQLite with synchronous = normal`,
  notes: [
    'The floor inserts as many rows and bytes in one transaction. The log: leaves that are there, hashed, put',
    'into the tree and under one signed checkpoint. The ledger: committed to, blinded and sealed as well.',
  ],
  setUp: async (folder) => {
    const raw = openRaw(folder, 'normal')
    const database = new Database(join(folder, 'append.db'))
    const batches: Batch[] = []
    const { store, ledger } = await openLedger(
      watched(sqliteStore(database, { synchronous: 'normal' }), batches),
    )
    const log = (): Promise<void> => appendLeaves(store, ledger)
    const entries = (): Promise<void> => submitAll(ledger)
    const leaves = await recorded(batches, log)
    const sealed = await recorded(batches, entries)
    return {
      candidates: [
        {
          name: 'raw insert, as for the log',
          ops: GROUP,
          run: async () => raw.insert(freshRows(leaves)),
        },
        { name: 'log', floor: 'raw insert, as for the log', ops: GROUP, run: log },
        {
          name: 'raw insert, as for the ledger',
          ops: GROUP,
          run: async () => raw.insert(freshRows(sealed)),
        },
        { name: 'ledger', floor: 'raw insert, as for the ledger', ops: GROUP, run: entries },
      ],
      remarks: () => [`log: ${describe([leaves])}. ledger: ${describe([sealed])}.`],
      close: async () => {
        await ledger.drain()
        database.close()
        raw.close()
      },
    }
  },
}

async function openLedger(
  store: Store,
): Promise<{ readonly store: Store; readonly ledger: Ledger }> {
  await store.open()
  const { key } = await generateSigningKey()
  const signers = { current: key, publicKeys: [key.publicKey], refresh: async () => undefined }
  const controller = createControllerKey(new Uint8Array(randomBytes(32)), '0'.repeat(32))
  const keyspace = createKeyspace('0123456789abcdef')
  const origin = `privity/${'0'.repeat(32)}`
  const ledger = createLedger({
    store,
    keyspace,
    controller,
    origin,
    clock: systemClock(),
    signers,
  })
  return { store, ledger }
}

function watched(store: Store, batches: Batch[]): Store {
  return {
    ...store,
    commit: (batch) => {
      batches.push(batch)
      return store.commit(batch)
    },
  }
}

async function recorded(batches: Batch[], append: () => Promise<void>): Promise<Batch> {
  // The second is what all later ones are like.
  await append()
  await append()
  const batch = batches.at(-1)
  if (batch === undefined) throw new Error('nothing was committed')
  return batch
}

async function appendLeaves(store: Store, { log }: Ledger): Promise<void> {
  const [bytes] = await store.read([log.keys.head])
  const head = await log.head(bytes)
  const { put } = await log.append(head, { leaves: LEAVES, at: 1, state: head.state })
  await store.commit({ checks: [[log.keys.head, bytes ?? null]], put, del: [] })
}

async function submitAll(ledger: Ledger): Promise<void> {
  const submit = (): Promise<unknown> =>
    ledger.submit<null>({
      reads: [],
      build: () => {
        const entry = { kind: 'controller', at: 1, event: EVENT } as const
        return { kind: 'change', change: { put: [], del: [], entry }, value: null }
      },
    })
  await Promise.all(Array.from({ length: GROUP }, submit))
}
