import { expect, test } from 'vitest'
import { isPrivityError, localKeys, memoryAnchor, PrivityError } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { type FaultKind, faultyStore } from 'privity/testkit'
import { verifyReceipt } from 'privity/verify'
import { toHex, utf8 } from '../../src/base/bytes.ts'
import { createControllerKey } from '../../src/keys/controller-key.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { encodeSecrets, openSecrets } from '../../src/startup/signing-keys.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  eagerClock,
  giveOnWeb,
  openAcme,
  refusal,
  SECRET,
} from '../support/acme.ts'
import { publishAgain } from '../support/contradicted.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { journey } from '../support/stores.ts'

const MARKETING = { purposes: ['marketing'] } as const
const SLOW = 60_000

async function expectSound(acme: Acme, receipts: readonly string[]): Promise<void> {
  const { publicKeys } = acme.ledger
  for (const receipt of receipts)
    expect(await verifyReceipt(receipt, publicKeys)).toMatchObject({ ok: true })
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
}

for (const shards of [1, 3]) {
  journey(
    `three instances change the keys under load over ${shards} logs, and everything verifies`,
    async (place) => {
      const clock = eagerClock()
      const anchor = memoryAnchor()
      const open = (): Promise<Acme> => openAcme(place.store(), { clock, anchor, shards })
      const instances = [await open(), await open(), await open()]
      const receipts: string[] = []
      const rotations: string[] = []
      async function load(acme: Acme): Promise<void> {
        for (let round = 0; round < 4; round += 1) {
          const { id } = await acme.subjects.register()
          await accessorsOf(acme).support.contact.create(id, ANNA)
          await accessorsOf(acme).support.contact.read(id)
          receipts.push((await giveOnWeb(acme, id, ['marketing'])).receipt)
          receipts.push((await acme.consent.withdraw(id, MARKETING)).receipt)
        }
      }
      async function rotate(acme: Acme): Promise<void> {
        for (let round = 0; round < 2; round += 1)
          rotations.push(
            await acme.ledger.rotateKeys().then(
              () => 'done',
              (error: { readonly code: string }) => error.code,
            ),
          )
      }
      await Promise.all(instances.flatMap((acme) => [load(acme), rotate(acme)]))
      const done = rotations.filter((outcome) => outcome === 'done').length
      expect(rotations.filter((it) => it !== 'done' && it !== 'write_conflict')).toEqual([])
      expect(done).toBeGreaterThan(0)
      expect(receipts).toHaveLength(24)
      for (const acme of instances) await publishAgain(acme)
      for (const acme of instances) {
        expect(acme.ledger.publicKeys).toEqual(instances[0]?.ledger.publicKeys)
        expect(acme.ledger.publicKeys.jwks.keys).toHaveLength(1 + done)
        expect(acme.ledger.contradiction).toBeUndefined()
      }
      for (const acme of instances) await acme.close()
      const again = await open()
      await expectSound(again, receipts)
      await again.close()
    },
  )
}

journey('accesses that were logged under old keys and new verify together', async (place) => {
  const clock = eagerClock()
  const writer = await openAcme(place.store(), { clock })
  const reader = await openAcme(place.store(), { clock })
  const { id } = await writer.subjects.register()
  await accessorsOf(writer).support.contact.create(id, ANNA)
  for (let change = 0; change < 3; change += 1) {
    await Promise.all([
      accessorsOf(reader).support.contact.read(id),
      accessorsOf(writer).support.contact.read(id),
      writer.ledger.rotateKeys(),
    ])
    await accessorsOf(reader).support.contact.read(id)
    expect(await writer.ledger.verify()).toMatchObject({ ok: true, faults: [] })
  }
  await reader.close()
  await writer.close()
  const again = await openAcme(place.store(), { clock })
  expect(await collect(again.audit.query({ subjectId: id }))).toHaveLength(9)
  await expectSound(again, [])
  await again.close()
})

/** A change that ends before the further logs are told, as when its process dies. */
async function changeHalf(share: ReturnType<typeof memoryData>): Promise<void> {
  let isChanged = false
  const dying = hookedStore(memoryStore({ share }), {
    commit: async (batch, next) => {
      if (isChanged) throw new PrivityError('store_unavailable', { reason: 'dead' })
      isChanged = batch.put.some(([key]) => key.endsWith('/c/signing'))
      return next()
    },
  })
  const first = await openAcme(dying, { clock: eagerClock() })
  await first.ledger.rotateKeys().catch(() => undefined)
  expect(isChanged).toBe(true)
}

test('who changes the keys and dies before every log is told stops nobody', async () => {
  const share = memoryData()
  const second = await openAcme(memoryStore({ share }), { shards: 3, clock: eagerClock() })
  const people = await Promise.all(Array.from({ length: 9 }, () => second.subjects.register()))
  await changeHalf(share)
  // Learns of the new keys from the main log, where the others are not told yet.
  await publishAgain(second)
  const receipts: string[] = []
  for (const { id } of people) {
    const { receipt, outcomes } = await second.consent.withdraw(id, MARKETING)
    expect(outcomes).toMatchObject([{ effect: 'withdrawn' }])
    receipts.push(receipt)
  }
  const third = await openAcme(memoryStore({ share }), { clock: eagerClock() })
  for (const { id } of people) receipts.push((await giveOnWeb(third, id, ['marketing'])).receipt)
  await expectSound(third, receipts)
  expect(third.ledger.publicKeys.jwks.keys).toHaveLength(2)
  await second.close()
  await third.close()
})

