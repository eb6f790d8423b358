import { expect } from 'vitest'
import { verifyCertificate } from 'privity/verify'
import { decodeContainer } from '../../src/storage/container.ts'
import { decodeKeyRow, listedKeys } from '../../src/subjects/key-row.ts'
import {
  accessorsOf,
  type Acme,
  ACTORS,
  ANNA,
  collect,
  eagerClock,
  giveOnWeb,
  openAcme,
  refusal,
  START,
} from '../support/acme.ts'
import { type EpochKeys, epochKeys } from '../support/epoch-keys.ts'
import { allRows, journey, keyStoreOf, type Place } from '../support/stores.ts'

const ERASE = { reason: 'subject_request' }
const NOTHING_LEFT = { unavailable: 0, erasing: 0, unreadable: 0 }
/** Classes of the records of one person, and the one of everybody. */
const KEYS = 6
const PERSON = /\/p\/[0-9a-f]{32}$/

function open(place: Place, kms: EpochKeys, shards?: number): Promise<Acme> {
  return openAcme(place.store(), {
    keys: kms.provider(),
    clock: eagerClock(),
    ...(shards === undefined ? {} : { shards }),
  })
}

/** A person with a contact, two tickets, and consent to care. */
async function addPerson(acme: Acme, name: string): Promise<string> {
  const { id } = await acme.subjects.register({ externalId: `crm-${name}` })
  const { support, care } = accessorsOf(acme)
  await support.contact.create(id, { ...ANNA, name, email: `${name}@example.com` })
  await support.ticket.create(id, { text: `${name} 1`, channel: 'mail' })
  await support.ticket.create(id, { text: `${name} 2` })
  await giveOnWeb(acme, id, ['care', 'marketing'])
  await care.contact.update(id, { allergies: `nuts of ${name}` })
  return id
}

async function expectIntact(acme: Acme, people: ReadonlyMap<string, string>): Promise<void> {
  const { support, care } = accessorsOf(acme)
  for (const [name, id] of people) {
    expect(await support.contact.read(id)).toMatchObject({ name })
    expect(await care.contact.read(id)).toEqual({ allergies: `nuts of ${name}` })
    expect(await collect(support.ticket.list({ subjectId: id }))).toHaveLength(2)
    expect(await collect(support.contact.find({ email: `${name}@example.com` }))).toHaveLength(1)
    expect(await acme.subjects.find({ externalId: `crm-${name}` })).toEqual({ id })
  }
}

async function addPeople(acme: Acme, names: readonly string[]): Promise<Map<string, string>> {
  const people = new Map<string, string>()
  for (const name of names) people.set(name, await addPerson(acme, name))
  return people
}

/** Epochs of the keys that documents count on, by how many keys are under each. */
async function epochsIn(place: Place): Promise<{ readonly [epoch: string]: number }> {
  const apart = keyStoreOf(place.store())
  const keyRows = new Map(apart === undefined ? [] : await allRows(apart))
  const counts: { [epoch: string]: number } = {}
  for (const [key, document] of await place.rows()) {
    if (!PERSON.test(key)) continue
    const row = apart === undefined ? undefined : decodeKeyRow(keyRows.get(key))
    for (const { epoch } of listedKeys(decodeContainer(document) ?? [], row)?.ring ?? [])
      counts[epoch] = (counts[epoch] ?? 0) + 1
  }
  return counts
}

