import { createHash, createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import type { MemoryData } from '../../src/adapters/memory.ts'
import { openDesk, type DeskPlan } from '../support/lookup-desk.ts'
import { setRows } from '../support/deep-mutations.ts'
import { journey } from '../support/stores.ts'

const PLAN: DeskPlan = {
  fields: {
    name: {},
    city: {},
    email: { lookup: { by: 'email', unique: true } },
    phone: { lookup: { by: 'phone-e164', people: 1_000, endsWith: 4 } },
  },
  lookups: { both: { by: { name: 'nfkc-lower', city: 'nfkc-lower' } } },
}
const ANNA = { name: 'Anna', city: 'Bonn', email: 'anna@example.com', phone: '+4930123456' }
const GUESSES = ['anna@example.com', 'anna', 'bonn', '+4930123456', '3456', 'Anna', 'Bonn']

/** Every way to hash a guess without a key, or under whatever lies in the store. */
function digestsOf(guess: string, rows: ReadonlyMap<string, Uint8Array>): ReadonlySet<string> {
  const keys = [...rows].flatMap(([key, value]) => [Buffer.from(key), Buffer.from(value)])
  return new Set([
    ...['sha256', 'sha512', 'md5', 'sha1'].map((name) =>
      createHash(name).update(guess).digest('hex').slice(0, 32),
    ),
    ...keys.map((key) => createHmac('sha256', key).update(guess).digest('hex').slice(0, 32)),
  ])
}

journey('with the store alone, no guess leads to a token', async (place) => {
  const { privity, add } = await openDesk(place.store(), PLAN)
  await add(ANNA)
  await privity.close()
  const rows = new Map(await place.rows())
  const tokens = [...rows.keys()].map((key) => key.slice(17)).filter((key) => /^[tu]\//.test(key))
  expect(tokens).toHaveLength(5)
  for (const guess of GUESSES) {
    const digests = digestsOf(guess, rows)
    for (const token of tokens) {
      // Tokens that are cut fit many guesses by chance, and say nothing either.
      const whole = token.split('/')[3] ?? ''
      if (whole.length === 32) expect(digests.has(whole)).toBe(false)
      expect(token.toLowerCase()).not.toContain(Buffer.from(guess).toString('hex'))
    }
  }
})

test('the same values have other tokens in every store', async () => {
  const seen = await Promise.all(
    [1, 2].map(async () => {
      const data = memoryData()
      const { privity, add } = await openDesk(memoryStore({ share: data }), PLAN)
      await add(ANNA)
      await privity.close()
      return [...data.rows.keys()].map((key) => key.slice(17).split('/').slice(0, 4).join('/'))
    }),
  )
  const [one = [], other = []] = seen.map((keys) =>
    keys.filter((key) => /^[tu]\/.*[0-9a-f]{32}$/.test(key)),
  )
  expect(one.length).toBe(3)
  expect(one.filter((key) => other.includes(key))).toEqual([])
})

test('deep verification names every lookup row that is gone, changed or added', async () => {
  const data = memoryData()
  const { privity, add } = await openDesk(memoryStore({ share: data }), PLAN)
  await add(ANNA)
  await add({ ...ANNA, name: 'Bram', email: 'bram@example.com' })
  expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  const rows = [...data.rows].filter(([key]) => /^[tu]\/|^k\/l\//.test(key.slice(17)))
  expect(rows.length).toBeGreaterThan(12)
  for (const [key, value] of rows) {
    const planted = `${key.slice(0, 40)}${key[40] === 'f' ? '0' : 'f'}${key.slice(41)}`
    const longer =
      value.length === 0 ? Uint8Array.of(0) : value.map((byte, at) => byte ^ (at === 0 ? 1 : 0))
    expect(await kindsOf(data, privity, [key, undefined])).toContain(`row_missing ${key}`)
    expect(await kindsOf(data, privity, [key, longer])).toContain(`row_changed ${key}`)
    if (planted !== key && !data.rows.has(planted) && key.length > 60)
      expect(await kindsOf(data, privity, [planted, value])).toContain(`row_unexpected ${planted}`)
  }
  await privity.close()
})

async function kindsOf(
  data: MemoryData,
  privity: Awaited<ReturnType<typeof openDesk>>['privity'],
  [key, value]: readonly [string, Uint8Array | undefined],
): Promise<readonly string[]> {
  const before = data.rows.get(key)
  setRows(data, new Map([[key, value]]))
  const { faults } = await privity.ledger.verify({ deep: true })
  setRows(data, new Map([[key, before]]))
  return faults.map((fault) => `${fault.kind} ${fault.key}`)
}
