import { expect } from 'vitest'
import type { NoticeRef } from 'privity'
import { verifyReceipt } from 'privity/verify'
import {
  accessorsOf,
  type Acme,
  ACTORS,
  ANNA,
  collect,
  fakeClock,
  giveOnWeb,
  onPaper,
  openAcme,
  publishNotice,
  refusal,
  START,
} from '../support/acme.ts'
import { durabilityOf, journey, type Place } from '../support/stores.ts'

const NOW = '2026-11-21T09:00:00.000Z'
const IN_24_MONTHS = '2028-11-21T09:00:00.000Z'
const DAY = 86_400_000

async function openWithAnna(place: Place): Promise<{
  readonly acme: Acme
  readonly id: string
  readonly clock: ReturnType<typeof fakeClock>
}> {
  const clock = fakeClock()
  const acme = await openAcme(place.store(), { clock })
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  return { acme, id, clock }
}

function mayMarket(acme: Acme, subjectId: string): Promise<unknown> {
  return acme.may({ subjectId, purpose: 'marketing', actor: ACTORS.marketing })
}

function denied(...reasons: readonly string[]): object {
  return { allowed: false, reasons }
}

const ALLOWED = { allowed: true, reasons: [] }

journey('nothing is permitted on consent before anybody said yes', async (place) => {
  const { acme, id } = await openWithAnna(place)
  expect(await acme.consent.status(id, 'marketing')).toEqual({
    purpose: 'marketing',
    state: 'unknown',
    permits: false,
  })
  expect(await mayMarket(acme, id)).toEqual(denied('not_asked'))
  expect(await refusal(accessorsOf(acme).marketing.contact.read(id))).toEqual({
    code: 'not_permitted',
    details: { purpose: 'marketing', reason: 'not_asked', reasons: ['not_asked'] },
  })
  expect(await collect(acme.consent.history(id))).toEqual([])
  await acme.close()
})

journey('a yes permits until its time is up, and a second yes renews it', async (place) => {
  const { acme, id, clock } = await openWithAnna(place)
  await giveOnWeb(acme, id, ['marketing'])
  expect(await acme.consent.status(id, 'marketing')).toEqual({
    purpose: 'marketing',
    state: 'given',
    permits: true,
    since: NOW,
    validUntil: IN_24_MONTHS,
  })
  expect(await mayMarket(acme, id)).toEqual(ALLOWED)

  clock.advance({ months: 12 })
  await giveOnWeb(acme, id, ['marketing'])
  expect(await acme.consent.status(id, 'marketing')).toMatchObject({
    state: 'renewed',
    since: '2027-11-21T09:00:00.000Z',
    validUntil: '2029-11-21T09:00:00.000Z',
  })
  clock.set(Date.parse(IN_24_MONTHS))
  expect(await mayMarket(acme, id)).toEqual(ALLOWED)
  await acme.close()
})

journey('a consent expires at the moment it runs out, without anybody noting it', async (place) => {
  const { acme, id, clock } = await openWithAnna(place)
  const { marketing } = accessorsOf(acme)
  await giveOnWeb(acme, id, ['marketing'])
  clock.set(Date.parse(IN_24_MONTHS) - 1)
  expect(await marketing.contact.read(id)).toEqual({ name: 'Anna', email: ANNA.email })
  clock.advance(1)
  expect(await mayMarket(acme, id)).toEqual(denied('expired'))
  expect(await refusal(marketing.contact.read(id))).toMatchObject({
    details: { reason: 'expired' },
  })
  expect(await acme.consent.status(id, 'marketing')).toMatchObject({
    state: 'expired',
    permits: false,
  })
  await giveOnWeb(acme, id, ['marketing'])
  expect(await acme.consent.status(id, 'marketing')).toMatchObject({
    state: 'given',
    permits: true,
  })
  await acme.close()
})

