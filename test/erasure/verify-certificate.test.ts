import { beforeAll, describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { canonicalBytes, type JsonObject } from '../../src/base/canonical.ts'
import { verifyCertificate } from '../../src/verify.ts'
import { ANNA_ID, BRAM_ID, type Office, openOffice, ORIGIN } from '../consent/papers.ts'

const TYPE = 'privity-erasure+jws'
let office: Office
let facts: JsonObject

beforeAll(async () => {
  office = await openOffice()
  facts = {
    schemaVersion: 'privity.erasure/1',
    certificateId: 'c1',
    subject: { ref: ANNA_ID },
    scope: 'all',
    completedAt: '2026-11-22T00:00:00.000Z',
    log: { origin: ORIGIN, checkpoint: await office.checkpoint(11) },
    result: 'completed',
  }
})

function certify(changed: JsonObject = {}): Promise<string> {
  return office.seal(TYPE, { ...facts, ...changed })
}

describe('a certificate', () => {
  test('of a person and a scope that were asked for holds', async () => {
    const jws = await certify()
    for (const asked of [{}, { subjectId: ANNA_ID }, { subjectId: ANNA_ID, scope: 'all' as const }])
      expect(await verifyCertificate(jws, { ...office.trust, ...asked })).toEqual({
        ok: true,
        certificate: facts,
      })
  })

  test('of somebody else, of a part, or of an epoch of keys is refused where that was asked', async () => {
    const trust = { ...office.trust, subjectId: ANNA_ID, scope: 'all' as const }
    const epoch = { subject: null, scope: 'epoch' }
    for (const [changed, reason] of [
      [{ subject: { ref: BRAM_ID } }, 'other_person'],
      [{ scope: 'partial' }, 'other_scope'],
      [epoch, 'other_person'],
      [{ result: 'nothing_found' }, 'not_completed'],
    ] as const)
      expect(await verifyCertificate(await certify(changed), trust)).toEqual({ ok: false, reason })
    expect((await verifyCertificate(await certify(epoch), office.trust)).ok).toBe(true)
    const missing = { ...office.trust, scope: undefined } as never
    expect(await verifyCertificate(await certify(), missing)).toEqual({
      ok: false,
      reason: 'other_scope',
    })
  })

  test('brings a checkpoint of the log that it names, which the log signed where keys are given', async () => {
    const { jwks } = office.trust
    const checkpoint = await office.checkpoint(11)
    const unsigned = `${checkpoint.split('\n\n')[0]}\n\n`
    for (const log of [
      undefined,
      { origin: ORIGIN },
      { origin: ORIGIN, checkpoint: 'not even a checkpoint' },
      { origin: ORIGIN, checkpoint: unsigned },
      { origin: 'privity/other', checkpoint },
    ]) {
      const jws = await certify({ log: log ?? null })
      for (const trust of [{ jwks }, office.trust])
        expect(await verifyCertificate(jws, trust)).toEqual({ ok: false, reason: 'not_in_log' })
    }
    const stranger = { ...office.trust, verifierKeys: [] }
    expect(await verifyCertificate(await certify(), stranger)).toEqual({
      ok: false,
      reason: 'checkpoint_not_signed',
    })
    expect((await verifyCertificate(await certify(), { jwks })).ok).toBe(true)
  })

  test('is no receipt, and nothing that the app did not sign', async () => {
    const other = await office.sign({ typ: 'privity-receipt+jws' }, canonicalBytes(facts))
    expect(await verifyCertificate(other, office.trust)).toEqual({ ok: false, reason: 'wrong_typ' })
    const text = await office.sign({ typ: TYPE }, utf8('[]'))
    expect(await verifyCertificate(text, office.trust)).toEqual({ ok: false, reason: 'malformed' })
  })
})
