import { copyFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { fileKeys, type KeyProvider } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { accessorsOf, type Acme, ANNA, eagerClock, openAcme, refusal } from '../support/acme.ts'
import { type EpochKeys, epochKeys } from '../support/epoch-keys.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { keyDirectory } from '../support/key-files.ts'

interface Office {
  readonly acme: Acme
  readonly share: MemoryData
  /** Whose keys are under the first epoch, and whose under the second. */
  readonly people: readonly string[]
}

const UNKNOWN = { code: 'key_unknown', details: { what: 'controller' } }
const UNREADABLE = { code: 'key_unreadable', details: { what: 'controller' } }
const CURRENT = /\/k\/c\/00000002$/
const CONTROLLER = /\/k\/c\/[0-9a-f]{8}$/

function openOn(share: MemoryData, keys: KeyProvider): Promise<Acme> {
  return openAcme(memoryStore({ share }), { keys, clock: eagerClock() })
}

async function addPerson(acme: Acme): Promise<string> {
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  return id
}

/** A store at the second epoch, with people of both. */
async function openOffice(keys: KeyProvider, rotated: () => void): Promise<Office> {
  const share = memoryData()
  const acme = await openOn(share, keys)
  const first = await addPerson(acme)
  rotated()
  await acme.keys.rotate()
  return { acme, share, people: [first, await addPerson(acme)] }
}

/** Whatever is behind it now. */
function following(now: () => KeyProvider): Required<KeyProvider> {
  return {
    id: 'followed',
    irrecoverableBy: 'epoch_end',
    currentEpoch: () => now().currentEpoch(),
    wrap: (...args) => now().wrap(...args),
    unwrap: (...args) => now().unwrap(...args),
    rotate: async () => (await now().rotate?.()) ?? 0,
    destroy: async (epoch) => (await now().destroy?.(epoch)) ?? { effectiveAt: Number.NaN },
  }
}

async function expectAllOpen({ acme, people }: Omit<Office, 'share'>): Promise<void> {
  for (const id of people)
    expect(await accessorsOf(acme).support.contact.read(id)).toMatchObject({ name: ANNA.name })
}

async function expectRefused(acme: Acme, told: object): Promise<void> {
  expect(await refusal(acme.keys.rotate())).toEqual(told)
  expect(await refusal(acme.keys.rewrap())).toEqual(told)
  expect(await refusal(acme.keys.retire(1))).toEqual(told)
  expect(await acme.keys.epochs()).toMatchObject([
    { epoch: 1, state: 'superseded' },
    { epoch: 2, state: 'current' },
  ])
}

test('an older key file that was put back beneath a running process is neither rotated nor rid of an epoch', async () => {
  const { path, file, remove } = keyDirectory()
  onTestFinished(remove)
  const keys = fileKeys(file)
  const office = await openOffice(keys, () => copyFileSync(file, `${path}/older.json`))
  const { acme, share, people } = office
  copyFileSync(file, `${path}/newest.json`)
  copyFileSync(`${path}/older.json`, file)
  await expectRefused(acme, UNKNOWN)
  expect(await keys.currentEpoch()).toBe(1)
  // It has what it needs in memory, and goes on.
  const later = await addPerson(acme)
  await expectAllOpen({ acme, people: [...people, later] })
  copyFileSync(`${path}/newest.json`, file)
  expect(await acme.keys.rotate()).toBe(3)
  await acme.keys.rewrap()
  for (const epoch of [1, 2]) await acme.keys.retire(epoch)
  await acme.close()
  const again = await openOn(share, fileKeys(file))
  await expectAllOpen({ acme: again, people: [...people, later] })
  expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await again.close()
})

test('secrets that went on apart and reached the same number are another secret', async () => {
  const kms = epochKeys()
  let apart: EpochKeys | undefined
  let isApart = false
  const keys = following(() => (isApart ? (apart ?? kms) : kms).provider())
  const office = await openOffice(keys, () => {
    apart = kms.copy()
  })
  apart?.rotate()
  isApart = true
  await expectRefused(office.acme, UNREADABLE)
  expect([apart?.current, apart?.destroyed.size]).toEqual([2, 0])
  isApart = false
  expect(await office.acme.keys.rotate()).toBe(3)
  await expectAllOpen(office)
  await office.acme.close()
})

test('a provider that gives back another key than was wrapped is refused', async () => {
  const kms = epochKeys()
  let isOther = false
  const inner = kms.provider()
  const keys: KeyProvider = {
    ...inner,
    unwrap: async (...args) => (isOther ? new Uint8Array(32) : inner.unwrap(...args)),
  }
  const { acme } = await openOffice(keys, () => undefined)
  isOther = true
  await expectRefused(acme, UNREADABLE)
  expect([kms.current, kms.destroyed.size]).toEqual([2, 0])
  await acme.close()
})

test('a provider that does not answer now keeps every epoch, and is asked again', async () => {
  const kms = epochKeys()
  let isAway = false
  const keys = following(() => {
    if (isAway) throw new TypeError('away')
    return kms.provider()
  })
  const office = await openOffice(keys, () => undefined)
  isAway = true
  await expectRefused(office.acme, { code: 'key_unavailable', details: { what: 'controller' } })
  expect([kms.current, kms.destroyed.size]).toEqual([2, 0])
  isAway = false
  await office.acme.keys.rewrap()
  await office.acme.keys.retire(1)
  await expectAllOpen(office)
  await office.acme.close()
})

test('secrets that are put back after they were asked for give no epoch that the store has', async () => {
  const kms = epochKeys()
  let older: EpochKeys | undefined
  let isOlder = false
  let isArmed = false
  const inner = following(() => (isOlder ? (older ?? kms) : kms).provider())
  const keys: KeyProvider = {
    ...inner,
    currentEpoch: () => {
      isOlder = isArmed
      return inner.currentEpoch()
    },
  }
  const office = await openOffice(keys, () => {
    older = kms.copy()
  })
  isArmed = true
  expect(await refusal(office.acme.keys.rotate())).toEqual({
    code: 'key_unavailable',
    details: { what: 'controller' },
  })
  expect(await refusal(office.acme.keys.retire(1))).toEqual(UNREADABLE)
  expect([kms.destroyed.size, older?.destroyed.size]).toEqual([0, 0])
  await office.acme.close()
})

test('of two processes whose secrets went on apart, the one that comes second is told', async () => {
  const kms = epochKeys()
  const apart = kms.copy()
  const share = memoryData()
  const first = await openOn(share, kms.provider())
  const people = [await addPerson(first)]
  let meanwhile: (() => Promise<unknown>) | undefined
  const inner = apart.provider()
  const second = await openOn(share, {
    ...inner,
    rotate: async () => {
      const epoch = await inner.rotate()
      await meanwhile?.()
      return epoch
    },
  })
  meanwhile = () => first.keys.rotate()
  expect(await refusal(second.keys.rotate())).toEqual(UNREADABLE)
  expect([kms.current, apart.current]).toEqual([2, 2])
  await second.close()
  people.push(await addPerson(first))
  expect(await first.keys.rotate()).toBe(3)
  await expectAllOpen({ acme: first, people })
  await first.close()
})

test('of two processes on the same secrets, the one that comes second goes along', async () => {
  const kms = epochKeys()
  const share = memoryData()
  const first = await openOn(share, kms.provider())
  const people = [await addPerson(first)]
  const inner = kms.provider()
  let meanwhile: (() => Promise<unknown>) | undefined
  const second = await openOn(share, {
    ...inner,
    rotate: async () => {
      const epoch = await inner.rotate()
      await meanwhile?.()
      return epoch
    },
  })
  meanwhile = async () => {
    // It takes the epoch that the other one has just begun, and then one of its own.
    await first.keys.rotate()
    await first.keys.rotate()
    await first.keys.rewrap()
    for (const epoch of [1, 2]) await first.keys.retire(epoch)
  }
  expect(await second.keys.rotate()).toBe(3)
  people.push(await addPerson(second))
  await expectAllOpen({ acme: second, people })
  await expectAllOpen({ acme: first, people })
  for (const acme of [first, second]) await acme.close()
})

for (const when of ['before its row is read', 'before it is opened'] as const) {
  test(`an epoch that dies ${when} is that of before, and no reason to refuse`, async () => {
    const kms = epochKeys()
    const share = memoryData()
    const first = await openOn(share, kms.provider())
    const people = [await addPerson(first)]
    let isArmed = false
    async function goOn(): Promise<void> {
      if (!isArmed) return
      isArmed = false
      const epoch = await first.keys.rotate()
      await first.keys.rewrap()
      await first.keys.retire(epoch - 1)
    }
    const inner = kms.provider()
    const keys: KeyProvider = {
      ...inner,
      unwrap: async (...args) => {
        if (when === 'before it is opened') await goOn()
        return inner.unwrap(...args)
      },
    }
    const store = hookedStore(memoryStore({ share }), {
      read: async (wanted, next) => {
        const isRead = wanted.some((key) => CONTROLLER.test(key))
        if (when === 'before its row is read' && isRead) await goOn()
        return next()
      },
    })
    const second = await openAcme(store, { keys, clock: eagerClock() })
    isArmed = true
    expect(await second.keys.rotate()).toBe(3)
    isArmed = true
    expect(await second.keys.rewrap()).toMatchObject({ epoch: 4 })
    expect([isArmed, kms.destroyed.size]).toEqual([false, 2])
    await expectAllOpen({ acme: second, people })
    for (const acme of [first, second]) await acme.close()
  })
}

test('a provider that was told to wrap under an older epoch, and still has the newest, is rotated', async () => {
  const kms = epochKeys()
  let isBack = false
  const inner = kms.provider()
  const keys: KeyProvider = {
    ...inner,
    currentEpoch: async () => (isBack ? 1 : inner.currentEpoch()),
  }
  const office = await openOffice(keys, () => undefined)
  isBack = true
  expect(await office.acme.keys.rotate()).toBe(3)
  await expectAllOpen(office)
  await office.acme.close()
})

test('where the row of the epoch in use was taken away, the last one that is left stays until there is another', async () => {
  const kms = epochKeys()
  const { acme, share, people } = await openOffice(kms.provider(), () => undefined)
  const [key = ''] = [...share.rows.keys()].filter((row) => CURRENT.test(row))
  share.rows.delete(key)
  const gone = { code: 'store_corrupt', details: { reason: 'missing_row' } }
  expect(await refusal(acme.keys.rewrap())).toEqual(gone)
  expect(await refusal(acme.keys.retire(1))).toEqual(gone)
  expect(kms.destroyed.size).toBe(0)
  expect(await acme.keys.rotate()).toBe(3)
  await acme.keys.rewrap()
  await acme.keys.retire(1)
  await acme.close()
  const again = await openOn(share, kms.provider())
  await expectAllOpen({ acme: again, people })
  await again.close()
})