journey('a clock set back revives no consent that had run out for this person', async (place) => {
  const { acme, id, clock } = await openWithAnna(place)
  await giveOnWeb(acme, id, ['marketing'])
  clock.advance({ months: 25 })
  // Any operation about the person moves their time.
  await accessorsOf(acme).support.contact.update(id, { address: 'Prinsengracht 2' })
  clock.set(START + DAY)
  expect(await mayMarket(acme, id)).toEqual(denied('expired'))
  expect(await acme.consent.status(id, 'marketing')).toMatchObject({ state: 'expired' })
  await acme.close()

  const later = await openAcme(place.store(), { clock: fakeClock(START + DAY) })
  expect(await mayMarket(later, id)).toEqual(denied('expired'))
  await later.close()
})

// foundation.md: "validity is judged by the later of clock and the log's last operation about a person".
journey('a clock set back revives no consent when the log has gone on', async (place) => {
  const { acme, id, clock } = await openWithAnna(place)
  await giveOnWeb(acme, id, ['marketing'])
  clock.advance({ months: 25 })
  const { id: bram } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(bram, { ...ANNA, name: 'Bram' })
  clock.set(START + DAY)
  expect(await mayMarket(acme, id)).toEqual(denied('expired'))
  await acme.close()

  const later = await openAcme(place.store(), { clock: fakeClock(START + DAY) })
  expect(await mayMarket(later, id)).toEqual(denied('expired'))
  await later.close()
})

journey('a yes given while the clock is behind is dated after what went before', async (place) => {
  const { acme, id, clock } = await openWithAnna(place)
  clock.set(START - 30 * DAY)
  await giveOnWeb(acme, id, ['marketing'])
  expect(await acme.consent.status(id, 'marketing')).toMatchObject({
    since: NOW,
    validUntil: IN_24_MONTHS,
  })
  await acme.close()
})

journey('a refusal is recorded, denies, and may become a yes', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const notice = await publishNotice(acme)
  await acme.consent.refuse(id, onPaper(notice, ['marketing', 'care']))
  expect(await mayMarket(acme, id)).toEqual(denied('refused'))
  await acme.consent.refuse(id, onPaper(notice, ['marketing']))
  await acme.consent.give(id, onPaper(notice, ['marketing']))
  expect(await mayMarket(acme, id)).toEqual(ALLOWED)
  expect(await acme.consent.status(id, 'care')).toMatchObject({ state: 'refused', permits: false })
  await acme.close()
})

journey('what was given cannot be refused, only withdrawn', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { notice } = await giveOnWeb(acme, id, ['marketing'])
  expect(await refusal(acme.consent.refuse(id, onPaper(notice, ['marketing'])))).toEqual({
    code: 'invalid_transition',
    details: { machine: 'consent', from: 'given', event: 'refuse' },
  })
  // A refused step of one purpose leaves the other as it was.
  expect(await refusal(acme.consent.refuse(id, onPaper(notice, ['care', 'marketing'])))).toEqual({
    code: 'invalid_transition',
    details: { machine: 'consent', from: 'given', event: 'refuse' },
  })
  expect(await acme.consent.status(id, 'care')).toMatchObject({ state: 'unknown' })
  expect(await mayMarket(acme, id)).toEqual(ALLOWED)
  await acme.close()
})

journey('a withdrawal ends consent in its own commit, also in another process', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const other = await openAcme(place.store())
  await giveOnWeb(acme, id, ['marketing', 'care'])
  const { marketing } = accessorsOf(other)
  expect(await marketing.contact.read(id)).toEqual({ name: 'Anna', email: ANNA.email })
  const { outcomes } = await acme.consent.withdraw(id, { purposes: ['marketing'] })
  expect(outcomes).toEqual([{ purpose: 'marketing', effect: 'withdrawn', basis: 'consent' }])
  expect(await refusal(marketing.contact.read(id))).toMatchObject({
    code: 'not_permitted',
    details: { reasons: ['withdrawn'] },
  })
  expect(await acme.consent.status(id, 'care')).toMatchObject({ state: 'given', permits: true })
  await other.close()
  await acme.close()
})

