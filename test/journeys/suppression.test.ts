import { expect, test } from 'vitest'
import { exportStore, fsck, importStore, localKeys, type Row } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { toHex, utf8 } from '../../src/base/bytes.ts'
import { hmacSha256 } from '../../src/crypto/hash.ts'
import { decodeStoredKey } from '../../src/keys/stored-key.ts'
import { decodeContainer } from '../../src/storage/container.ts'
import { createSuppression } from '../../src/subjects/suppression.ts'
import { labelOf } from '../../src/vault/lookup-key-row.ts'
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
import { openVault, type OpenVault } from '../support/open-vault.ts'
import { epochKeys } from '../support/epoch-keys.ts'
import { scaled } from '../support/scale.ts'
import { journey, type Place } from '../support/stores.ts'

const REASON = { reason: 'subject_request' } as const
const SUPPRESSED = { code: 'suppressed', details: { kind: 'subject' } }

function open(place: Place): Promise<Acme> {
  return openAcme(place.store(), { clock: eagerClock() })
}

async function addPerson(acme: Acme, name: string): Promise<string> {
  const { id } = await acme.subjects.register({ externalId: `crm:${name}` })
  await accessorsOf(acme).support.contact.create(id, { ...ANNA, email: `${name}@example.com` })
  return id
}

journey('an import brings nobody back unnoticed who was erased', async (place) => {
  const acme = await open(place)
  const id = await addPerson(acme, 'anna')
  await acme.erasure.erase(id, REASON)
  expect(await refusal(acme.subjects.register({ externalId: 'crm:anna' }))).toEqual(SUPPRESSED)
  expect(await acme.subjects.find({ externalId: 'crm:anna' })).toBeUndefined()
  await acme.subjects.register({ externalId: 'crm:bo' })

  const back = await acme.subjects.reauthorise({
    externalId: 'crm:anna',
    reason: 'new_contract',
    actor: 'staff:ida',
    jurisdiction: 'NL',
  })
  expect(back.id).not.toBe(id)
  expect(await acme.subjects.find({ externalId: 'crm:anna' })).toEqual(back)
  expect(await refusal(acme.subjects.register({ externalId: 'crm:anna' }))).toMatchObject({
    code: 'already_exists',
  })
  expect(await refusal(accessorsOf(acme).support.contact.read(id))).toMatchObject({
    code: 'erased',
  })
  await acme.erasure.erase(back.id, REASON)
  expect(await refusal(acme.subjects.register({ externalId: 'crm:anna' }))).toEqual(SUPPRESSED)
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await acme.close()

  const again = await open(place)
  expect(await refusal(again.subjects.register({ externalId: 'crm:anna' }))).toEqual(SUPPRESSED)
  await again.close()
})

test('nobody comes back who was never erased', async () => {
  const acme = await openAcme(memoryStore())
  const back = { externalId: 'crm:anna', reason: 'new_contract' }
  const free = { code: 'invalid_transition', details: { machine: 'suppression', from: 'free' } }
  expect(await refusal(acme.subjects.reauthorise(back))).toMatchObject(free)
  await acme.subjects.register({ externalId: 'crm:anna' })
  expect(await refusal(acme.subjects.reauthorise(back))).toMatchObject({ code: 'already_exists' })
  for (const wrong of [{}, { externalId: 'a' }, { externalId: 'a', reason: 'two words' }])
    expect(await refusal(acme.subjects.reauthorise(wrong as never))).toMatchObject({
      code: 'invalid_input',
    })
  await acme.close()
})

test('two who register at once while the first person is erased do not slip by', async () => {
  const share = memoryData()
  const [one, other] = [
    await openAcme(memoryStore({ share }), { clock: eagerClock() }),
    await openAcme(memoryStore({ share }), { clock: eagerClock() }),
  ]
  const id = await addPerson(one, 'anna')
  const [, outcome] = await Promise.all([
    one.erasure.erase(id, REASON),
    refusal(other.subjects.register({ externalId: 'crm:anna' })),
  ])
  expect(['already_exists', 'suppressed']).toContain(outcome.code)
  await one.close()
  await other.close()
})

test('where it is switched off, nothing of an erased id is kept', async () => {
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }), { suppression: 'off' })
  const id = await addPerson(acme, 'anna')
  await acme.erasure.erase(id, REASON)
  const store = memoryStore({ share })
  await store.open()
  const keys = (await store.scan('', { limit: 10_000 })).map(([key]) => key)
  expect(keys.filter((key) => /\/(c|k)\/u\//.test(key))).toEqual([])
  await acme.subjects.register({ externalId: 'crm:anna' })
  await acme.close()
  expect(await refusal(openAcme(memoryStore(), { suppression: 'maybe' as never }))).toMatchObject({
    code: 'invalid_input',
  })
})

