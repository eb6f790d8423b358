import { beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/base/canonical.ts'
import { generateSigningKey } from '../../src/crypto/signature.ts'
import { addCosignature, toVerifierKey } from '../../src/crypto/note.ts'
import { verifyCheckpoint, verifyReceipt, verifyReceiptBundle } from '../../src/verify.ts'
import { ANNA_ID, BRAM_ID, type Office, openOffice, ORIGIN, recordOf } from './papers.ts'

const SIZE = 11
const RECEIPT = 'privity-receipt+jws'
const BUNDLE = 'privity-receipts+jws'
let office: Office
let receipt: string
let payload: JsonObject
let log: JsonObject

beforeAll(async () => {
  office = await openOffice()
  const entry = await office.entry({ subjectId: ANNA_ID, index: 6, size: SIZE, receiptId: 'r1' })
  receipt = await office.receipts.sign(entry)
  const { record } = await verifyReceipt(receipt, office.trust)
  payload = record ?? {}
  log = payload['log'] as JsonObject
})

describe('a receipt', () => {
  test('is included under the checkpoint that it brings, on the word of the app alone', async () => {
    const { jwks } = office.trust
    expect(await verifyReceipt(receipt, { jwks })).toEqual({
      ok: true,
      record: {
        ...recordOf(ANNA_ID, 'r1'),
        durability: 'power-loss',
        rollbackProtection: 'none',
        log: expect.objectContaining({ origin: ORIGIN, index: 6, size: SIZE }),
      },
      log: { verified: 'included' },
    })
  })

  test('is included under a checkpoint that the log signed', async () => {
    expect(await verifyReceipt(receipt, office.trust)).toMatchObject({
      ok: true,
      log: { verified: 'signed' },
    })
  })

  test('of another log, or one that nobody trusted signed, is refused where keys are given', async () => {
    const { key } = await generateSigningKey()
    const stranger = toVerifierKey({ name: ORIGIN, publicKey: key.publicKey })
    const other = toVerifierKey({ name: 'privity/other', publicKey: key.publicKey })
    const own = office.trust.verifierKeys
    for (const verifierKeys of [[stranger], [other], [], ['no key'], [...own, 'no key']]) {
      expect(await verifyReceipt(receipt, { ...office.trust, verifierKeys })).toEqual({
        ok: false,
        reason: 'checkpoint_not_signed',
      })
    }
  })

  test('that is not in the log yet says so, and is refused where keys are given', async () => {
    const kept = await office.receipts.acknowledge(recordOf(ANNA_ID, 'r2'))
    const { jwks } = office.trust
    expect(await verifyReceipt(kept, { jwks })).toEqual({
      ok: true,
      record: { ...recordOf(ANNA_ID, 'r2'), durability: 'power-loss', rollbackProtection: 'none' },
      log: { verified: 'none' },
    })
    expect(await verifyReceipt(kept, office.trust)).toEqual({ ok: false, reason: 'not_in_log' })
  })

  test('agrees with a checkpoint from elsewhere, older, newer, or its own', async () => {
    const own = { ...office.trust, checkpoint: await office.checkpoint(SIZE) }
    const newer = { ...office.trust, checkpoint: await office.checkpoint(300) }
    const older = { ...office.trust, checkpoint: await office.checkpoint(5) }
    const grown = { ...newer, consistency: office.consistency(SIZE, 300) }
    const before = { ...older, consistency: office.consistency(5, SIZE) }
    for (const trust of [own, grown, before]) {
      expect(await verifyReceipt(receipt, trust)).toMatchObject({ log: { verified: 'signed' } })
    }
    // Nothing shows that both are of one history.
    for (const trust of [newer, older]) {
      expect(await verifyReceipt(receipt, trust)).toEqual({
        ok: false,
        reason: 'checkpoints_disagree',
      })
    }
  })

  test('of a log that only a witness vouches for is refused: the log has to sign for itself', async () => {
    const { key } = await generateSigningKey()
    const name = 'witness.example'
    const place = { subjectId: ANNA_ID, index: 6, size: SIZE, receiptId: 'r1' }
    const { record, placed } = await office.entry(place)
    const checkpoint = await addCosignature(placed.checkpoint, { name, key, seconds: 1 })
    const seen = await office.receipts.sign({ record, placed: { ...placed, checkpoint } })
    const witness = toVerifierKey({ name, publicKey: key.publicKey, algorithm: 'cosignature' })
    expect(await verifyCheckpoint(checkpoint, { origin: ORIGIN, keys: [witness] })).toMatchObject({
      ok: true,
    })
    expect(await verifyReceipt(seen, { ...office.trust, verifierKeys: [witness] })).toEqual({
      ok: false,
      reason: 'checkpoint_not_signed',
    })
    const both = [witness, ...office.trust.verifierKeys]
    expect(await verifyReceipt(seen, { ...office.trust, verifierKeys: both })).toMatchObject({
      log: { verified: 'signed' },
    })
  })

  test('is that of the person who was asked for', async () => {
    const other = { ok: false, reason: 'other_person' }
    const trust = { ...office.trust, subjectId: ANNA_ID }
    expect((await verifyReceipt(receipt, trust)).ok).toBe(true)
    expect(await verifyReceipt(receipt, { ...trust, subjectId: BRAM_ID })).toEqual(other)
    const missing = { ...trust, subjectId: undefined } as never
    expect(await verifyReceipt(receipt, missing)).toEqual(other)
    const ofNobody = await office.seal(RECEIPT, { ...payload, subject: null })
    expect(await verifyReceipt(ofNobody, trust)).toEqual(other)
    expect(await verifyReceipt(ofNobody, missing)).toEqual(other)
  })

  test('that a checkpoint from elsewhere contradicts is refused', async () => {
    const disagree = { ok: false, reason: 'checkpoints_disagree' }
    const checkpoint = await office.checkpoint(300)
    for (const consistency of [[], office.consistency(SIZE, 299), office.consistency(12, 300)]) {
      const trust = { ...office.trust, checkpoint, consistency }
      expect(await verifyReceipt(receipt, trust)).toEqual(disagree)
    }
    const forked = await office.checkpoint(SIZE, { firstLeaf: 'another' })
    expect(await verifyReceipt(receipt, { ...office.trust, checkpoint: forked })).toEqual(disagree)
  })

  test('is held against no checkpoint that nobody trusted signed', async () => {
    const refused = { ok: false, reason: 'checkpoint_not_signed' }
    const { jwks } = office.trust
    const own = await office.checkpoint(SIZE)
    expect(await verifyReceipt(receipt, { jwks, checkpoint: own })).toEqual(refused)
    const altered = own.replace(`\n${SIZE}\n`, `\n${SIZE + 1}\n`)
    for (const checkpoint of ['no checkpoint', '', altered, 7 as never]) {
      expect(await verifyReceipt(receipt, { ...office.trust, checkpoint })).toEqual(refused)
    }
  })

  const broken: readonly (readonly [string, (log: JsonObject) => unknown])[] = [
    ['is no object', () => 'log'],
    ['is null', () => null],
    ['is a list', () => []],
    ['is empty', () => ({})],
    ['has no checkpoint', ({ checkpoint: _, ...rest }) => rest],
    ['has no leaf', ({ leaf: _, ...rest }) => rest],
    ['has no proof', ({ proof: _, ...rest }) => rest],
    ['has no index', ({ index: _, ...rest }) => rest],
    ['has no size', ({ size: _, ...rest }) => rest],
    ['has another origin', (it) => ({ ...it, origin: 'privity/other' })],
    ['has another size', (it) => ({ ...it, size: SIZE + 1 })],
    ['has a size in words', (it) => ({ ...it, size: String(SIZE) })],
    ['has another index', (it) => ({ ...it, index: 7 })],
    ['has an index beyond the log', (it) => ({ ...it, index: SIZE })],
    ['has a negative index', (it) => ({ ...it, index: -1 })],
    ['has half an index', (it) => ({ ...it, index: 6.5 })],
    ['has an index that no number holds', (it) => ({ ...it, index: 1e300 })],
    ['has another leaf', (it) => ({ ...it, leaf: 'AAAA' })],
    ['has a leaf in another spelling', (it) => ({ ...it, leaf: `${String(it['leaf'])}=` })],
    ['has a leaf that is a number', (it) => ({ ...it, leaf: 7 })],
    ['has a proof that is a text', (it) => ({ ...it, proof: 'AAAA' })],
    ['has a proof of numbers', (it) => ({ ...it, proof: [1, 2, 3, 4] })],
    ['has a proof of short hashes', (it) => ({ ...it, proof: ['AAAA', 'AAAA', 'AAAA', 'AAAA'] })],
    ['has a longer proof', (it) => ({ ...it, proof: [...proofOf(it), proofOf(it)[0]] })],
    ['has a shorter proof', (it) => ({ ...it, proof: proofOf(it).slice(1) })],
    ['has a proof turned round', (it) => ({ ...it, proof: proofOf(it).toReversed() })],
    ['has a checkpoint that is none', (it) => ({ ...it, checkpoint: 'x' })],
    ['has an unsigned checkpoint', (it) => ({ ...it, checkpoint: textOf(it) })],
    ['has a checkpoint with more lines', (it) => ({ ...it, checkpoint: `\n${noteOf(it)}` })],
    ['has a checkpoint with other line ends', (it) => ({ ...it, checkpoint: crlf(it) })],
  ]

  test.for(broken)('whose log part %s is refused, though the app signed it', async ([, change]) => {
    const jws = await office.seal(RECEIPT, { ...payload, log: change(log) as JsonObject })
    for (const verifierKeys of [undefined, office.trust.verifierKeys]) {
      const keys = verifierKeys === undefined ? {} : { verifierKeys }
      const trust = { jwks: office.trust.jwks, ...keys }
      expect(await verifyReceipt(jws, trust)).toEqual({ ok: false, reason: 'not_in_log' })
    }
  })
})

function proofOf(part: JsonObject): readonly string[] {
  return part['proof'] as readonly string[]
}

function noteOf(part: JsonObject): string {
  return String(part['checkpoint'])
}

function textOf(part: JsonObject): string {
  return noteOf(part).split('\n\n')[0] ?? ''
}

function crlf(part: JsonObject): string {
  return noteOf(part).replaceAll('\n', '\r\n')
}

async function bundleOf(ids: readonly string[], change: (it: JsonObject) => JsonObject) {
  const entries = await Promise.all(
    ids.map((receiptId, at) => {
      const previous = at === 0 ? {} : { previousReceiptId: ids[at - 1] ?? '' }
      const place = { subjectId: ANNA_ID, index: 2 * at + 1, size: SIZE, receiptId, ...previous }
      return office.entry(place)
    }),
  )
  const issuedAt = '2026-11-22T00:00:00.000Z'
  const sound = await office.receipts.bundle({ subjectId: ANNA_ID, issuedAt, entries })
  const [, body = ''] = sound.split('.')
  const json = JSON.parse(Buffer.from(body, 'base64url').toString())
  return office.seal(BUNDLE, change(json))
}

function receiptsOf(bundle: JsonObject): readonly JsonObject[] {
  return bundle['receipts'] as readonly JsonObject[]
}

function at(bundle: JsonObject, index: number, change: (it: JsonObject) => JsonObject): JsonObject {
  const receipts = receiptsOf(bundle).map((one, here) => (here === index ? change(one) : one))
  return { ...bundle, receipts }
}

describe('a bundle', () => {
  test('holds every decision of one person, in order, under one checkpoint', async () => {
    const bundle = await bundleOf(['r1', 'r2', 'r3'], (it) => it)
    const verdict = await verifyReceiptBundle(bundle, office.trust)
    expect(verdict).toMatchObject({ ok: true, log: { verified: 'signed' } })
    expect(verdict.records?.map((record) => record['receiptId'])).toEqual(['r1', 'r2', 'r3'])
    const { jwks } = office.trust
    expect(await verifyReceiptBundle(bundle, { jwks })).toMatchObject({
      log: { verified: 'included' },
    })
  })

  test('of somebody who never decided anything is empty, and still shows the log', async () => {
    const bundle = await bundleOf([], (it) => it)
    const { jwks } = office.trust
    for (const trust of [{ jwks }, office.trust])
      expect(await verifyReceiptBundle(bundle, trust)).toEqual({ ok: false, reason: 'not_in_log' })
    const shown = { origin: ORIGIN, size: SIZE, checkpoint: await office.checkpoint(SIZE) }
    const facts = { subjectId: ANNA_ID, issuedAt: '2026-11-22T00:00:00.000Z', entries: [] }
    const signed = await office.receipts.bundle({ ...facts, log: shown })
    const empty = { ok: true, records: [] }
    expect(await verifyReceiptBundle(signed, office.trust)).toEqual({
      ...empty,
      log: { verified: 'signed' },
    })
    expect(await verifyReceiptBundle(signed, { jwks })).toEqual({
      ...empty,
      log: { verified: 'included' },
    })
  })

  test('may end early: what came later is not known from it', async () => {
    const bundle = await bundleOf(['r1', 'r2', 'r3'], (it) => ({
      ...it,
      receipts: receiptsOf(it).slice(0, 2),
    }))
    expect(await verifyReceiptBundle(bundle, office.trust)).toMatchObject({ ok: true })
  })

  const broken: readonly (readonly [string, string, (bundle: JsonObject) => JsonObject])[] = [
    ['lacks its first', 'broken_chain', (it) => ({ ...it, receipts: receiptsOf(it).slice(1) })],
    [
      'lacks one in between',
      'broken_chain',
      (it) => ({ ...it, receipts: receiptsOf(it).filter((_, here) => here !== 1) }),
    ],
    [
      'tells them backwards',
      'broken_chain',
      (it) => ({ ...it, receipts: receiptsOf(it).toReversed() }),
    ],
    [
      'tells one twice',
      'broken_chain',
      (it) => ({ ...it, receipts: receiptsOf(it).flatMap((one) => [one, one]) }),
    ],
    ['goes round', 'broken_chain', (it) => at(it, 2, (one) => ({ ...one, receiptId: 'r1' }))],
    [
      'names no one before',
      'broken_chain',
      (it) => at(it, 1, ({ previousReceiptId: _, ...one }) => one as JsonObject),
    ],
    ['names a number', 'broken_chain', (it) => at(it, 0, (one) => ({ ...one, receiptId: 1 }))],
    [
      'has a decision of somebody else',
      'other_person',
      (it) => at(it, 1, (one) => ({ ...one, subject: { ref: BRAM_ID } })),
    ],
    ['is about somebody else', 'other_person', (it) => ({ ...it, subject: { ref: BRAM_ID } })],
    ['has a decision about nobody', 'other_person', (it) => at(it, 1, () => ({}))],
    ['is about nobody', 'malformed', ({ subject: _, ...it }) => it as JsonObject],
    ['has no list', 'malformed', (it) => ({ ...it, receipts: {} })],
    ['is of another format', 'malformed', (it) => ({ ...it, schemaVersion: 'privity.consent/1' })],
    ['has no checkpoint', 'not_in_log', ({ log: _, ...it }) => it as JsonObject],
    [
      'has a place without a proof',
      'not_in_log',
      (it) => at(it, 1, ({ log: _, ...one }) => one as JsonObject),
    ],
    [
      'has two at one place',
      'not_in_log',
      (it) => at(it, 1, (one) => ({ ...one, log: receiptsOf(it)[0]?.['log'] ?? null })),
    ],
  ]

  test.for(broken)('that %s is refused: %s', async ([, reason, change]) => {
    const bundle = await bundleOf(['r1', 'r2', 'r3'], change)
    expect(await verifyReceiptBundle(bundle, office.trust)).toEqual({ ok: false, reason })
  })

  test('is no receipt, and a receipt is no bundle', async () => {
    const bundle = await bundleOf(['r1'], (it) => it)
    const wrong = { ok: false, reason: 'wrong_typ' }
    expect(await verifyReceipt(bundle, office.trust)).toEqual(wrong)
    expect(await verifyReceiptBundle(receipt, office.trust)).toEqual(wrong)
  })
})

describe('whatever is given', () => {
  const nothing: readonly unknown[] = [undefined, null, 7, {}, [], '', '..', '.', 'a.b.c', Symbol()]

  test.for(nothing)('%o is refused and nothing is thrown', async (value) => {
    for (const verify of [verifyReceipt, verifyReceiptBundle]) {
      expect((await verify(value as never, office.trust)).ok).toBe(false)
      expect((await verify(receipt, value as never)).ok).toBe(false)
      if (value === undefined) continue
      expect((await verify(receipt, { ...office.trust, verifierKeys: value as never })).ok).toBe(
        false,
      )
    }
  })

  test('without keys nobody is trusted, and that is another reason than a spoilt document', async () => {
    for (const verify of [verifyReceipt, verifyReceiptBundle]) {
      // The last one is what is inside of it: the keys, and not what has them.
      for (const trust of [undefined, null, {}, { jwks: {} }, office.trust.jwks])
        expect(await verify(receipt, trust as never)).toEqual({ ok: false, reason: 'unknown_key' })
      expect(await verify(`${receipt}\n`, office.trust)).toEqual({ ok: false, reason: 'malformed' })
    }
  })

  test('a megabyte of anything is refused in passing', async () => {
    const many = 2 ** 20
    const deep = Buffer.from('['.repeat(many)).toString('base64url')
    const [header = '', , signature = ''] = receipt.split('.')
    for (const text of [
      'A'.repeat(many),
      '.'.repeat(many),
      `${header}.${'A'.repeat(many)}.${signature}`,
      `${header}.${deep}.${signature}`,
      `${deep}.${deep}.${deep}`,
    ]) {
      expect((await verifyReceipt(text, office.trust)).ok).toBe(false)
      expect((await verifyReceiptBundle(text, office.trust)).ok).toBe(false)
    }
    const proof = Array.from({ length: 20_000 }, () => 'A'.repeat(43))
    const signed = await office.seal(RECEIPT, { ...payload, log: { ...log, proof } })
    expect(await verifyReceipt(signed, office.trust)).toEqual({ ok: false, reason: 'not_in_log' })
  })
})