journey('a withdrawal is accepted when nothing was given, and again and again', async (place) => {
  const { acme, id } = await openWithAnna(place)
  for (const _ of [1, 2, 3]) {
    const { receipt } = await acme.consent.withdraw(id, { purposes: ['marketing'] })
    const verdict = await verifyReceipt(receipt, acme.ledger.publicKeys)
    expect(verdict).toMatchObject({
      ok: true,
      record: { purposes: [{ purpose: 'marketing', state: 'withdrawn' }] },
    })
  }
  expect(await acme.consent.status(id, 'marketing')).toEqual({
    purpose: 'marketing',
    state: 'withdrawn',
    permits: false,
    since: NOW,
  })
  await giveOnWeb(acme, id, ['marketing'])
  expect(await mayMarket(acme, id)).toEqual(ALLOWED)
  await acme.close()
})

journey(
  'withdrawing legitimate interests is an objection, other bases only record',
  async (place) => {
    const { acme, id } = await openWithAnna(place)
    const { analytics, support } = accessorsOf(acme)
    expect(await analytics.contact.read(id)).toEqual({ birthDate: 1990 })
    const { outcomes } = await acme.consent.withdraw(id, { purposes: ['analytics', 'support'] })
    expect(outcomes).toEqual([
      { purpose: 'analytics', effect: 'objected', basis: 'legitimate_interests' },
      { purpose: 'support', effect: 'recorded', basis: 'contract' },
    ])
    expect(await refusal(analytics.contact.read(id))).toEqual({
      code: 'not_permitted',
      details: { purpose: 'analytics', reason: 'objected', reasons: ['objected'] },
    })
    expect(await support.contact.read(id)).toMatchObject({ name: 'Anna' })
    expect(await acme.consent.status(id, 'analytics')).toMatchObject({ permits: false, since: NOW })
    expect(await acme.consent.status(id, 'support')).toMatchObject({ permits: true })
    await acme.close()
  },
)

journey('only purposes that rest on consent can be given or refused', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const notice = await publishNotice(acme)
  for (const purpose of ['support', 'analytics'] as const) {
    const issue = { path: ['purposes', 1], code: 'basis_is_not_consent' }
    const expected = { code: 'invalid_input', details: { issues: [issue] } }
    const input = onPaper(notice, ['marketing', purpose])
    expect(await refusal(acme.consent.give(id, input))).toEqual(expected)
    expect(await refusal(acme.consent.refuse(id, input))).toEqual(expected)
  }
  expect(await acme.consent.status(id, 'marketing')).toMatchObject({ state: 'unknown' })
  await acme.close()
})

journey(
  'a material change makes consents stale until renewed, an editorial one does not',
  async (place) => {
    const { acme, id } = await openWithAnna(place)
    await giveOnWeb(acme, id, ['marketing'])
    const texts = { en: 'the same, spelt right', nl: 'hetzelfde, goed gespeld' }
    await acme.notices.publish({ id: 'privacy', version: '2026-12', texts, change: 'editorial' })
    await acme.notices.publish({ id: 'terms', version: '1', texts })
    await acme.notices.publish({ id: 'terms', version: '2', texts: { en: 'other terms' } })
    expect(await mayMarket(acme, id)).toEqual(ALLOWED)

    const changed = await acme.notices.publish({
      id: 'privacy',
      version: '2027-01',
      texts: { en: 'we now sell it all', nl: 'nu verkopen wij alles' },
    })
    expect(await mayMarket(acme, id)).toEqual(denied('stale_notice'))
    expect(await acme.consent.status(id, 'marketing')).toMatchObject({
      state: 'given',
      permits: false,
    })
    const { marketing } = accessorsOf(acme)
    expect(await refusal(marketing.contact.read(id))).toMatchObject({
      details: { reasons: ['stale_notice'] },
    })
    expect(await collect(marketing.contact.list())).toEqual([])

    await acme.consent.give(id, onPaper(changed, ['marketing']))
    expect(await mayMarket(acme, id)).toEqual(ALLOWED)
    await acme.close()
  },
)

