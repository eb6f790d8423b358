import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { leafHash, parseCheckpoint, verifyInclusion } from 'privity/verify'
import { createPrivity, definePolicy, localKeys, type Privity } from 'privity'
import { sqliteStore } from 'privity/sqlite'
import { toHex, utf8 } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/time.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { openRoot } from '../../src/startup/open-root.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import type { Bench } from './bench.ts'

const ENTRIES = 1_000_000
const BATCH = 2_000
const PROOFS = 256
const FLOOR = 'better-sqlite3: open the file, read one row'

const policy = definePolicy({
  controller: { id: 'bench', name: 'Bench', contact: 'privacy@acme.example', country: 'NL' },
  purposes: { support: { basis: 'contract', description: 'Answer your questions' } },
  records: {},
  roles: {},
})

export const millionBench: Bench = {
  name: 'million',
  title: `A log of ${ENTRIES} entries: opening its store, and proofs`,
  notes: ['The leaves are random and have no bodies: opening looks at the right edge only.'],
  setUp: async (folder) => {
    const file = join(folder, 'million.db')
    const secret = new Uint8Array(randomBytes(32))
    const open = async (): Promise<{
      privity: Privity<never, never>
      database: Database.Database
    }> => {
      const database = new Database(file)
      const store = sqliteStore(database, { synchronous: 'normal' })
      const privity = await createPrivity({ policy, store, keys: localKeys(secret) })
      return { privity: privity as never, database }
    }
    const first = await open()
    await first.privity.close()
    first.database.close()
    await grow(file, secret)
    const { privity, database } = await open()
    const root = parseCheckpoint(await privity.ledger.checkpoint())?.root ?? new Uint8Array(0)
    const claims = await Promise.all(
      Array.from({ length: PROOFS }, async (_, at) => {
        const { leaf, ...claim } = await privity.ledger.inclusion(BigInt(at * 3_907))
        return { ...claim, leafHash: leafHash(leaf), root }
      }),
    )
    const longest = Math.max(...claims.map(({ proof }) => proof.length * 32))
    return {
      candidates: [
        {
          name: FLOOR,
          ops: 1,
          run: async () => {
            const raw = new Database(file)
            raw.prepare('SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)').get()
            raw.close()
          },
        },
        {
          name: 'createPrivity, and close',
          floor: FLOOR,
          ops: 1,
          run: async () => {
            const again = await open()
            await again.privity.close()
            again.database.close()
          },
        },
        {
          name: 'ledger.inclusion',
          ops: 16,
          run: async () => {
            for (let at = 0; at < 16; at += 1) await privity.ledger.inclusion(BigInt(at * 61_013))
          },
        },
        {
          name: 'verifyInclusion',
          ops: PROOFS,
          run: async () => {
            if (!claims.every(verifyInclusion)) throw new TypeError('a proof does not hold')
          },
        },
      ],
      remarks: () => [`The longest proof has ${longest} bytes.`],
      close: async () => {
        await privity.close()
        database.close()
      },
    }
  },
}

/** Appends leaves without entries behind them, as fast as the file takes them. */
async function grow(file: string, secret: Uint8Array): Promise<void> {
  const database = new Database(file)
  const store = sqliteStore(database, { synchronous: 'normal' })
  await store.open()
  const keyspace = createKeyspace(toHex(sha256(utf8('bench'))).slice(0, 16))
  const provider = localKeys(secret)
  const { ledger } = await openRoot({ store, keyspace, provider, clock: systemClock() })
  let head = await ledger.head()
  while (head.range.size < ENTRIES) {
    const leaves = Array.from({ length: BATCH }, () => new Uint8Array(randomBytes(107)))
    const appended = await ledger.log.append(head, { leaves, at: head.at, state: head.state })
    await store.commit({ checks: [], put: appended.put, del: [] })
    head = appended.head
  }
  await store.close()
  database.close()
}
