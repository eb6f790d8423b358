import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  type Verification,
} from 'privity'
import { sqliteStore } from 'privity/sqlite'
import type { Bench, Candidate } from './bench.ts'

const PEOPLE = 400
const ENTRIES = 20_000

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
})
const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string(), { purposes: ['support'] }),
}))
const policy = definePolicy({
  controller: { id: 'bench', name: 'Bench', contact: 'privacy@acme.example', country: 'NL' },
  purposes,
  records: { contact },
  roles: { agent: { purposes: ['support'] } },
})

export const verifyBench: Bench = {
  name: 'verify',
  title: `Verification of a log of ${ENTRIES} entries about ${PEOPLE} people; per entry`,
  notes: [
    'The floor reads every leaf in order and takes two SHA-256 for each: what a tree takes, nothing compared.',
    'Deep verification also opens every body and holds every row of the store against them.',
  ],
  setUp: async (folder) => {
    const database = new Database(join(folder, 'verify.db'))
    const keys = localKeys(new Uint8Array(randomBytes(32)))
    const privity = await createPrivity({ policy, store: sqliteStore(database), keys })
    const notice = await privity.notices.publish({
      id: 'offers',
      version: '1',
      texts: { en: 'Hi' },
    })
    const people = await Promise.all(
      Array.from({ length: PEOPLE }, () => privity.subjects.register()),
    )
    for (let round = 1; round < ENTRIES / PEOPLE; round += 1) {
      await Promise.all(
        people.map(({ id }) => privity.notices.serve(notice, { subjectId: id, language: 'en' })),
      )
    }
    const verify = (name: string, run: () => Promise<Verification>): Candidate => ({
      name,
      floor: FLOOR,
      ops: ENTRIES,
      run: async () => {
        const { ok } = await run()
        if (!ok) throw new TypeError('a store that nobody touched is not in order')
      },
    })
    return {
      candidates: [
        { name: FLOOR, ops: ENTRIES, run: async () => hashLeaves(database) },
        verify('verify', () => privity.ledger.verify()),
        verify('verify, deep', () => privity.ledger.verify({ deep: true })),
      ],
      close: async () => {
        await privity.close()
        database.close()
      },
    }
  },
}

const FLOOR = 'raw read of the leaves, two SHA-256 each'

function hashLeaves(database: Database.Database): void {
  const tenant = sha256(Buffer.from('bench')).subarray(0, 8)
  const prefix = `${Buffer.from(tenant).toString('hex')}/l/e`
  const leaves = database
    .prepare('SELECT value FROM privity_rows WHERE key > ? AND key < ? ORDER BY key')
    .pluck()
    .all(`${prefix}/`, `${prefix}0`)
  for (const leaf of leaves) sha256(sha256(leaf as Uint8Array))
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest()
}