journey(
  'a notice takes 500,000 bytes in each language, and is told when it is longer',
  async (place) => {
    const acme = await openAcme(place.store())
    const longest = 'é'.repeat(250_000)
    const notice = await acme.notices.publish({ id: 'long', version: '1', texts: { fr: longest } })
    expect(await acme.notices.text(notice, 'fr')).toBe(longest)
    for (const [text, code] of [
      [`${longest}.`, 'too_long'],
      ['', 'not_a_text'],
      ['\ud800', 'not_a_text'],
    ]) {
      const texts = { en: 'short', fr: text ?? '' }
      expect(await refusal(acme.notices.publish({ id: 'long', version: '2', texts }))).toEqual({
        code: 'invalid_input',
        details: { issues: [{ path: ['texts', '?'], code }] },
      })
    }
    await acme.close()
  },
)

journey(
  'the same words published again change nothing, other words under one version do not pass',
  async (place) => {
    const { acme, id } = await openWithAnna(place)
    const { notice } = await giveOnWeb(acme, id, ['marketing'])
    expect(await publishNotice(acme)).toEqual(notice)
    expect(await mayMarket(acme, id)).toEqual(ALLOWED)
    const other = { id: 'privacy', version: '2026-11', texts: { en: 'other words' } }
    expect(await refusal(acme.notices.publish(other))).toEqual({
      code: 'already_exists',
      details: { kind: 'notice' },
    })
    expect(await acme.notices.text(notice, 'en')).toBe('what we do, 2026-11')
    await acme.close()
  },
)

journey(
  'web, app and e-mail need a serving; other channels say why there is none',
  async (place) => {
    const { acme, id } = await openWithAnna(place)
    const notice = await publishNotice(acme)
    for (const channel of ['web', 'app', 'email'] as const) {
      const input = { purposes: ['marketing'] as const, notice, method: { channel } }
      expect(await refusal(acme.consent.give(id, input))).toEqual({
        code: 'invalid_input',
        details: { issues: [{ path: ['method', 'servedId'], code: 'required' }] },
      })
    }
    for (const channel of ['phone', 'paper', 'in_person', 'import'] as const) {
      await acme.consent.give(id, { purposes: ['marketing'], notice, method: { channel } })
    }
    expect(await mayMarket(acme, id)).toEqual(ALLOWED)
    await acme.close()
  },
)

async function giveServed(
  acme: Acme,
  id: string,
  served: { readonly notice: NoticeRef; readonly servedId: string },
): Promise<unknown> {
  const { notice, servedId } = served
  return acme.consent.give(id, {
    purposes: ['marketing'],
    notice,
    method: { channel: 'web', servedId },
  })
}

journey(
  'a serving counts for its person and its notice only, and cannot be made up',
  async (place) => {
    const { acme, id } = await openWithAnna(place)
    const { id: bram } = await acme.subjects.register()
    const notice = await publishNotice(acme)
    const other = await acme.notices.publish({ id: 'terms', version: '1', texts: { en: 'terms' } })
    const { servedId } = await acme.notices.serve(notice, { subjectId: bram, language: 'en' })
    const unknown = {
      code: 'invalid_input',
      details: { issues: [{ path: ['method', 'servedId'], code: 'unknown_serving' }] },
    }
    expect(await refusal(giveServed(acme, id, { notice, servedId }))).toEqual(unknown)

    const mine = await acme.notices.serve(notice, { subjectId: id, language: 'en' })
    const [place_ = '', nonce = ''] = mine.servedId.split('.')
    const forged = [
      `${place_}.${'0'.repeat(32)}`,
      `p1.${nonce}`,
      `p2.${nonce}`,
      `s0.${nonce}`,
      `s1.${nonce}`,
      `pffffffff.${nonce}`,
      nonce,
      '',
      'x'.repeat(64),
      `${place_}.${nonce}\n`,
    ]
    for (const forgedId of forged) {
      expect(await refusal(giveServed(acme, id, { notice, servedId: forgedId }))).toEqual(unknown)
    }
    expect(await refusal(giveServed(acme, id, { notice: other, servedId: mine.servedId }))).toEqual(
      {
        code: 'invalid_input',
        details: { issues: [{ path: ['method', 'servedId'], code: 'other_notice' }] },
      },
    )
    expect(await mayMarket(acme, id)).toEqual(denied('not_asked'))
    await giveServed(acme, id, { notice, servedId: mine.servedId })
    expect(await mayMarket(acme, id)).toEqual(ALLOWED)
    await acme.close()
  },
)

