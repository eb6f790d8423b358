import { expect, test } from 'vitest'
import { type Anchor, memoryAnchor, PrivityError, type Row } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { verifyCheckpoint, verifyEvidence, verifyReceipt } from 'privity/verify'
import {
  accessorsOf,
  type Acme,
  ANNA,
  caught,
  collect,
  eagerClock,
  fakeClock,
  giveOnWeb,
  onPaper,
  openAcme,
  publishNotice,
  refusal,
  until,
} from '../support/acme.ts'
import { setBack } from '../support/set-back.ts'
import { journey, type Place } from '../support/stores.ts'

type Details = { readonly kind?: string; readonly stored?: string; readonly anchored?: string }

/** A person who said yes, then the copy, then what the copy knows nothing of. */
async function withdrawnAfterCopy(
  place: Place,
  anchor: Anchor,
): Promise<{ readonly id: string; readonly copy: readonly Row[] }> {
  const acme = await openAcme(place.store(), { anchor })
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  await giveOnWeb(acme, id, ['marketing'])
  const copy = await place.rows()
  await acme.consent.withdraw(id, { purposes: ['marketing'] })
  await acme.close()
  return { id, copy }
}

async function protectionOf(acme: Acme, receipt: string): Promise<unknown> {
  const { record } = await verifyReceipt(receipt, { jwks: acme.ledger.publicKeys.jwks })
  return record?.['rollbackProtection']
}

/** What everything but the ledger and a withdrawal answers. */
async function expectClosed(acme: Acme, id: string): Promise<void> {
  const notice = { id: 'a', version: '1', hash: 'a' }
  const method = { channel: 'paper' } as const
  const calls: readonly (() => Promise<unknown>)[] = [
    () => acme.subjects.register(),
    () => acme.subjects.find({ externalId: 'a' }),
    () => publishNotice(acme),
    () => acme.notices.serve(notice, { language: 'en' }),
    () => acme.notices.text(notice, 'en'),
    () => acme.consent.give(id, { purposes: ['marketing'], notice, method }),
    () => acme.consent.refuse(id, { purposes: ['marketing'], notice, method }),
    () => acme.consent.status(id, 'marketing'),
    () => acme.consent.bundle(id),
    () => collect(acme.consent.history(id)),
    () => collect(acme.consent.receipts(id)),
    () => acme.may({ subjectId: id, purpose: 'support', actor: { id: 'a', roles: ['agent'] } }),
    () => acme.erasure.plan(id, { reason: 'subject_request' }),
    () => acme.erasure.erase(id, { reason: 'subject_request' }),
    () => acme.erasure.resume('0'.repeat(32)),
    () => collect(acme.audit.query()),
    async () => accessorsOf(acme).support.contact.read(id),
    async () => accessorsOf(acme).support.contact.create(id, ANNA),
    async () => collect(accessorsOf(acme).support.contact.list()),
  ]
  for (const call of calls) {
    const { code, details } = await refusal(call())
    expect(code).toBe('ledger_inconsistent')
    expect(details).toMatchObject({ kind: acme.ledger.contradiction?.kind })
  }
}

journey('what an anchor has seen is protected, and receipts say so', async (place) => {
  const anchor = memoryAnchor()
  const acme = await openAcme(place.store(), { anchor })
  const { id } = await acme.subjects.register()
  const { receipt } = await giveOnWeb(acme, id, ['marketing'])
  expect(await protectionOf(acme, receipt)).toBe('anchored')
  const note = await anchor.read()
  const { publicKeys, origin } = acme.ledger
  expect(
    await verifyCheckpoint(note ?? '', { origin, keys: publicKeys.verifierKeys }),
  ).toMatchObject({ ok: true })
  expect((await acme.ledger.checkpoint()).startsWith(note ?? '-')).toBe(true)
  await acme.close()
  const bare = await openAcme(place.store())
  const withdrawal = await bare.consent.withdraw(id, { purposes: ['marketing'] })
  expect(await protectionOf(bare, withdrawal.receipt)).toBe('none')
  await bare.close()
})

