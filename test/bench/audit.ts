import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Store } from 'privity'
import { sqliteStore } from '../../src/adapters/sqlite.ts'
import { type Audit, createAudit } from '../../src/audit/audit.ts'
import type { Access } from '../../src/audit/segment.ts'
import { systemClock } from '../../src/base/time.ts'
import { generateSigningKey } from '../../src/crypto/signature.ts'
import { createControllerKey } from '../../src/keys/controller-key.ts'
import { createLedger } from '../../src/ledger/ledger.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import type { Bench, Candidate } from './bench.ts'
import { openRaw } from './raw.ts'

const PEOPLE = 2_000
const ACCESSES = 2_048
const GROUP = 256
const STRICT = 48
const FLIGHT = 64
const FLOOR = `better-sqlite3: insert as JSON, ${GROUP} in a transaction`

/** Rows by which the segments are found. */
type Index = 'none' | 'person' | 'all'

const INDEX_ROW = /\/a\/([^/]+)\//

export const auditBench: Bench = {
  name: 'audit',
  title: `Access log of reads of ${PEOPLE} people by 8 actors for 2 purposes, SQLite`,
  notes: [
    'Measured: salting, hashing, sealing, signing and committing each access with synchronous = FULL; what',
    'reading the data costs is left out. A store that drops index rows shows what these cost.',
  ],
  setUp: async (folder) => {
    const raw = openRaw(folder)
    const closing: (() => Promise<void>)[] = []
    async function logger(mode: 'strict' | 'deferred', index: Index): Promise<Audit> {
      const { audit, close } = await openAudit(folder, mode, index)
      closing.push(close)
      return audit
    }
    async function deferred(index: Index, name: string): Promise<Candidate> {
      const audit = await logger('deferred', index)
      return logging(name, ACCESSES, (some) => recordAll(audit, some))
    }
    async function strict(flight: number, index: Index, name: string): Promise<Candidate> {
      const audit = await logger('strict', index)
      return logging(name, Math.min(STRICT * flight, ACCESSES), async (some) => {
        for (let at = 0; at < some.length; at += flight)
          await Promise.all(some.slice(at, at + flight).map(audit.record))
      })
    }
    const inFlight = `strict, ${FLIGHT} in flight`
    const candidates: readonly Candidate[] = [
      logging(FLOOR, ACCESSES, async (some) => insertRaw(raw, some)),
      await deferred('none', 'deferred, no index rows'),
      await deferred('person', 'deferred, found by person'),
      await deferred('all', 'deferred, found by person, actor, purpose'),
      await strict(FLIGHT, 'none', `${inFlight}, no index rows`),
      await strict(FLIGHT, 'person', `${inFlight}, found by person`),
      await strict(FLIGHT, 'all', `${inFlight}, found by person, actor, purpose`),
      await strict(1, 'none', 'strict, 1 in flight, no index rows'),
      await strict(1, 'person', 'strict, 1 in flight, found by person'),
      await strict(1, 'all', 'strict, 1 in flight, found by person, actor, purpose'),
    ]
    return {
      candidates,
      close: async () => {
        for (const close of closing) await close()
        raw.close()
      },
    }
  },
}

/** What is to be logged is there before the clock runs. */
function logging(
  name: string,
  ops: number,
  log: (some: readonly Access[]) => Promise<void>,
): Candidate {
  let some: readonly Access[] = []
  return {
    name,
    ...(name === FLOOR ? {} : { floor: FLOOR }),
    ops,
    before: async () => {
      some = accesses().slice(0, ops)
    },
    run: () => log(some),
  }
}

async function openAudit(
  folder: string,
  mode: 'strict' | 'deferred',
  index: Index,
): Promise<{ readonly audit: Audit; readonly close: () => Promise<void> }> {
  const database = new Database(join(folder, `${randomBytes(4).toString('hex')}.db`))
  const store = withIndex(sqliteStore(database), index)
  await store.open()
  const { key } = await generateSigningKey()
  const signers = { current: key, publicKeys: [key.publicKey], refresh: async () => undefined }
  const controller = createControllerKey(new Uint8Array(randomBytes(32)), '0'.repeat(32))
  const keyspace = createKeyspace('0123456789abcdef')
  const origin = `privity/${'0'.repeat(32)}`
  const rows = { store, keyspace, controller, origin, clock: systemClock() }
  const ledger = createLedger({ ...rows, signers })
  const audit = createAudit({ ...rows, ledger, mode, instance: 'bench' })
  return {
    audit,
    close: async () => {
      await audit.close()
      database.close()
    },
  }
}

function withIndex(store: Store, index: Index): Store {
  if (index === 'all') return store
  const people = new Set(PSEUDONYMS)
  const isKept = (key: string): boolean => {
    const token = INDEX_ROW.exec(key)?.[1]
    return token === undefined || (index === 'person' && people.has(token))
  }
  return {
    ...store,
    commit: (batch) => store.commit({ ...batch, put: batch.put.filter(([key]) => isKept(key)) }),
  }
}

const PSEUDONYMS = Array.from({ length: PEOPLE }, () => randomBytes(16).toString('base64url'))

/** What a call centre does: few actors, two purposes, another person each time. */
function accesses(): readonly Access[] {
  const [from = 0] = new Uint32Array(randomBytes(4).buffer.slice(0, 4))
  const at = systemClock().now()
  return Array.from({ length: ACCESSES }, (_, offset) => {
    const n = from + offset
    return {
      pseudonym: PSEUDONYMS[n % PEOPLE] ?? '',
      actor: { id: `staff:${n % 8}`, roles: ['agent'] },
      purpose: n % 16 === 0 ? 'marketing' : 'support',
      action: 'read',
      record: 'contact',
      classes: [1, 2],
      head: 3,
      at,
      task: `ticket-${n % 1_000}`,
    }
  })
}

async function recordAll(audit: Audit, all: readonly Access[]): Promise<void> {
  for (let at = 0; at < all.length; at += GROUP) {
    for (const access of all.slice(at, at + GROUP)) await audit.record(access)
    await audit.flush()
  }
}

function insertRaw(raw: ReturnType<typeof openRaw>, all: readonly Access[]): void {
  for (let at = 0; at < all.length; at += GROUP)
    raw.insert(
      all
        .slice(at, at + GROUP)
        .map((access, offset) => [
          `${randomBytes(4).toString('hex')}/${at + offset}`,
          Buffer.from(JSON.stringify(access)),
        ]),
    )
}