journey(
  'a notice served before there was a person counts for the one who registers then',
  async (place) => {
    const acme = await openAcme(place.store())
    const notice = await publishNotice(acme)
    const { servedId } = await acme.notices.serve(notice, { language: 'nl' })
    const { id } = await acme.subjects.register()
    const { receipt } = (await giveServed(acme, id, { notice, servedId })) as { receipt: string }
    expect(await verifyReceipt(receipt, acme.ledger.publicKeys)).toMatchObject({
      record: { notice: { language: 'nl' }, servedAt: NOW },
    })
    await acme.close()
  },
)

journey('a notice must be published as named, in the language asked for', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const notice = await publishNotice(acme)
  const missing = { code: 'not_found', details: { kind: 'notice' } }
  const hash = `sha256:${'A'.repeat(43)}`
  for (const ref of [
    { ...notice, hash },
    { ...notice, version: '1999' },
    { ...notice, id: 'nothing' },
  ]) {
    expect(await refusal(acme.consent.give(id, onPaper(ref, ['marketing'])))).toEqual(missing)
    expect(await refusal(acme.notices.serve(ref, { language: 'en' }))).toEqual(missing)
  }
  expect(await refusal(acme.notices.serve(notice, { subjectId: id, language: 'fr' }))).toEqual({
    code: 'not_declared',
    details: { kind: 'language', path: ['language'], declared: ['en', 'nl'] },
  })
  await acme.close()
})

journey('special fields open to explicit consent only', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { care } = accessorsOf(acme)
  expect(await refusal(care.contact.update(id, { allergies: 'nuts' }))).toMatchObject({
    code: 'not_permitted',
  })
  await giveOnWeb(acme, id, ['care'])
  await care.contact.update(id, { allergies: 'nuts' })
  expect(await care.contact.read(id)).toEqual({ allergies: 'nuts' })
  expect(await accessorsOf(acme).support.contact.read(id)).not.toHaveProperty('allergies')
  await acme.consent.withdraw(id, { purposes: ['care'] })
  expect(await refusal(care.contact.read(id))).toMatchObject({
    details: { reasons: ['withdrawn'] },
  })
  await acme.close()
})

journey('history tells every decision in order, and its receipts agree', async (place) => {
  const { acme, id, clock } = await openWithAnna(place)
  const notice = await publishNotice(acme)
  await acme.consent.refuse(id, onPaper(notice, ['marketing']))
  clock.advance({ days: 1 })
  await acme.consent.give(id, onPaper(notice, ['marketing', 'care']))
  clock.advance({ days: 1 })
  await acme.consent.give(id, onPaper(notice, ['marketing']))
  await acme.consent.withdraw(id, { purposes: ['care', 'analytics'] })
  expect(await collect(acme.consent.history(id))).toEqual([
    { purpose: 'marketing', state: 'refused', at: NOW },
    { purpose: 'marketing', state: 'given', at: '2026-11-22T09:00:00.000Z' },
    { purpose: 'care', state: 'given', at: '2026-11-22T09:00:00.000Z' },
    { purpose: 'marketing', state: 'renewed', at: '2026-11-23T09:00:00.000Z' },
    { purpose: 'care', state: 'withdrawn', at: '2026-11-23T09:00:00.000Z' },
    { purpose: 'analytics', state: 'withdrawn', at: '2026-11-23T09:00:00.000Z' },
  ])
  await acme.close()
})