journey(
  'an older copy is neither read nor written, and says what contradicts it',
  async (place) => {
    const anchor = memoryAnchor()
    const { id, copy } = await withdrawnAfterCopy(place, anchor)
    await setBack(place, copy)
    const acme = await openAcme(place.store(), { anchor })
    expect(acme.ledger.contradiction).toMatchObject({
      kind: 'anchor_ahead',
      origin: acme.ledger.origin,
      anchored: await anchor.read(),
    })
    await expectClosed(acme, id)
    expect(await acme.ledger.verify()).toMatchObject({ ok: true })
    expect(await acme.ledger.checkpoint()).toContain(acme.ledger.contradiction?.stored)
    await acme.close()
    const unprotected = await openAcme(place.store())
    expect(await unprotected.consent.status(id, 'marketing')).toMatchObject({ permits: true })
    await unprotected.close()
  },
)

journey(
  'a withdrawal is kept while the store is closed, and takes effect with the first that opens',
  async (place) => {
    const anchor = memoryAnchor()
    const { id, copy } = await withdrawnAfterCopy(place, anchor)
    await setBack(place, copy)
    const closed = await openAcme(place.store(), { anchor })
    const { receipt, outcomes } = await closed.consent.withdraw(id, {
      purposes: ['marketing', 'support'],
    })
    expect(outcomes).toEqual([
      { purpose: 'marketing', effect: 'kept', basis: 'consent' },
      { purpose: 'support', effect: 'kept', basis: 'contract' },
    ])
    const verdict = await verifyReceipt(receipt, { jwks: closed.ledger.publicKeys.jwks })
    expect(verdict).toMatchObject({
      ok: true,
      record: { type: 'consent.withdrawal_kept', rollbackProtection: 'none', subject: { ref: id } },
    })
    const { contradiction } = closed.ledger
    await closed.ledger.accept(contradiction?.anchored ?? '')
    // What was opened before stays closed: what it holds in memory may be of either history.
    await expectClosed(closed, id)
    await closed.close()
    const acme = await openAcme(place.store(), { anchor })
    expect(await acme.consent.status(id, 'marketing')).toMatchObject({
      state: 'withdrawn',
      permits: false,
    })
    expect((await place.rows()).filter(([key]) => key.includes('/c/q/'))).toEqual([])
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await acme.close()
  },
)

journey('an accepted copy goes on under a new origin, and commits to both heads', async (place) => {
  const anchor = memoryAnchor()
  const { id, copy } = await withdrawnAfterCopy(place, anchor)
  const lost = (await anchor.read()) ?? ''
  await setBack(place, copy)
  const closed = await openAcme(place.store(), { anchor })
  const { origin } = closed.ledger
  for (const other of ['', 'x', closed.ledger.contradiction?.stored]) {
    expect(await refusal(closed.ledger.accept(other as string))).toMatchObject({
      code: 'invalid_input',
      details: { issues: [{ path: ['anchored'], code: 'other_checkpoint' }] },
    })
  }
  await closed.ledger.accept(lost)
  await closed.close()
  const acme = await openAcme(place.store(), { anchor })
  expect(acme.ledger.origin).toBe(`${origin}/restored/1`)
  expect(acme.ledger.contradiction).toBeUndefined()
  expect(await anchor.read()).toContain(`${origin}/restored/1\n`)
  const { receipt } = await acme.consent.withdraw(id, { purposes: ['marketing'] })
  expect(await protectionOf(acme, receipt)).toBe('anchored')
  const keys = acme.ledger.publicKeys.verifierKeys
  expect(await verifyCheckpoint(lost, { origin, keys })).toMatchObject({ ok: true })
  const now = await acme.ledger.checkpoint()
  expect(await verifyCheckpoint(now, { origin: acme.ledger.origin, keys })).toMatchObject({
    ok: true,
  })
  expect(await refusal(acme.ledger.accept(lost))).toMatchObject({ code: 'invalid_transition' })
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await acme.close()
})

