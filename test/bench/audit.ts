import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { type SqliteStoreOptions, sqliteStore } from '../../src/adapters/sqlite.ts'
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

export const auditBench: Bench = {
  name: 'audit',
  title: `Access log of reads of ${PEOPLE} people by 8 actors for 2 purposes, SQLite`,
  notes: [
    'Measured: salting, hashing, sealing, signing and committing each access, with synchronous = FULL where',
    'nothing else is said; what reading the data costs is left out. An access is found by person, actor and',
    'purpose: a row for each of them in a segment, so that accesses about one person show the log without.',
    `Deferred, a commit is begun at ${GROUP} accesses; those that come meanwhile are in the next one together.`,
  ],
  setUp: async (folder) => {
    const raw = openRaw(folder)
    const closing: (() => Promise<void>)[] = []
    async function logger(mode: Audit['mode'], options: SqliteStoreOptions = {}): Promise<Audit> {
      const { audit, close } = await openAudit(folder, mode, options)
      closing.push(close)
      return audit
    }
    async function deferred(name: string, about: About): Promise<Candidate> {
      const audit = await logger('deferred', about)
      return logging(name, { ...about, ops: ACCESSES }, (some) => recordAll(audit, some))
    }
    async function strict(name: string, flight: number): Promise<Candidate> {
      const audit = await logger('strict')
      const ops = Math.min(STRICT * flight, ACCESSES)
      return logging(name, { people: PEOPLE, ops }, async (some) => {
        for (let at = 0; at < some.length; at += flight)
          await Promise.all(some.slice(at, at + flight).map(audit.record))
      })
    }
    const candidates: readonly Candidate[] = [
      logging(FLOOR, { people: PEOPLE, ops: ACCESSES }, async (some) => insertRaw(raw, some)),
      await deferred('deferred', { people: PEOPLE }),
      await deferred('deferred, all about one person', { people: 1 }),
      await deferred('the same, synchronous = NORMAL', { people: 1, synchronous: 'normal' }),
      await strict(`strict, ${FLIGHT} in flight`, FLIGHT),
      await strict('strict, 1 in flight', 1),
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

interface About extends Pick<SqliteStoreOptions, 'synchronous'> {
  readonly people: number
}

/** What is to be logged is there before the clock runs. */
function logging(
  name: string,
  { people, ops }: About & { readonly ops: number },
  log: (some: readonly Access[]) => Promise<void>,
): Candidate {
  let some: readonly Access[] = []
  return {
    name,
    ...(name === FLOOR ? {} : { floor: FLOOR }),
    ops,
    before: async () => {
      some = accesses(people).slice(0, ops)
    },
    run: () => log(some),
  }
}

async function openAudit(
  folder: string,
  mode: Audit['mode'],
  { synchronous = 'full' }: SqliteStoreOptions,
): Promise<{ readonly audit: Audit; readonly close: () => Promise<void> }> {
  const database = new Database(join(folder, `${randomBytes(4).toString('hex')}.db`))
  const store = sqliteStore(database, { synchronous })
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

const PSEUDONYMS = Array.from({ length: PEOPLE }, () => randomBytes(16).toString('base64url'))

/** What a call centre does: few actors, two purposes, another person each time. */
function accesses(people: number): readonly Access[] {
  const [from = 0] = new Uint32Array(randomBytes(4).buffer.slice(0, 4))
  const at = systemClock().now()
  return Array.from({ length: ACCESSES }, (_, offset) => {
    const n = from + offset
    return {
      pseudonym: PSEUDONYMS[n % people] ?? '',
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
  for (const access of all) await audit.record(access)
  await audit.flush()
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