journey('a long history is told whole', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const notice = await publishNotice(acme)
  await Promise.all(
    Array.from({ length: 230 }, () => acme.consent.give(id, onPaper(notice, ['marketing']))),
  )
  const history = await collect(acme.consent.history(id))
  expect(history).toHaveLength(230)
  expect(history.filter(({ state }) => state === 'given')).toHaveLength(1)
  await acme.close()
})

journey('an operation id takes effect once', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const notice = await publishNotice(acme)
  const input = onPaper(notice, ['marketing'])
  const once = { operationId: 'click-1' }
  const { receipt } = await acme.consent.give(id, input, once)
  await acme.consent.withdraw(id, { purposes: ['marketing'] })
  const again = await acme.consent.give(id, input, once)
  expect(await mayMarket(acme, id)).toEqual(denied('withdrawn'))
  const first = await verifyReceipt(receipt, acme.ledger.publicKeys)
  const second = await verifyReceipt(again.receipt, acme.ledger.publicKeys)
  expect(second.ok).toBe(true)
  expect(second.record?.['receiptId']).toBe(first.record?.['receiptId'])
  expect(second.record?.['occurredAt']).toBe(first.record?.['occurredAt'])
  expect(await collect(acme.consent.history(id))).toHaveLength(2)
  await acme.close()

  const later = await openAcme(place.store())
  await later.consent.give(id, input, once)
  expect(await mayMarket(later, id)).toEqual(denied('withdrawn'))
  await later.close()
})

journey('an operation id that is under way twice takes effect once', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const once = { operationId: 'click-1' }
  const both = await Promise.all([
    acme.consent.withdraw(id, { purposes: ['marketing'] }, once),
    acme.consent.withdraw(id, { purposes: ['marketing'] }, once),
  ])
  expect(both.map(({ outcomes }) => outcomes.length)).toEqual([1, 1])
  expect(await collect(acme.consent.history(id))).toHaveLength(1)
  await acme.close()
})

journey('an operation id stands for one request of one person', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { id: bram } = await acme.subjects.register()
  const notice = await publishNotice(acme)
  const once = { operationId: 'click-1' }
  await acme.consent.give(id, onPaper(notice, ['marketing']), once)
  const reused = {
    code: 'invalid_input',
    details: { issues: [{ path: ['operationId'], code: 'reused' }] },
  }
  expect(await refusal(acme.consent.give(id, onPaper(notice, ['care']), once))).toEqual(reused)
  expect(await refusal(acme.consent.refuse(id, onPaper(notice, ['marketing']), once))).toEqual(
    reused,
  )
  expect(await refusal(acme.consent.withdraw(id, { purposes: ['marketing'] }, once))).toEqual(
    reused,
  )
  const { support } = accessorsOf(acme)
  expect(await refusal(support.contact.update(id, { name: 'A' }, once))).toEqual(reused)
  expect(await mayMarket(acme, id)).toEqual(ALLOWED)

  await acme.consent.give(bram, onPaper(notice, ['marketing']), once)
  expect(await mayMarket(acme, bram)).toEqual(ALLOWED)
  await acme.close()
})

