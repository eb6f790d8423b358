import { expect, test } from 'vitest'
import { type KeyProvider, PrivityError } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { faultyStore } from 'privity/testkit'
import { verifyCertificate } from 'privity/verify'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  eagerClock,
  giveOnWeb,
  openAcme,
} from '../support/acme.ts'
import { copiedRows } from '../support/copied-rows.ts'
import { type EpochKeys, epochKeys } from '../support/epoch-keys.ts'
import { dyingStore } from '../support/stores.ts'

const SLOW = 300_000

interface Template {
  readonly rows: ReadonlyMap<string, Uint8Array>
  readonly people: readonly string[]
}

async function makeTemplate(kms: EpochKeys, shards: number): Promise<Template> {
  const data = memoryData()
  const acme = await openOn(data, kms.provider(), { shards })
  const people: string[] = []
  for (const name of ['anna', 'ben']) {
    const { id } = await acme.subjects.register()
    const { support, care } = accessorsOf(acme)
    await support.contact.create(id, { ...ANNA, name, email: `${name}@example.com` })
    await support.ticket.create(id, { text: name })
    await giveOnWeb(acme, id, ['care'])
    await care.contact.update(id, { allergies: name })
    people.push(id)
  }
  const gone = await acme.subjects.register()
  await acme.erasure.erase(gone.id, { reason: 'subject_request' })
  await acme.close()
  return { rows: new Map(data.rows), people }
}

function openOn(
  share: MemoryData,
  keys: KeyProvider,
  options: { readonly shards?: number } = {},
): Promise<Acme> {
  return openAcme(memoryStore({ share }), { keys, clock: eagerClock(), ...options })
}

/** What is not done yet of the four; the same calls whoever makes them. */
async function goOn(acme: Acme): Promise<string> {
  const known = await acme.keys.epochs()
  if (known.every(({ epoch }) => epoch === 1)) expect(await acme.keys.rotate()).toBe(2)
  await acme.keys.rewrap()
  await acme.keys.reseal()
  return acme.keys.retire(1)
}

async function expectEnd(
  data: MemoryData,
  { kms, people }: Template & { readonly kms: EpochKeys },
): Promise<void> {
  const acme = await openOn(data, kms.provider())
  const record = await goOn(acme)
  const { jwks } = acme.ledger.publicKeys
  expect(await verifyCertificate(record, { jwks })).toMatchObject({
    ok: true,
    certificate: { epoch: 1, verification: { people: 3, references: 0 } },
  })
  expect(await acme.keys.epochs()).toMatchObject([
    { epoch: 1, state: 'retired' },
    { epoch: 2, state: 'current' },
  ])
  expect([kms.current, ...kms.destroyed]).toEqual([2, 1])
  expect([...data.rows.keys()].filter((key) => /\/k\/[ck]\/00000001/.test(key))).toEqual([])
  const { support, care } = accessorsOf(acme)
  for (const id of people) {
    const { name } = await support.contact.read(id)
    expect(await care.contact.read(id)).toEqual({ allergies: name })
    expect(await collect(support.contact.find({ email: `${name}@example.com` }))).toHaveLength(1)
    expect(await collect(support.ticket.list({ subjectId: id }))).toHaveLength(1)
  }
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await acme.close()
}

/** A KMS that was kept as it was, so that every death begins with the same. */
function savedKms(): { readonly kms: EpochKeys; readonly fresh: () => EpochKeys } {
  const kms = epochKeys()
  return { kms, fresh: () => kms.copy() }
}

for (const shards of [1, 2]) {
  test.for(['before', 'after'] as const)(
    `whichever call of the store a process dies at, %s it has an effect, another one gets to the same end over ${shards} log(s)`,
    { timeout: SLOW },
    async (when) => {
      const { kms: first, fresh } = savedKms()
      const template = await makeTemplate(first, shards)
      let isMet = true
      let nth = 0
      while (isMet) {
        nth += 1
        const data = copiedRows(template.rows)
        const kms = fresh()
        let armed = false
        const dying = dyingStore(memoryStore({ share: data }), { nth, when, armed: () => armed })
        const acme = await openAcme(dying.store, { keys: kms.provider(), clock: eagerClock() })
        armed = true
        const outcome = await Promise.race([dying.dead, goOn(acme)])
        isMet = outcome === 'dead'
        await expectEnd(data, { ...template, kms })
      }
      expect(nth).toBeGreaterThan(30)
    },
  )
}

test('whichever call of the store fails, calling it again in the same process gets there', {
  timeout: SLOW,
}, async () => {
  const { kms: first, fresh } = savedKms()
  const template = await makeTemplate(first, 1)
  for (const kind of ['before', 'after-applied', 'double-delivery'] as const) {
    let isMet = true
    for (let nth = 1; isMet; nth += 1) {
      const data = copiedRows(template.rows)
      const kms = fresh()
      const counted = faultyStore(memoryStore({ share: copiedRows(template.rows) }), [])
      await openAcme(counted, { keys: fresh().provider(), clock: eagerClock() })
      const at = counted.calls.all + nth
      const store = faultyStore(memoryStore({ share: data }), [{ nth: at, kind }])
      const acme = await openAcme(store, { keys: kms.provider(), clock: eagerClock() })
      await goOn(acme).catch(() => undefined)
      isMet = store.calls.all >= at
      await store.release()
      // What was not met would be met by what comes now.
      if (isMet) await goOn(acme)
      await expectEnd(data, { ...template, kms })
    }
  }
})

test('whichever call of the provider fails, calling it again gets there', {
  timeout: SLOW,
}, async () => {
  const { kms: first, fresh } = savedKms()
  const template = await makeTemplate(first, 1)
  for (const when of ['before', 'after'] as const) {
    let isMet = true
    for (let nth = 1; isMet; nth += 1) {
      const data = copiedRows(template.rows)
      const kms = fresh()
      let armed = false
      let calls = 0
      const inner = kms.provider()
      async function meet<T>(run: () => Promise<T>): Promise<T> {
        if (armed) calls += 1
        if (!armed || calls !== nth) return run()
        if (when === 'after') await run()
        throw new PrivityError('key_unavailable', { what: 'controller' })
      }
      const keys: KeyProvider = {
        ...inner,
        currentEpoch: () => meet(() => inner.currentEpoch()),
        wrap: (...args) => meet(() => inner.wrap(...args)),
        unwrap: (...args) => meet(() => inner.unwrap(...args)),
        rotate: () => meet(() => inner.rotate()),
        destroy: (epoch) => meet(() => inner.destroy(epoch)),
      }
      const acme = await openAcme(memoryStore({ share: data }), { keys, clock: eagerClock() })
      armed = true
      await goOn(acme).catch(() => undefined)
      isMet = calls >= nth
      await expectEnd(data, { ...template, kms })
    }
  }
})