test('two copies that went on apart are told by the anchor, with both checkpoints', async () => {
  const anchor = memoryAnchor()
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }), { anchor })
  const twin = memoryStore({ share: memoryData() })
  await twin.open()
  await twin.commit({ checks: [], put: [...share.rows], del: [] })
  const other = await openAcme(twin, { anchor })
  await acme.subjects.register()
  const { code, details } = await refusal(other.subjects.register())
  expect(code).toBe('ledger_inconsistent')
  const { kind, stored, anchored } = details as Details
  expect(kind).toBe('fork')
  const { origin, publicKeys } = acme.ledger
  for (const note of [stored, anchored])
    expect(
      await verifyCheckpoint(note ?? '', { origin, keys: publicKeys.verifierKeys }),
    ).toMatchObject({ ok: true })
  expect(stored).not.toBe(anchored)
  expect(await refusal(other.subjects.find({ externalId: 'a' }))).toMatchObject({ code })
  await acme.close()
  await other.close()
})

test('what was committed before the anchor could be told is made up for by whoever opens next', async () => {
  const share = memoryData()
  const inner = memoryAnchor()
  let away = false
  const anchor: Anchor = {
    read: () => inner.read(),
    advance: async (from, to) => {
      if (away) throw new PrivityError('store_unavailable', { reason: 'away' })
      return inner.advance(from, to)
    },
  }
  const acme = await openAcme(memoryStore({ share }), { anchor })
  const { id } = await acme.subjects.register()
  away = true
  const { receipt } = await giveOnWeb(acme, id, ['marketing'])
  expect(await protectionOf(acme, receipt)).toBe('none')
  expect(await refusal(openAcme(memoryStore({ share }), { anchor }))).toMatchObject({
    code: 'store_unavailable',
  })
  away = false
  const next = await openAcme(memoryStore({ share }), { anchor })
  expect(next.ledger.contradiction).toBeUndefined()
  expect(await next.ledger.checkpoint()).toContain(await inner.read())
  const again = await acme.consent.withdraw(id, { purposes: ['marketing'] })
  expect(await protectionOf(acme, again.receipt)).toBe('anchored')
  await acme.close()
  await next.close()
})

journey(
  'over several logs the anchor knows of a withdrawal a minute later, also when nothing follows',
  async (place) => {
    const anchor = memoryAnchor()
    const clock = fakeClock()
    const acme = await openAcme(place.store(), { anchor, clock, shards: 3 })
    const { id } = await acme.subjects.register()
    await giveOnWeb(acme, id, ['marketing'])
    const copy = await place.rows()
    const { receipt } = await acme.consent.withdraw(id, { purposes: ['marketing'] })
    expect(await protectionOf(acme, receipt)).toBe('none')
    const before = await anchor.read()
    clock.advance({ hours: 1 })
    await until(async () => (await anchor.read()) !== before)
    await setBack(place, copy)
    const again = await openAcme(place.store(), { anchor })
    expect(again.ledger.contradiction).toMatchObject({ kind: 'anchor_ahead' })
    expect(await refusal(again.consent.status(id, 'marketing'))).toMatchObject({
      code: 'ledger_inconsistent',
    })
    await again.close()
    await acme.close()
  },
)

for (const { entries, kind } of [
  { entries: 1, kind: 'anchor_ahead' },
  { entries: 5, kind: 'fork' },
])
  journey(
    `a store that was set back beneath the process that wrote it is noticed with the next entries: ${entries}`,
    async (place) => {
      const anchor = memoryAnchor()
      const acme = await openAcme(place.store(), { anchor, clock: eagerClock() })
      const { id } = await acme.subjects.register()
      await giveOnWeb(acme, id, ['marketing'])
      const copy = await place.rows()
      await acme.consent.withdraw(id, { purposes: ['marketing'] })
      await acme.subjects.register()
      const before = await anchor.read()
      await setBack(place, copy)
      const calls = Array.from({ length: entries }, () => refusal(acme.subjects.register()))
      for (const { code, details } of await Promise.all(calls))
        expect([code, (details as Details).kind]).toEqual(['ledger_inconsistent', kind])
      expect(acme.ledger.contradiction).toMatchObject({ kind, anchored: before })
      expect(await refusal(acme.consent.status(id, 'marketing'))).toMatchObject({
        code: 'ledger_inconsistent',
      })
      expect(await anchor.read()).toBe(before)
      await acme.close()
      const again = await openAcme(place.store(), { anchor })
      expect(again.ledger.contradiction).toMatchObject({ kind })
      await again.close()
    },
  )