for (const shards of [1, 3]) {
  journey(
    `an epoch is put in use, everything is wrapped under it, and the old one dies [${shards}]`,
    async (place) => {
      const kms = epochKeys({ now: () => START })
      const acme = await open(place, kms, shards)
      const people = await addPeople(acme, ['anna', 'ben'])
      const ask = { recipient: 'mailer', purpose: 'marketing', actor: ACTORS.marketing } as const
      const subjectId = people.get('anna') as never
      const pseudonym = await acme.pseudonyms.of({ ...ask, subjectId })
      expect(await acme.keys.epochs()).toEqual([{ epoch: 1, state: 'current' }])

      expect(await acme.keys.rotate()).toBe(2)
      people.set('cleo', await addPerson(acme, 'cleo'))
      const { 1: old = 0, 2: fresh = 0 } = await epochsIn(place)
      expect([old, fresh]).toEqual([2 * KEYS, KEYS])
      await expectIntact(acme, people)
      const usage = await acme.keys.usage(1)
      expect(usage).toMatchObject({ epoch: 1, current: false, people: 2, personKeys: 2 * KEYS })
      expect(usage.storedKeys).toBeGreaterThan(0)
      expect(await refusal(acme.keys.retire(1))).toMatchObject({
        code: 'key_in_use',
        details: { epoch: 1, current: false, people: 2, erasing: 0, unreadable: 0 },
      })
      expect(kms.destroyed.size).toBe(0)

      const report = await acme.keys.rewrap()
      expect(report).toMatchObject({
        epoch: 2,
        people: 2,
        personKeys: 2 * KEYS,
        left: NOTHING_LEFT,
      })
      expect(report.storedKeys).toBe(usage.storedKeys)
      expect(await epochsIn(place)).toEqual({ 2: 3 * KEYS })
      expect(await acme.keys.rewrap()).toMatchObject({ people: 0, personKeys: 0, storedKeys: 0 })
      await expectIntact(acme, people)

      const record = await acme.keys.retire(1)
      expect([...kms.destroyed]).toEqual([1])
      expect(await acme.keys.retire(1)).toBe(record)
      const rows = (await place.rows()).map(([key]) => key)
      expect(rows.filter((key) => /\/k\/[ck]\/00000001/.test(key))).toEqual([])
      expect(await acme.keys.epochs()).toMatchObject([
        { epoch: 1, state: 'retired' },
        { epoch: 2, state: 'current' },
      ])
      await expectIntact(acme, people)
      expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
      const { jwks } = acme.ledger.publicKeys
      expect(await verifyCertificate(record, { jwks })).toMatchObject({
        ok: true,
        certificate: {
          schemaVersion: 'privity.key-destruction/1',
          epoch: 1,
          keyProvider: 'test-kms',
          effectiveAt: new Date(START).toISOString(),
          verification: {
            people: 3,
            personKeys: 3 * KEYS,
            references: 0,
            unwrap: 'key_unreadable',
          },
        },
      })
      await acme.close()

      const again = await open(place, kms)
      await expectIntact(again, people)
      expect(await again.pseudonyms.of({ ...ask, subjectId })).toBe(pseudonym)
      expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
      await again.erasure.erase(subjectId, ERASE)
      expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
      await again.close()
    },
  )
}

journey('a process that was open before goes on, and writes under the new epoch', async (place) => {
  const kms = epochKeys()
  const first = await open(place, kms, 2)
  const second = await open(place, kms)
  const people = await addPeople(first, ['anna'])
  await expectIntact(second, people)
  await first.keys.rotate()
  // It has not heard of the epoch, and is told by the log that it writes to.
  people.set('ben', await addPerson(second, 'ben'))
  await first.keys.rewrap()
  expect(Object.keys(await epochsIn(place))).toEqual(['2'])
  // It meets keys of the new epoch where it had read those of the old.
  await expectIntact(second, people)
  await first.keys.retire(1)
  people.set('cleo', await addPerson(second, 'cleo'))
  await expectIntact(second, people)
  expect(await second.ledger.verify({ deep: true })).toMatchObject({ ok: true })
  await first.close()
  await second.close()
})