test('what signs in every log after a change is the new key', async () => {
  const share = memoryData()
  const second = await openAcme(memoryStore({ share }), { shards: 2, clock: eagerClock() })
  const people = await Promise.all(Array.from({ length: 6 }, () => second.subjects.register()))
  await changeHalf(share)
  await publishAgain(second)
  const [newest = ''] = second.ledger.publicKeys.verifierKeys
  const suffix = newest.slice(newest.lastIndexOf('+'))
  const { jwks, verifierKeys } = second.ledger.publicKeys
  for (const { id } of people) {
    const { receipt } = await second.consent.withdraw(id, MARKETING)
    const trusted = verifierKeys.filter((key) => key.endsWith(suffix))
    expect(await verifyReceipt(receipt, { jwks, verifierKeys: trusted })).toMatchObject({
      ok: true,
    })
  }
  await second.close()
})

test('a change whose answer was lost, and that others built on, is not said to have failed', async () => {
  const share = memoryData()
  const other = await openAcme(memoryStore({ share }), { clock: eagerClock() })
  let isLost = false
  const store = hookedStore(memoryStore({ share }), {
    commit: async (batch, next) => {
      await next()
      if (isLost || !batch.put.some(([key]) => key.endsWith('/c/signing'))) return
      isLost = true
      await publishAgain(other)
      throw new PrivityError('outcome_unknown', {})
    },
  })
  // Made by the other: nothing but the change touches the keys.
  const acme = await openAcme(store, { clock: eagerClock() })
  await acme.ledger.rotateKeys()
  expect(isLost).toBe(true)
  expect(acme.ledger.publicKeys.jwks.keys).toHaveLength(2)
  await acme.close()
  await other.close()
})

const KINDS: readonly FaultKind[] = ['before', 'after-applied', 'double-delivery']

for (const shards of [1, 3]) {
  test.for(KINDS)(
    `whichever call of the store fails in a change of the keys over ${shards} logs, it is made or it is not: %s`,
    { timeout: SLOW },
    async (kind) => {
      let isMet = true
      for (let nth = 1; isMet; nth += 1) {
        const share = memoryData()
        await (await openAcme(memoryStore({ share }), { shards })).close()
        const counted = faultyStore(memoryStore({ share }), [])
        await openAcme(counted, { clock: eagerClock() })
        const store = faultyStore(memoryStore({ share }), [{ nth: counted.calls.all + nth, kind }])
        const acme = await openAcme(store, { clock: eagerClock() })
        const outcome = await acme.ledger.rotateKeys().then(
          () => 'done',
          (error: unknown) => (isPrivityError(error) ? error.code : 'foreign'),
        )
        isMet = store.calls.all >= counted.calls.all + nth
        await store.release()
        const again = await openAcme(memoryStore({ share }), { clock: eagerClock() })
        const keys = again.ledger.publicKeys.jwks.keys.length
        const isMade = { done: [2], outcome_unknown: [1, 2] }[outcome] ?? [1]
        expect([nth, outcome, isMade.includes(keys)]).toEqual([nth, outcome, true])
        // What was not met would be met by what comes now.
        for (const one of isMet ? [acme, again] : [again]) await publishAgain(one)
        const { id } = await (isMet ? acme : again).subjects.register()
        await expectSound(again, [(await giveOnWeb(again, id, ['marketing'])).receipt])
      }
    },
  )
}

journey('of the private keys that were in use, no row keeps a byte', async (place) => {
  const acme = await openAcme(place.store())
  const before = await secretsIn(await place.rows())
  await acme.ledger.rotateKeys()
  await acme.close()
  const rows = await place.rows()
  const after = await secretsIn(rows)
  for (const kind of ['note', 'jws', 'clock'] as const) {
    expect(toHex(after.secrets.current[kind])).not.toBe(toHex(before.secrets.current[kind]))
    // The last 32 bytes of PKCS #8 are the key itself; the opened row is looked through as well.
    const old = Buffer.from(before.secrets.current[kind].slice(-32))
    const opened = Buffer.from(encodeSecrets(after.secrets))
    for (const text of [
      old,
      Buffer.from(old.toString('base64url').slice(2, -2)),
      Buffer.from(old.toString('hex')),
    ]) {
      expect(opened.includes(text)).toBe(false)
      for (const [key, value] of rows)
        expect([key, Buffer.from(value).includes(text)]).toEqual([key, false])
    }
  }
})

/** Opens the row of the signing keys as the owner of the secret can. */
async function secretsIn(rows: readonly (readonly [string, Uint8Array])[]): Promise<{
  readonly secrets: ReturnType<typeof openSecrets>
}> {
  const keyspace = createKeyspace(toHex(sha256(utf8('acme'))).slice(0, 16))
  const all = new Map(rows)
  const { storeId, salt } = JSON.parse(Buffer.from(all.get(keyspace.store) ?? []).toString())
  const epoch = await localKeys(SECRET).currentEpoch()
  const wrapped = all.get(keyspace.controllerKey(epoch)) ?? new Uint8Array(0)
  const context = { storeId, salt: Buffer.from(salt, 'hex'), epoch, accessClass: 'controller' }
  const secret = await localKeys(SECRET).unwrap(wrapped, context)
  const controller = createControllerKey(secret, storeId)
  return { secrets: openSecrets({ keyspace, controller }, all.get(keyspace.signing)) }
}

test('who is refused a change has the keys of whoever made it', async () => {
  const share = memoryData()
  const clock = eagerClock()
  const first = await openAcme(memoryStore({ share }), { clock })
  const second = await openAcme(memoryStore({ share }), { clock })
  await first.ledger.rotateKeys()
  const refused = await refusal(second.ledger.rotateKeys())
  expect(refused).toEqual({ code: 'write_conflict', details: { attempts: 1 } })
  expect(second.ledger.publicKeys).toEqual(first.ledger.publicKeys)
  await second.ledger.rotateKeys()
  expect(second.ledger.publicKeys.jwks.keys).toHaveLength(3)
  await first.close()
  await second.close()
})
