import { expect } from 'vitest'
import { createPrivity, definePolicy, defineRecord, localKeys } from 'privity'
import { sealFor } from 'privity/seal'
import * as z from 'zod'
import {
  accessorsOf,
  type Acme,
  ACTORS,
  ANNA,
  controller,
  eagerClock,
  openAcme,
  policy,
  refusal,
  SECRET,
} from '../support/acme.ts'
import { drain, patternOf, streamOf } from '../support/byte-streams.ts'
import { type EpochKeys, epochKeys } from '../support/epoch-keys.ts'
import { journey, type Place, storesOf } from '../support/stores.ts'

const SUPPORT = { purpose: 'support', actor: ACTORS.support } as const
const SCAN = patternOf(20_000)
const FORM = { record: 'contact', purpose: 'support' } as const

function open(place: Place, kms: EpochKeys): Promise<Acme> {
  return openAcme(place.store(), { keys: kms.provider(), clock: eagerClock(Date.now()) })
}

async function addAnna(acme: Acme): Promise<string> {
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  return id
}

journey('an epoch that dies takes no attachment, pseudonym or form along', async (place) => {
  const kms = epochKeys()
  const [acme, other] = [await open(place, kms), await open(place, kms)]
  const id = await addAnna(acme)
  const ask = { ...SUPPORT, subjectId: id, record: 'contact', field: 'address' } as const
  const { blobId, sealed } = await acme.blobs.seal(ask, streamOf(SCAN))
  const stored = await drain(sealed)
  const bank = { ...SUPPORT, recipient: 'bank' } as const
  const pseudonym = await acme.pseudonyms.of({ ...bank, subjectId: id })
  const form = await sealFor(await acme.forms.publicKey(), ANNA, FORM)
  await acme.keys.rotate()
  // The other process has not heard of the epoch, under which these keys are made.
  const mail = { ...SUPPORT, recipient: 'mail' } as const
  const ofMail = await acme.pseudonyms.of({ ...mail, subjectId: id })
  const bo = await addAnna(acme)
  const ofBo = await acme.blobs.seal({ ...ask, subjectId: bo }, streamOf(SCAN))
  expect(await other.pseudonyms.resolve(ofMail, mail)).toEqual({ id })
  const opened = await other.blobs.open(
    { ...ask, subjectId: bo, blobId: ofBo.blobId },
    streamOf(await drain(ofBo.sealed)),
  )
  expect(await drain(opened)).toEqual(SCAN)
  await acme.keys.rewrap()
  await acme.keys.retire(1)
  await other.close()
  const later = await open(place, kms)
  for (const process of [acme, later]) {
    const again = await process.blobs.open({ ...ask, blobId }, streamOf(stored))
    expect(await drain(again)).toEqual(SCAN)
    expect(await process.pseudonyms.resolve(pseudonym, bank)).toEqual({ id })
    expect((await process.forms.open(form, FORM)).fields).toEqual(ANNA)
  }
  expect(await later.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await later.close()
  await acme.close()
})

journey('resealing keeps the keys of attachments whose field has another class', async (place) => {
  const clock = eagerClock()
  const before = await openAcme(place.store(), { clock })
  const id = await addAnna(before)
  const ask = { ...SUPPORT, subjectId: id, record: 'contact', field: 'address' } as const
  const { blobId, sealed } = await before.blobs.seal(ask, streamOf(SCAN))
  const stored = await drain(sealed)
  await before.close()
  const { purposes, records, roles } = policy
  const contact = defineRecord(purposes, ({ field }) => ({
    name: field(z.string(), { purposes: ['support', 'marketing'] }),
    address: field(z.string(), { purposes: ['support', 'analytics'] }),
  }))
  const after = await createPrivity({
    policy: definePolicy({ controller, purposes, roles, records: { ...records, contact } }),
    ...storesOf(place.store()),
    keys: localKeys(SECRET),
    clock,
  })
  await after.keys.reseal()
  expect(await drain(await after.blobs.open({ ...ask, blobId }, streamOf(stored)))).toEqual(SCAN)
  await after.erasure.erase(id, { reason: 'subject_request' })
  expect(await refusal(after.blobs.open({ ...ask, blobId }, streamOf(stored)))).toMatchObject({
    code: 'erased',
  })
  await after.close()
})
