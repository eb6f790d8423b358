import { expect, test } from 'vitest'
import { localKeys, type Row, type Store } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { readMark } from '../../src/journal/journal-mark.ts'
import {
  accessorsOf,
  type Acme,
  ANNA,
  eagerClock,
  openAcme,
  policy,
  refusal,
  SECRET,
} from '../support/acme.ts'
import { journalOf } from '../support/journaled.ts'
import { openVault } from '../support/open-vault.ts'
import { scaled } from '../support/scale.ts'
import { type Seeded, seeded } from '../support/seeded.ts'
import { setBack } from '../support/set-back.ts'
import { allRows, STORES } from '../support/stores.ts'

const SCHEDULES = scaled({ ci: 15, torture: 1_000 })
const SLOW = scaled({ ci: 120_000, torture: 3_600_000 })
const SEED = 20_261_122
const PROCESSES = 3
const PEOPLE = 4
const REASON = { reason: 'subject_request' } as const
const PART = { ...REASON, scope: { records: [{ record: 'contact', fields: ['phone'] }] } } as const

type Rows = readonly Row[]

/** Answers late by chance, so that what runs at once meets in ever other places. */
function chancy(store: Store, random: Seeded, committed: () => Promise<void>): Store {
  async function late<T>(run: () => Promise<T>): Promise<T> {
    for (let left = random.below(4); left > 0; left -= 1)
      await new Promise<void>((resolve) => setImmediate(resolve))
    return run()
  }
  return {
    ...store,
    read: (keys) => late(() => store.read(keys)),
    scan: (prefix, options) => late(() => store.scan(prefix, options)),
    commit: (batch) =>
      late(async () => {
        await store.commit(batch)
        await committed()
      }),
  }
}

async function addPerson(acme: Acme, nth: number): Promise<never> {
  const { id } = await acme.subjects.register()
  const email = `p${nth}@example.com`
  await accessorsOf(acme).support.contact.create(id, { ...ANNA, email, phone: '+31 20 1111111' })
  return id as never
}

/** How far each copy of a store knows the journal to go. */
async function marksOf(copies: readonly Rows[]): Promise<readonly number[]> {
  const share = memoryData()
  const store = memoryStore({ share })
  await store.open()
  await store.commit({ checks: [], put: copies.at(-1) ?? [], del: [] })
  const { vault } = await openVault(store, { declared: policy, keys: localKeys(SECRET) })
  const { keyspace, controller } = vault.people.deps
  const marks: number[] = []
  for (const copy of copies) {
    const rows = new Map(copy)
    const read = async (keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> =>
      keys.map((key) => rows.get(key))
    const mark = await readMark({ store: { ...store, read } as never, keyspace, controller })
    marks.push(mark?.seen.seq ?? 0)
  }
  return marks
}

test(`processes that erase at once over one journal are never refused, and none moves its mark back, in ${SCHEDULES} schedules`, {
  timeout: SLOW,
}, async () => {
  for (let schedule = 0; schedule < SCHEDULES; schedule += 1) {
    const random = seeded(SEED + schedule)
    const place = STORES.memory()
    const stores = { place, journal: memoryData() }
    const journals: Rows[] = [[]]
    const copies: Rows[] = []
    const open = (isCopied: boolean): Promise<Acme> =>
      openAcme(
        chancy(place.store(), random, async () => {
          if (isCopied) copies.push(await place.rows())
        }),
        {
          clock: eagerClock(),
          // The mark is about nobody: it is in the main log, whatever logs the people are in.
          shards: 1 + 2 * (schedule % 2),
          journal: chancy(memoryStore({ share: stores.journal }), random, async () => {
            journals.push(await allRows(memoryStore({ share: stores.journal })))
          }),
        },
      )
    const processes = [await open(true)]
    while (processes.length < PROCESSES) processes.push(await open(true))
    const work = processes.map(async (acme, process) => {
      for (let nth = 0; nth < PEOPLE; nth += 1) {
        const id = await addPerson(acme, process * PEOPLE + nth)
        await acme.erasure.erase(id, random.below(3) === 0 ? PART : REASON)
      }
    })
    await Promise.all(work)
    const [last] = [await place.rows()]
    const marks = await marksOf(copies)
    expect(marks).toEqual(marks.toSorted((a, b) => a - b))
    // Of each erasure at most its end is not known of: that is told behind the last commit.
    const told = PROCESSES * PEOPLE * 2
    const known = marks.at(-1) ?? 0
    expect(known).toBeGreaterThan(told - 2 * PROCESSES)
    expect(await processes[0]?.ledger.verify({ deep: true })).toMatchObject({
      ok: true,
      faults: [],
    })
    await Promise.all(processes.map((acme) => acme.close()))

    for (const journal of journals.slice(-2 * PROCESSES)) {
      await setBack(place, last)
      await setBack(journalOf(stores), journal)
      const entries = journal.filter(([key]) => /\/j\/[0-9a-f]{12}$/.test(key)).length
      if (entries < known)
        expect(await refusal(open(false))).toMatchObject({ code: 'journal_diverged' })
      else await (await open(false)).close()
    }
  }
})