journey('writers with a stale epoch and a rotation at once leave nothing behind', async (place) => {
  const kms = epochKeys()
  const instances = [await open(place, kms, 3), await open(place, kms), await open(place, kms)]
  const [one] = instances
  if (one === undefined) return
  const people = new Map<string, string>()
  async function load(acme: Acme, name: string): Promise<void> {
    for (let round = 0; round < 3; round += 1) {
      const person = `${name}${round}`
      people.set(person, await addPerson(acme, person))
    }
  }
  const rotations: number[] = []
  async function care(): Promise<void> {
    for (let round = 0; round < 3; round += 1) {
      rotations.push((await one?.keys.rotate()) ?? 0)
      await one?.keys.rewrap()
    }
  }
  await Promise.all([...instances.map((acme, at) => load(acme, `p${at}-`)), care()])
  expect(rotations).toEqual([2, 3, 4])
  await one.keys.rewrap()
  expect(await epochsIn(place)).toEqual({ 4: people.size * KEYS })
  for (const epoch of [1, 2, 3]) await one.keys.retire(epoch)
  for (const acme of instances) await expectIntact(acme, people)
  expect(await one.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  for (const acme of instances) await acme.close()
  const again = await open(place, kms)
  await expectIntact(again, people)
  await again.close()
})

journey('two processes that rotate at once agree, and so do two that retire', async (place) => {
  const kms = epochKeys()
  const [first, second] = [await open(place, kms), await open(place, kms)]
  const people = await addPeople(first, ['anna'])
  const epochs = await Promise.all([first.keys.rotate(), second.keys.rotate()])
  expect(Math.max(...epochs)).toBe(kms.current)
  const reports = await Promise.all([first.keys.rewrap(), second.keys.rewrap()])
  expect(reports.map(({ left }) => left)).toEqual([NOTHING_LEFT, NOTHING_LEFT])
  for (let epoch = 1; epoch < kms.current; epoch += 1) {
    const records = await Promise.all([first.keys.retire(epoch), second.keys.retire(epoch)])
    expect(records[0]).toBe(records[1])
  }
  await expectIntact(second, people)
  expect(await first.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await first.close()
  await second.close()
})

journey(
  'an epoch that the provider began by itself is put in use at the next start',
  async (place) => {
    const kms = epochKeys()
    const acme = await open(place, kms)
    const people = await addPeople(acme, ['anna'])
    kms.rotate()
    people.set('ben', await addPerson(acme, 'ben'))
    expect(Object.keys(await epochsIn(place))).toEqual(['1'])
    const again = await open(place, kms)
    people.set('cleo', await addPerson(acme, 'cleo'))
    expect(await epochsIn(place)).toEqual({ 1: 2 * KEYS, 2: KEYS })
    expect(kms.rotations).toBe(1)
    await expectIntact(again, people)
    await acme.close()
    await again.close()
  },
)

journey('what is being erased is left to that, and keeps its epoch alive', async (place) => {
  const kms = epochKeys()
  const stuck = {
    id: 'stuck',
    needsPlaintext: true,
    plan: async () => [{ id: 'all', description: 'rows', count: 1 }],
    execute: async () => ({ blocked: 'always' }) as const,
    verify: async () => 'absent' as const,
  }
  const clock = eagerClock()
  const acme = await openAcme(place.store(), { keys: kms.provider(), clock, hooks: [stuck] })
  const people = await addPeople(acme, ['anna', 'ben'])
  const anna = people.get('anna') as never
  const blocked = await refusal(acme.erasure.erase(anna, ERASE))
  expect(blocked.code).toBe('erasure_incomplete')
  await acme.keys.rotate()
  const before = (await place.rows()).find(([key]) => key.endsWith(`/p/${String(anna)}`))
  expect(await acme.keys.rewrap()).toMatchObject({ people: 1, left: { erasing: 1 } })
  expect(await acme.keys.reseal()).toMatchObject({ left: { erasing: 1 } })
  const after = (await place.rows()).find(([key]) => key.endsWith(`/p/${String(anna)}`))
  expect(after).toEqual(before)
  expect(await refusal(acme.keys.retire(1))).toMatchObject({
    code: 'key_in_use',
    details: { people: 1, erasing: 1 },
  })
  await acme.close()
  const freed = await open(place, kms)
  const { erasureId } = blocked.details as { erasureId: string }
  expect((await refusal(freed.erasure.resume(erasureId))).code).toBe('erasure_incomplete')
  await freed.close()
  const willing = { ...stuck, execute: async () => 'done' as const }
  clock.advance({ days: 1 })
  const again = await openAcme(place.store(), { keys: kms.provider(), clock, hooks: [willing] })
  await again.erasure.resume(erasureId)
  await again.keys.retire(1)
  expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await again.close()
})

journey('only what can be retired is', async (place) => {
  const kms = epochKeys()
  const acme = await open(place, kms)
  expect(await refusal(acme.keys.retire(1))).toEqual({
    code: 'key_in_use',
    details: {
      epoch: 1,
      current: true,
      people: 0,
      erasing: 0,
      storedKeys: 0,
      unreadable: 0,
      tenants: 0,
    },
  })
  expect(await refusal(acme.keys.retire(7))).toEqual({
    code: 'not_found',
    details: { kind: 'epoch' },
  })
  for (const epoch of [0, -1, 1.5, Number.NaN, '1', undefined, 2 ** 32])
    expect((await refusal(acme.keys.retire(epoch as never))).code).toBe('invalid_input')
  for (const options of [1, { signal: 'x' }, { onProgress: 1 }, { other: 1 }])
    expect((await refusal(acme.keys.rewrap(options as never))).code).toBe('invalid_input')
  await acme.close()
  const local = await openAcme(place.store(), { keys: kms.provider() })
  await local.close()
})
