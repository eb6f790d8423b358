import { expect, test } from 'vitest'
import { isPrivityError, localKeys, type Row, type Store } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { sealedIn, placedHeads } from '../../src/erasure/partial/look.ts'
import { readHeads } from '../../src/vault/record-heads.ts'
import { openSection } from '../../src/vault/sections.ts'
import {
  accessorsOf,
  type Acme,
  ANNA,
  eagerClock,
  openAcme,
  policy,
  SECRET,
} from '../support/acme.ts'
import { openVault } from '../support/open-vault.ts'
import { scaled } from '../support/scale.ts'
import { type Seeded, seeded } from '../support/seeded.ts'
import { allRows } from '../support/stores.ts'

const SCHEDULES = scaled({ ci: 30, torture: 2_000 })
const SLOW = scaled({ ci: 240_000, torture: 3_600_000 })
/** Copies of each schedule that are put back. */
const LOOKS = 4
const SEED = 20_261_122
const PHONES = ['+31 20 1111111', '+31 20 2222222', '+31 20 3333333'] as const
const ASK = {
  reason: 'subject_request',
  scope: { records: [{ record: 'contact', fields: ['phone'] }] },
} as const
const HELD = { matter: 'claim', reviewAt: '2030-01-01T00:00:00.000Z', records: ASK.scope.records }
const ENOUGH = 20

type Rows = readonly Row[]

/** Answers late by chance, so that what runs at once meets in ever other places. */
function chancy(
  store: Store,
  random: Seeded,
  copies?: { readonly of: MemoryData; readonly into: Rows[] },
): Store {
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
        if (copies !== undefined) copies.into.push(await allRows(memoryStore({ share: copies.of })))
      }),
  }
}

/** The number that is stored, opened without the code that erases; a store of its own for each copy. */
async function storedPhone(rows: Rows, id: string): Promise<string | undefined> {
  const share = await sharing(rows)
  const { vault } = await openVault(memoryStore({ share }), {
    declared: policy,
    keys: localKeys(SECRET),
  })
  const { people } = vault
  const { person, heads } = await readHeads(people, (await people.read(id)).person)
  for (const record of placedHeads(heads)) {
    if (record.recordId !== undefined) continue
    const sealed = sealedIn(vault, { person, rows: { get: () => undefined } }, record)
    for (const number of Object.keys(record.head.sections).map(Number)) {
      const { phone } = openSection(sealed, number, person.key(number))
      if (typeof phone === 'string') return phone
    }
  }
  return undefined
}

async function sharing(rows: Rows): Promise<MemoryData> {
  const share = memoryData()
  const store = memoryStore({ share })
  await store.open()
  await store.commit({ checks: [], put: rows, del: [] })
  await store.close()
  return share
}

/** Again until it is at its end: others may keep it from that for some time. */
async function eraseAll(acme: Acme, id: string): Promise<void> {
  let erasureId: string | undefined
  for (let attempt = 0; attempt < ENOUGH; attempt += 1) {
    try {
      await (erasureId === undefined ? acme.erasure.erase(id, ASK) : acme.erasure.resume(erasureId))
      return
    } catch (error) {
      if (!isPrivityError(error, 'erasure_incomplete')) throw error
      erasureId = error.details.erasureId
    }
  }
  throw new TypeError('never at its end')
}

test(`whatever is written beside an erasure, a replay takes what it took and nothing else, in ${SCHEDULES} schedules`, {
  timeout: SLOW,
}, async () => {
  let [erased, survived] = [0, 0]
  for (let schedule = 0; schedule < SCHEDULES; schedule += 1) {
    const random = seeded(SEED + schedule)
    const [share, journal] = [memoryData(), memoryData()]
    const copies: Rows[] = []
    const acme = await openAcme(
      chancy(memoryStore({ share }), random, { of: share, into: copies }),
      {
        journal: chancy(memoryStore({ share: journal }), random),
        clock: eagerClock(),
      },
    )
    const { id } = await acme.subjects.register()
    const { contact, ticket } = accessorsOf(acme).support
    await contact.create(id, { ...ANNA, phone: PHONES[0] })
    const first = copies.length
    const write = async (at: 1 | 2): Promise<void> => {
      for (let left = random.below(30); left > 0; left -= 1)
        await new Promise<void>((resolve) => setImmediate(resolve))
      await contact.update(id, { phone: PHONES[at] })
    }
    const others = [
      write(1),
      write(2),
      ticket.create(id, { text: 'beside', channel: 'mail' }),
      contact.update(id, { address: 'Beside 1' }),
      ...(random.below(2) === 0 ? [acme.retention.hold(id, HELD as never)] : []),
    ]
    await Promise.all([eraseAll(acme, id), ...others])
    await acme.close()

    const phones: (string | undefined)[] = []
    for (const copy of copies)
      phones.push(copies.indexOf(copy) < first - 1 ? undefined : await storedPhone(copy, id))
    const end = phones.at(-1)
    const gone = new Set(
      phones.filter(
        (phone, at) =>
          phone !== undefined && at + 1 < phones.length && phones[at + 1] === undefined,
      ),
    )
    for (let look = 0; look < LOOKS; look += 1) {
      const at = first - 1 + random.below(copies.length - first + 1)
      const was = phones[at]
      const restored = await sharing(copies[at] ?? [])
      const stores = { journal: memoryStore({ share: journal }), clock: eagerClock() }
      const closed = await openAcme(memoryStore({ share: restored }), stores)
      await closed.erasure.replay()
      await closed.close()
      const again = await openAcme(memoryStore({ share: restored }), stores)
      const { phone } = await accessorsOf(again).support.contact.read(id)
      const told = { schedule, at, was, phone }
      if (was !== undefined && gone.has(was)) {
        expect(told).toMatchObject({ phone: undefined })
        erased += 1
      } else if (was === end) {
        expect(told).toMatchObject({ phone: was })
        if (was !== undefined) survived += 1
      } else expect([was, undefined]).toContain(phone)
      expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
      await again.close()
    }
  }
  expect(erased).toBeGreaterThan(SCHEDULES / 3)
  expect(survived).toBeGreaterThan(SCHEDULES / 3)
})
