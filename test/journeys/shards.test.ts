import { expect, test } from 'vitest'
import { memoryStore } from 'privity/memory'
import {
  leafHash,
  parseCheckpoint,
  verifyCheckpoint,
  verifyInclusion,
  verifyReceipt,
  verifyReceiptBundle,
} from 'privity/verify'
import {
  accessorsOf,
  type Acme,
  ANNA,
  caught,
  collect,
  eagerClock,
  giveOnWeb,
  onPaper,
  openAcme,
  policy,
  publishNotice,
  refusal,
} from '../support/acme.ts'
import { setBack } from '../support/set-back.ts'
import { journey } from '../support/stores.ts'

const SHARDS = 4

async function register(acme: Acme, count: number): Promise<readonly string[]> {
  const people = await Promise.all(Array.from({ length: count }, () => acme.subjects.register()))
  return people.map(({ id }) => id)
}

async function originOf(acme: Acme, receipt: string): Promise<string> {
  const { record, ...verdict } = await verifyReceipt(receipt, acme.ledger.publicKeys)
  expect(verdict).toEqual({ ok: true, log: { verified: 'signed' } })
  const { log } = record as { readonly log?: { readonly origin: string } }
  return log?.origin ?? ''
}

journey('people are spread over several logs, and everything holds as over one', async (place) => {
  const acme = await openAcme(place.store(), { shards: SHARDS })
  const ids = await register(acme, 40)
  const notice = await publishNotice(acme)
  const receipts = await Promise.all(
    ids.map(async (id) => (await acme.consent.give(id, onPaper(notice, ['marketing']))).receipt),
  )
  const origins = new Set(await Promise.all(receipts.map((receipt) => originOf(acme, receipt))))
  const expected = Array.from(
    { length: SHARDS },
    (_, index) => `${acme.ledger.origin}/shard/${index + 1}`,
  )
  expect([...origins].sort()).toEqual(expected)
  const keys = acme.ledger.publicKeys.verifierKeys
  for (const log of acme.ledger.logs) {
    const checkpoint = await log.checkpoint()
    expect(await verifyCheckpoint(checkpoint, { origin: log.origin, keys })).toMatchObject({
      ok: true,
    })
    const { leaf, ...claim } = await log.inclusion(0n)
    const root = parseCheckpoint(checkpoint)?.root ?? new Uint8Array(0)
    expect(verifyInclusion({ ...claim, leafHash: leafHash(leaf), root })).toBe(true)
  }
  const [id = ''] = ids
  await accessorsOf(acme).support.contact.create(id, ANNA)
  expect(await accessorsOf(acme).support.contact.read(id)).toMatchObject({ name: 'Anna' })
  await acme.consent.withdraw(id, { purposes: ['marketing'] })
  const bundle = await acme.consent.bundle(id)
  const { jwks } = acme.ledger.publicKeys
  expect(await verifyReceiptBundle(bundle, { jwks })).toMatchObject({ ok: true })
  await acme.erasure.erase(id, { reason: 'subject_request' })
  expect(await refusal(acme.consent.status(id, 'marketing'))).toMatchObject({ code: 'erased' })
  expect(await acme.ledger.verify()).toMatchObject({ ok: true, faults: [] })
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await acme.close()
  const again = await openAcme(place.store())
  expect(await again.consent.status(ids[1] ?? '', 'marketing')).toMatchObject({ permits: true })
  expect(await collect(again.consent.history(ids[1] ?? ''))).toHaveLength(1)
  await again.close()
})

journey('a policy that is outdated writes to none of the logs', async (place) => {
  const clock = eagerClock()
  const old = await openAcme(place.store(), { shards: SHARDS, clock })
  const ids = await register(old, 12)
  const newer = await openAcme(place.store(), {
    clock,
    policy: { ...policy, hash: 'sha256:other' } as typeof policy,
  }).catch(() => undefined)
  expect(newer).toBeUndefined()
  const { definePolicy } = await import('privity')
  const { controller, purposes, records, roles } = policy
  const next = definePolicy({
    controller: { ...controller, name: 'Acme 2' },
    purposes,
    records,
    roles,
  })
  const current = await openAcme(place.store(), { clock, policy: next as typeof policy })
  for (const id of ids) {
    const thrown = await refusal(accessorsOf(old).support.contact.create(id, ANNA))
    expect(thrown).toEqual({ code: 'policy_outdated', details: { newest: next.hash } })
    await old.consent.withdraw(id, { purposes: ['marketing'] })
    await accessorsOf(current).support.contact.create(id, ANNA)
  }
  await old.close()
  await current.close()
})

journey('keys that were changed are in use in every log', async (place) => {
  const clock = eagerClock()
  const first = await openAcme(place.store(), { shards: SHARDS, clock })
  const second = await openAcme(place.store(), { clock })
  await first.ledger.rotateKeys()
  const ids = await register(second, 12)
  const [newest = ''] = second.ledger.publicKeys.verifierKeys
  const key = newest.slice(newest.indexOf('+'))
  for (const id of ids) {
    const { receipt } = await giveOnWeb(second, id, ['marketing'])
    const { jwks, verifierKeys } = first.ledger.publicKeys
    const keys = verifierKeys.filter((it) => it.endsWith(key.slice(key.lastIndexOf('+'))))
    expect(keys.length).toBeGreaterThan(0)
    expect(await verifyReceipt(receipt, { jwks, verifierKeys: keys })).toMatchObject({ ok: true })
  }
  await first.close()
  await second.close()
})

journey(
  'a log that was set back alone is noticed, since the main log has its checkpoint',
  async (place) => {
    const acme = await openAcme(place.store(), { shards: 1 + 1 })
    await register(acme, 6)
    const before = (await place.rows()).filter(([key]) => key.includes('/l/s/'))
    await register(acme, 6)
    await acme.close()
    const now = await place.rows()
    const kept = new Set(before.map(([key]) => key))
    const others = now.filter(([key]) => !key.includes('/l/s/') || kept.has(key))
    const copy = others.map(
      ([key, value]) => before.find(([it]) => it === key) ?? ([key, value] as const),
    )
    await setBack(place, copy)
    const again = await openAcme(place.store())
    const { ok, faults } = await again.ledger.verify()
    expect(ok).toBe(false)
    expect(faults.map(({ kind }) => kind)).toContain('log_set_back')
    await again.close()
  },
)

test('the number of logs is fixed when the store is made', async () => {
  for (const shards of [0, -1, 1.5, 65, '2', null]) {
    expect(await caught(openAcme(memoryStore(), { shards: shards as never }))).toMatchObject({
      code: 'invalid_input',
      details: { issues: [{ path: ['shards'] }] },
    })
  }
})

journey('another number of logs than the store has is refused', async (place) => {
  await (await openAcme(place.store(), { shards: 3 })).close()
  expect(await refusal(openAcme(place.store(), { shards: 2 }))).toEqual({
    code: 'invalid_input',
    details: { issues: [{ path: ['shards'], code: 'differs_from_store' }] },
  })
  await (await openAcme(place.store(), { shards: 3 })).close()
  await (await openAcme(place.store())).close()
})