journey('receipts say what was decided, and hold no personal data', async (place) => {
  const clock = fakeClock()
  const acme = await openAcme(place.store(), { clock })
  const { id } = await acme.subjects.register({ jurisdiction: 'NL', externalId: 'crm-17' })
  await accessorsOf(acme).support.contact.create(id, ANNA)
  const { receipt, notice } = await giveOnWeb(acme, id, ['marketing', 'care'])
  const { receipt: withdrawal } = await acme.consent.withdraw(id, { purposes: ['care'] })
  const { record } = await verifyReceipt(receipt, acme.ledger.publicKeys)
  expect(record).toMatchObject({
    schemaVersion: 'privity.consent/1',
    type: 'consent.given',
    subject: { ref: id },
    controller: { id: 'acme' },
    occurredAt: NOW,
    servedAt: NOW,
    purposes: [
      { purpose: 'marketing', state: 'given', basis: 'consent', validUntil: IN_24_MONTHS },
      { purpose: 'care', state: 'given', basis: 'consent' },
    ],
    notice: { id: 'privacy', version: '2026-11', hash: notice.hash, language: 'en' },
    method: { channel: 'web', control: 'checkbox' },
    policy: acme.policy.hash,
    rollbackProtection: 'none',
    log: { origin: acme.ledger.origin },
  })
  for (const jws of [receipt, withdrawal]) {
    const text = jws
      .split('.')
      .map((part) => Buffer.from(part, 'base64url').toString())
      .join()
    for (const personal of [...Object.values(ANNA), 'crm-17', 'what we do']) {
      expect(text).not.toContain(personal)
    }
  }
  await acme.close()
})

journey('a receipt claims no more durability than the store has', async (place) => {
  const acme = await openAcme(place.store())
  const { id } = await acme.subjects.register()
  const { receipt } = await acme.consent.withdraw(id, { purposes: ['marketing'] })
  expect(await verifyReceipt(receipt, acme.ledger.publicKeys)).toMatchObject({
    record: { durability: await durabilityOf(place) },
  })
  await acme.close()
})

journey('who was never registered is not found, whatever is asked', async (place) => {
  const { acme } = await openWithAnna(place)
  const notice = await publishNotice(acme)
  const missing = { code: 'not_found', details: { kind: 'subject' } }
  for (const id of ['f'.repeat(32), 'anna', '', '../../p/x', 'F'.repeat(32)]) {
    expect(await refusal(acme.consent.give(id, onPaper(notice, ['marketing'])))).toEqual(missing)
    expect(await refusal(acme.consent.withdraw(id, { purposes: ['marketing'] }))).toEqual(missing)
    expect(await refusal(acme.consent.status(id, 'marketing'))).toEqual(missing)
    expect(await refusal(collect(acme.consent.history(id)))).toEqual(missing)
    expect(await refusal(mayMarket(acme, id))).toEqual(missing)
    expect(await refusal(accessorsOf(acme).support.contact.read(id))).toEqual(missing)
    expect(await refusal(acme.notices.serve(notice, { subjectId: id, language: 'en' }))).toEqual(
      missing,
    )
  }
  await acme.close()
})

journey('purposes that the policy does not have are named by nobody', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const notice = await publishNotice(acme)
  const declared = ['support', 'marketing', 'care', 'analytics']
  const profiling = 'profiling' as 'marketing'
  const expected = {
    code: 'not_declared',
    details: { kind: 'purpose', path: ['purposes', 0], declared },
  }
  expect(await refusal(acme.consent.give(id, onPaper(notice, [profiling])))).toEqual(expected)
  expect(await refusal(acme.consent.withdraw(id, { purposes: [profiling] }))).toEqual(expected)
  const path = ['purpose']
  expect(await refusal(acme.consent.status(id, profiling))).toMatchObject({ details: { path } })
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const purpose = name as 'marketing'
    const ask = { subjectId: id, purpose, actor: ACTORS.marketing }
    expect(await refusal(acme.may(ask))).toMatchObject({ code: 'not_declared' })
  }
  await acme.close()
})

journey('a receipt names no language in which there are no words', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const notice = { ...(await publishNotice(acme)), language: 'fr' }
  expect(await refusal(acme.consent.give(id, onPaper(notice, ['marketing'])))).toMatchObject({
    code: 'not_declared',
    details: { kind: 'language', declared: ['en', 'nl'] },
  })
  await acme.close()
})
