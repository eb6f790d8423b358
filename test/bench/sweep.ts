import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import * as z from 'zod'
import Database from 'better-sqlite3'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  type Row,
  type SubjectId,
} from 'privity'
import { sqliteStore } from 'privity/sqlite'
import type { Bench, Candidate } from './bench.ts'
import { openRaw, type Raw } from './raw.ts'

/** `PEOPLE=1000000 npm run bench -- sweep` takes a quarter of an hour and some four gigabytes. */
const MANY = Number(process.env['PEOPLE'] ?? 10_000)
const FEW = Math.min(10_000, MANY / 10)
const BATCH = 1_000
const DUE = 100
const EACH = 10
const GROUP = 100
const DAY = 86_400_000
const FLOOR = 'raw delete of a row and its date, all in one transaction'

export const sweepBench: Bench = {
  name: 'sweep',
  title: `A retention sweep over ${DUE} due rows of living people, and erasures of ${GROUP} at once`,
  notes: [
    `Among ${FEW} people and among ${MANY}, each with a row that is due in ten years: what the second`,
    'costs over the first is growth. Each person of whom something is due is looked through, loses it',
    'in an erasure of its own, and that is verified and certified. Without scrub.',
  ],
  setUp: async (folder) => {
    const raw = openRaw(folder)
    const few = await openShop(folder, FEW)
    const many = await openShop(folder, MANY)
    const sweepFew = sweep(`sweep, one row each, among ${FEW}`, few, { each: 1, floor: FLOOR })
    const eraseFew = erase(`erase, all at once, among ${FEW}`, few)
    return {
      candidates: [
        rawCandidate(raw),
        sweepFew,
        sweep(`sweep, one row each, among ${MANY}`, many, { each: 1, floor: sweepFew.name }),
        sweep(`sweep, ${EACH} rows each, among ${MANY}`, many, { each: EACH, floor: FLOOR }),
        eraseFew,
        { ...erase(`erase, all at once, among ${MANY}`, many), floor: eraseFew.name },
      ],
      close: async () => {
        await few.close()
        await many.close()
        raw.close()
      },
    }
  },
}

interface Shop {
  /** People with rows of which each is due in a month. */
  addDue(people: number, each: number): Promise<void>
  add(people: number): Promise<readonly SubjectId[]>
  /** Lets two months pass. */
  wait(): void
  /** Resolves to how many records lost something. */
  sweep(): Promise<number>
  erase(id: SubjectId): Promise<void>
  close(): Promise<void>
}

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
})
const text = z.string()
const ticket = defineRecord(
  purposes,
  ({ field }) => ({ text: field(text, { purposes: ['support'] }) }),
  { many: true, retention: { keep: { days: 30 }, from: 'created' } },
)
const order = defineRecord(
  purposes,
  ({ field }) => ({ text: field(text, { purposes: ['support'] }) }),
  { many: true, retention: { keep: { years: 10 }, from: 'created' } },
)
const policy = definePolicy({
  controller: { id: 'bench', name: 'Bench', contact: 'privacy@acme.example', country: 'NL' },
  purposes,
  records: { ticket, order },
  roles: { agent: { purposes: ['support'] } },
})

/** A file with so many people of whom nothing is due for ten years. */
async function openShop(folder: string, people: number): Promise<Shop> {
  const database = new Database(join(folder, `${randomBytes(4).toString('hex')}.db`))
  const { scrub: _, ...store } = sqliteStore(database)
  let time = Date.now()
  const clock = { now: () => time, wait: async () => undefined }
  const keys = localKeys(new Uint8Array(randomBytes(32)))
  const privity = await createPrivity({ policy, store, keys, clock })
  const actor = { id: 'staff:ida', roles: ['agent'] }
  const support = privity.accessor({ purpose: 'support', actor })
  const register = async (count: number): Promise<readonly SubjectId[]> => {
    const added = Array.from({ length: count }, () => privity.subjects.register())
    return (await Promise.all(added)).map(({ id }) => id)
  }
  const shop: Shop = {
    addDue: async (count, each) => {
      const ids = await register(count)
      const rows = ids.flatMap((id) => Array.from({ length: each }, () => id))
      await Promise.all(rows.map((id) => support.ticket.create(id, { text: 'Where is it?' })))
    },
    add: async (count) => {
      const ids = await register(count)
      await Promise.all(ids.map((id) => support.order.create(id, { text: 'A loaf of bread' })))
      return ids
    },
    wait: () => {
      time += 60 * DAY
    },
    sweep: async () => (await privity.retention.sweep()).records,
    erase: async (id) => {
      await privity.erasure.erase(id, { reason: 'subject_request' })
    },
    close: async () => {
      await privity.close()
      database.close()
    },
  }
  for (let added = 0; added < people; added += BATCH) await shop.add(BATCH)
  return shop
}

function rawCandidate(raw: Raw): Candidate {
  let keys: readonly string[] = []
  return {
    name: FLOOR,
    ops: DUE,
    before: async () => {
      const rows = Array.from(
        { length: 2 * DUE },
        (): Row => [randomBytes(32).toString('hex'), new Uint8Array(randomBytes(200))],
      )
      raw.insert(rows)
      keys = rows.map(([key]) => key)
    },
    run: async () => raw.delete(keys),
  }
}

function sweep(
  name: string,
  shop: Shop,
  { each, floor }: { readonly each: number; readonly floor: string },
): Candidate {
  return {
    name,
    floor,
    ops: DUE,
    before: async () => {
      await shop.addDue(DUE / each, each)
      shop.wait()
    },
    run: async () => {
      const records = await shop.sweep()
      if (records !== DUE) throw new Error(`${records} records were swept`)
    },
  }
}

function erase(name: string, shop: Shop): Candidate {
  let ids: readonly SubjectId[] = []
  return {
    name,
    ops: GROUP,
    before: async () => {
      ids = await shop.add(GROUP)
    },
    run: async () => {
      await Promise.all(ids.map(shop.erase))
    },
  }
}