test('a store that is gone is not made anew while its anchor remembers it', async () => {
  const anchor = memoryAnchor()
  const acme = await openAcme(memoryStore(), { anchor })
  await acme.close()
  const share = memoryData()
  expect(await refusal(openAcme(memoryStore({ share }), { anchor }))).toMatchObject({
    code: 'ledger_inconsistent',
    details: { kind: 'anchor_ahead', anchored: await anchor.read() },
  })
  expect(share.rows.size).toBe(0)
})

test('the anchor of another store is a mistake that nobody can accept', async () => {
  const anchor = memoryAnchor()
  const other = await openAcme(memoryStore(), { anchor })
  await other.close()
  const share = memoryData()
  await (await openAcme(memoryStore({ share }))).close()
  const acme = await openAcme(memoryStore({ share }), { anchor })
  expect(acme.ledger.contradiction).toMatchObject({ kind: 'other_log' })
  expect(await refusal(acme.ledger.accept((await anchor.read()) ?? ''))).toMatchObject({
    code: 'invalid_input',
    details: { issues: [{ path: ['anchored'], code: 'other_log' }] },
  })
  await acme.close()
})

journey('several instances move one anchor forward together', async (place) => {
  const anchor = memoryAnchor()
  const clock = eagerClock()
  const first = await openAcme(place.store(), { anchor, clock })
  const second = await openAcme(place.store(), { anchor, clock })
  const { id } = await first.subjects.register()
  const notice = await publishNotice(first)
  const rounds = Array.from({ length: 20 }, (_, round) => (round % 2 === 0 ? first : second))
  const receipts = await Promise.all(
    rounds.map(async (acme) => {
      const { receipt } = await acme.consent.give(id, onPaper(notice, ['marketing']))
      return protectionOf(acme, receipt)
    }),
  )
  expect(receipts).toEqual(rounds.map(() => 'anchored'))
  expect(await first.ledger.checkpoint()).toContain(await anchor.read())
  await first.close()
  await second.close()
})

test('an anchor that is no anchor is refused before anything is opened', async () => {
  for (const anchor of [null, 'a', {}, { read: 1, advance: 2 }]) {
    const thrown = await caught(openAcme(memoryStore(), { anchor: anchor as never }))
    expect(thrown).toMatchObject({ code: 'invalid_input' })
  }
})

test('proofs that are read move no anchor', async () => {
  const inner = memoryAnchor()
  let moves = 0
  const anchor: Anchor = {
    read: () => inner.read(),
    advance: (from, to) => {
      moves += 1
      return inner.advance(from, to)
    },
  }
  const acme = await openAcme(memoryStore(), { anchor })
  const { id } = await acme.subjects.register()
  await giveOnWeb(acme, id, ['marketing'])
  const before = moves
  for (let at = 0; at < 3; at += 1) await acme.ledger.inclusion(0n)
  const receipts = await collect(acme.consent.receipts(id))
  expect(await protectionOf(acme, receipts[0] ?? '')).toBe('anchored')
  expect(moves).toBe(before)
  await acme.close()
})

test('an access row that somebody spelled otherwise is in no evidence', async () => {
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }))
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  await accessorsOf(acme).support.contact.read(id)
  const forger = memoryStore({ share })
  await forger.open()
  const genuine = [...share.rows.keys()].filter((key) => key.includes('/a/'))
  const put = genuine.map((key) => [`${key.slice(0, -1)}x`, new Uint8Array(0)] as const)
  expect(put.length).toBeGreaterThan(0)
  await forger.commit({ checks: [], put, del: [] })
  const verdict = await verifyEvidence(
    acme.ledger.export({ subjects: [id] }),
    acme.ledger.publicKeys,
  )
  expect(verdict).toMatchObject({ ok: true, evidence: { subjects: [{ id, accesses: 1 }] } })
  await acme.close()
})