test('it is moved with the store, and an operator who looks finds it in order', async () => {
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }))
  await acme.erasure.erase(await addPerson(acme, 'anna'), REASON)
  await acme.close()
  const target = memoryData()
  const tenant = { tenant: 'acme' }
  await importStore(
    memoryStore({ share: target }),
    exportStore(memoryStore({ share }), tenant),
    tenant,
  )
  const moved = await openAcme(memoryStore({ share: target }))
  expect(await refusal(moved.subjects.register({ externalId: 'crm:anna' }))).toEqual(SUPPRESSED)
  expect(await fsck(moved)).toMatchObject({ ok: true, findings: [] })
  await moved.close()
})

test('its key is wrapped anew with the others, and outlives the epoch that it was made in', async () => {
  const keys = epochKeys().provider()
  const acme = await openAcme(memoryStore(), { keys, clock: eagerClock() })
  await acme.erasure.erase(await addPerson(acme, 'anna'), REASON)
  await acme.keys.rotate()
  await acme.keys.rewrap()
  await acme.keys.retire(1)
  expect(await refusal(acme.subjects.register({ externalId: 'crm:anna' }))).toEqual(SUPPRESSED)
  await acme.close()
})

const PEOPLE = 400
const CANDIDATES = scaled({ ci: 100_000, torture: 1_000_000 })

/** Every byte that is left, and what it says to whoever has every key but the one of suppression. */
function textsOf(rows: readonly Row[], { vault, keyspace }: OpenVault): readonly string[] {
  const { controller } = vault.people.deps
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
  return rows.flatMap(([key, value]) => {
    const sections = decodeContainer(value)?.map(({ bytes }) => bytes) ?? []
    const opened = [value, ...sections].flatMap((sealed) => {
      try {
        return [text(controller.open(key, sealed))]
      } catch {
        return []
      }
    })
    return [key.slice(keyspace.prefix.length), text(value), ...opened]
  })
}

/** Every token under any of these keys that a candidate would have. */
async function tokensOf(
  rows: readonly Row[],
  { vault, keyspace }: OpenVault,
): Promise<(name: string) => readonly string[]> {
  const { controller, keys } = vault.people.deps
  await keys.loadAll()
  const lookups = rows.flatMap(([key, row]) => {
    if (!key.startsWith(keyspace.lookupKeys)) return []
    const [lookup = '', generation = ''] = key.slice(keyspace.lookupKeys.length).split('/')
    const place = {
      lookup: Number.parseInt(lookup, 16),
      generation: Number.parseInt(generation, 16),
    }
    return [0, 1, 2, 3].flatMap((accessClass) => {
      try {
        return [decodeStoredKey(keys, { accessClass, label: labelOf(place) }, row)]
      } catch {
        return []
      }
    })
  })
  expect(lookups.length).toBeGreaterThan(0)
  return (name) => [
    toHex(controller.externalToken(`crm:${name}`)),
    ...lookups.map((key) => toHex(hmacSha256(key, utf8(`${name}@example.com`)).subarray(0, 16))),
  ]
}

test('a list of candidates finds nobody who was erased, with every key but that of suppression', {
  timeout: 240_000,
}, async () => {
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }), { clock: eagerClock() })
  await addPerson(acme, 'alive')
  for (let nth = 0; nth < PEOPLE; nth += 1)
    await acme.erasure.erase(await addPerson(acme, `person${nth}`), REASON)
  await acme.close()

  const store = memoryStore({ share })
  const opened = await openVault(store, { declared: policy, keys: localKeys(SECRET) })
  const rows = await allRows(store)
  const texts = textsOf(rows, opened)
  const left = new Set(texts.flatMap((text) => text.match(/[0-9a-f]{32,}/g) ?? []))
  const candidate = await tokensOf(rows, opened)
  // What finds the living finds the erased, if there is anything to be found.
  expect(candidate('alive').filter((token) => left.has(token))).toHaveLength(2)
  let found = 0
  for (let nth = 0; nth < CANDIDATES; nth += 1)
    if (candidate(`person${nth}`).some((token) => left.has(token))) found += 1
  expect(found).toBe(0)
  const all = texts.join('\n')
  // The entries about them are among what was read.
  expect(all).toContain('erasure.keys_destroyed')
  for (let nth = 0; nth < PEOPLE; nth += 1) {
    expect(all.includes(`person${nth}@`)).toBe(false)
    expect(all.includes(`crm:person${nth}`)).toBe(false)
  }
  const suppression = createSuppression(opened.vault.people.deps)
  const token = await suppression.tokenOf('crm:person0')
  expect(left.has(token ?? '')).toBe(true)
})

async function allRows(store: ReturnType<typeof memoryStore>): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (;;) {
    const after = rows.at(-1)?.[0]
    const page = await store.scan('', { ...(after === undefined ? {} : { after }), limit: 5_000 })
    rows.push(...page)
    if (page.length < 5_000) return rows
  }
}
