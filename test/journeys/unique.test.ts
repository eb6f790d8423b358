import { expect, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import { refusal } from '../support/acme.ts'
import { type Desk, type DeskPlan, openDesk } from '../support/lookup-desk.ts'
import { seeded } from '../support/seeded.ts'
import { journey, type Place } from '../support/stores.ts'

const PLAN: DeskPlan = {
  fields: { name: {}, email: { lookup: { by: 'email', unique: true } } },
}
const MANY: DeskPlan = { ...PLAN, many: true }
const TAKEN = { code: 'already_exists', details: { kind: 'value' } }

async function claims(place: Place): Promise<number> {
  return (await place.rows()).filter(([key]) => key.slice(17).startsWith('u/')).length
}

journey('a second person with the same value is refused, however it is written', async (place) => {
  const { privity, add, support, ids } = await openDesk(place.store(), PLAN)
  const anna = await add({ email: 'anna@example.com' })
  expect(await refusal(add({ email: ' ANNA@example.com' }))).toEqual(TAKEN)
  const bram = await add({ email: 'bram@example.com' })
  expect(await refusal(support.update(bram, { email: 'Anna@example.com' }))).toEqual(TAKEN)
  expect(await ids({ email: 'anna@example.com' })).toEqual([anna])
  expect(await claims(place)).toBe(2)
  await privity.close()
})

journey('the same record may keep its value, and give it up', async (place) => {
  const { privity, add, support, ids } = await openDesk(place.store(), PLAN)
  const anna = await add({ email: 'anna@example.com', name: 'Anna' })
  await support.update(anna, { email: 'ANNA@example.com' })
  await support.update(anna, { name: 'A' })
  expect(await claims(place)).toBe(1)
  await support.update(anna, { email: 'anna@new.example' })
  const bram = await add({ email: 'anna@example.com' })
  await support.update(anna, {}, { unset: ['email'] })
  await support.update(bram, { email: 'anna@new.example' })
  expect(await ids({ email: 'anna@new.example' })).toEqual([bram])
  await privity.erasure.erase(bram as never, { reason: 'subject_request' })
  expect(await claims(place)).toBe(0)
  await support.update(anna, { email: 'anna@new.example' })
  expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await privity.close()
})

journey('it holds among the records of one person too, until one is removed', async (place) => {
  const { privity, support } = await openDesk(place.store(), MANY)
  const { id } = await privity.subjects.register()
  const { recordId } = await support.create(id, { email: 'a@b.example' })
  expect(await refusal(support.create(id, { email: 'a@b.example' }))).toEqual(TAKEN)
  await support.remove(id, recordId)
  expect(await claims(place)).toBe(0)
  await support.create(id, { email: 'a@b.example' })
  await privity.close()
})

journey('a write that is repeated under its operation id takes effect once', async (place) => {
  const { privity, support } = await openDesk(place.store(), PLAN)
  const { id } = await privity.subjects.register()
  const once = { operationId: 'op-1' }
  const create = support.create as (...args: readonly unknown[]) => Promise<unknown>
  await create(id, { email: 'a@b.example' }, once)
  await create(id, { email: 'a@b.example' }, once)
  expect(await claims(place)).toBe(1)
  await privity.close()
})

journey('of two instances that write the same value at once, one wins', async (place) => {
  const one = await openDesk(place.store(), PLAN)
  const other = await openDesk(place.store(), PLAN)
  for (let round = 0; round < 8; round += 1) {
    const email = `p${round}@example.com`
    const outcomes = await Promise.allSettled([one.add({ email }), other.add({ email })])
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await one.ids({ email })).toHaveLength(1)
  }
  expect(await claims(place)).toBe(8)
  await one.privity.close()
  await other.privity.close()
})

test('in no order of writes do two records have the same value', { timeout: 60_000 }, async () => {
  const data = memoryData()
  const desks = await Promise.all([1, 2, 3].map(() => openDesk(memoryStore({ share: data }), PLAN)))
  const random = seeded(20_261_127)
  const people = await Promise.all(desks.flatMap((desk) => [desk.add({}), desk.add({})]))
  for (let round = 0; round < 40; round += 1) {
    await Promise.allSettled(people.map((id) => writeSomething(desks, id, random.list(2, 3))))
    await expectOneHolderEach(desks[0] as Desk)
  }
  const [desk] = desks as [Desk]
  expect(await desk.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  for (const { privity } of desks) await privity.close()
})

async function writeSomething(
  desks: readonly Desk[],
  id: string,
  [at = 0, value = 0]: readonly number[],
): Promise<void> {
  const { support } = desks[at] as Desk
  if (value === 2) await support.update(id, {}, { unset: ['email'] })
  else await support.update(id, { email: `v${value}@example.com` })
}

async function expectOneHolderEach({ ids }: Desk): Promise<void> {
  for (const value of [0, 1])
    expect((await ids({ email: `v${value}@example.com` })).length).toBeLessThanOrEqual(1)
}
