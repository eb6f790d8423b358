import { expect } from 'vitest'
import { memoryAnchor } from 'privity'
import { verifyCertificate, verifyCheckpoint, verifyReceipt } from 'privity/verify'
import { type Acme, eagerClock, giveOnWeb, openAcme, refusal } from '../support/acme.ts'
import { setBack } from '../support/set-back.ts'
import { journey } from '../support/stores.ts'

async function checkpointVerdict(
  acme: Acme,
  note: string,
  keys: readonly string[],
): Promise<unknown> {
  const { ok } = await verifyCheckpoint(note, { origin: acme.ledger.origin, keys })
  return ok
}

journey('what old keys signed verifies after three changes of the keys', async (place) => {
  const acme = await openAcme(place.store())
  const { id } = await acme.subjects.register()
  const signed: { readonly receipt: string; readonly checkpoint: string }[] = []
  for (let change = 0; change < 4; change += 1) {
    const { receipt } = await giveOnWeb(acme, id, ['marketing'])
    signed.push({ receipt, checkpoint: await acme.ledger.checkpoint() })
    if (change < 3) await acme.ledger.rotateKeys()
  }
  const { jwks, verifierKeys } = acme.ledger.publicKeys
  expect(jwks.keys).toHaveLength(4)
  for (const { receipt, checkpoint } of signed) {
    expect(await verifyReceipt(receipt, { jwks, verifierKeys })).toMatchObject({ ok: true })
    expect(await checkpointVerdict(acme, checkpoint, verifierKeys)).toBe(true)
  }
  expect(await acme.ledger.verify()).toMatchObject({ ok: true, faults: [] })
  await acme.close()
  const again = await openAcme(place.store())
  expect(again.ledger.publicKeys).toEqual({ jwks, verifierKeys })
  const certificate = await again.erasure.erase(id, { reason: 'subject_request' })
  expect(await verifyCertificate(certificate, { jwks })).toMatchObject({ ok: true })
  await again.close()
})

journey('the checkpoint of a change is signed by the old key and by the new', async (place) => {
  const acme = await openAcme(place.store())
  const [before = ''] = acme.ledger.publicKeys.verifierKeys
  await acme.ledger.rotateKeys()
  const [after = ''] = acme.ledger.publicKeys.verifierKeys
  const bridge = await acme.ledger.checkpoint()
  expect(await checkpointVerdict(acme, bridge, [before])).toBe(true)
  expect(await checkpointVerdict(acme, bridge, [after])).toBe(true)
  await acme.subjects.register()
  const next = await acme.ledger.checkpoint()
  expect(await checkpointVerdict(acme, next, [before])).toBe(false)
  expect(await checkpointVerdict(acme, next, [after])).toBe(true)
  await acme.close()
})

journey('an instance that was open before the change goes on with the new keys', async (place) => {
  const clock = eagerClock()
  const first = await openAcme(place.store(), { clock })
  const second = await openAcme(place.store(), { clock })
  await second.subjects.register()
  await first.ledger.rotateKeys()
  const [after = ''] = first.ledger.publicKeys.verifierKeys
  const { id } = await second.subjects.register()
  expect(second.ledger.publicKeys).toEqual(first.ledger.publicKeys)
  expect(await checkpointVerdict(second, await second.ledger.checkpoint(), [after])).toBe(true)
  const { receipt } = await giveOnWeb(second, id, ['marketing'])
  const { jwks } = first.ledger.publicKeys
  expect(await verifyReceipt(receipt, { jwks: { keys: jwks.keys.slice(0, 1) } })).toMatchObject({
    ok: true,
  })
  expect(await first.ledger.verify()).toMatchObject({ ok: true })
  await first.close()
  await second.close()
})

journey(
  'of two instances that change the keys at once, each change is built on the other',
  async (place) => {
    const clock = eagerClock()
    const first = await openAcme(place.store(), { clock })
    const second = await openAcme(place.store(), { clock })
    const outcomes = await Promise.allSettled([
      first.ledger.rotateKeys(),
      second.ledger.rotateKeys(),
    ])
    const refused = outcomes.flatMap((it) => (it.status === 'rejected' ? [it.reason.code] : []))
    expect(refused).toEqual(['write_conflict'])
    await first.subjects.register()
    await second.subjects.register()
    expect(first.ledger.publicKeys).toEqual(second.ledger.publicKeys)
    expect(first.ledger.publicKeys.jwks.keys).toHaveLength(2)
    await first.close()
    await second.close()
  },
)

journey('a copy from before the change is noticed by the anchor', async (place) => {
  const anchor = memoryAnchor()
  const acme = await openAcme(place.store(), { anchor })
  const copy = await place.rows()
  await acme.ledger.rotateKeys()
  await acme.subjects.register()
  await acme.close()
  await setBack(place, copy)
  const restored = await openAcme(place.store(), { anchor })
  expect(restored.ledger.contradiction).toMatchObject({ kind: 'anchor_ahead' })
  expect(await refusal(restored.subjects.register())).toMatchObject({ code: 'ledger_inconsistent' })
  await restored.close()
})
