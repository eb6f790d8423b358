import fc from 'fast-check'
import { expect, test } from 'vitest'
import { definePolicy, type JsonObject, memoryAnchor, type NoticeRef, type Store } from 'privity'
import { toKantara } from 'privity/reports'
import { memoryStore } from 'privity/memory'
import { type ReceiptTrust, verifyReceipt, verifyReceiptBundle } from 'privity/verify'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  controller,
  fakeClock,
  giveOnWeb,
  onPaper,
  openAcme,
  policy,
  publishNotice,
  refusal,
} from '../support/acme.ts'
import { durabilityOf, journey, spyStore } from '../support/stores.ts'

const SEED = 20_261_122
const SLOW = 120_000

function trustOf({ ledger: { publicKeys } }: Acme): ReceiptTrust {
  return { jwks: publicKeys.jwks, verifierKeys: publicKeys.verifierKeys }
}

/** The record of a receipt that holds, its decision in a log that signed it. */
async function recordIn(acme: Acme, receipt: string): Promise<JsonObject> {
  const verdict = await verifyReceipt(receipt, trustOf(acme))
  expect(verdict).toMatchObject({ ok: true, log: { verified: 'signed' } })
  return verdict.record ?? {}
}

/** What a record states of the decision, whenever it was signed. */
function statement({
  log: _,
  durability: __,
  rollbackProtection: ___,
  ...rest
}: JsonObject): object {
  return rest
}

async function recordsIn(acme: Acme, receipts: readonly string[]): Promise<readonly JsonObject[]> {
  return Promise.all(receipts.map((receipt) => recordIn(acme, receipt)))
}

/** A yes, a no, a yes again and a withdrawal, a day apart. */
async function openWithStory(store: Store): Promise<{
  readonly acme: Acme
  readonly id: string
  readonly receipts: readonly string[]
}> {
  const clock = fakeClock()
  const acme = await openAcme(store, { clock })
  const { id } = await acme.subjects.register({ jurisdiction: 'NL', externalId: 'crm-17' })
  await accessorsOf(acme).support.contact.create(id, ANNA)
  const given = await giveOnWeb(acme, id, ['marketing', 'care'])
  clock.advance({ days: 1 })
  await acme.consent.withdraw(id, { purposes: ['marketing'] })
  await acme.consent.refuse(id, onPaper(given.notice, ['marketing']))
  clock.advance({ days: 1 })
  const again = await acme.consent.give(id, onPaper(given.notice, ['marketing']))
  const withdrawn = await acme.consent.withdraw(id, { purposes: ['care', 'analytics', 'support'] })
  return { acme, id, receipts: [given.receipt, again.receipt, withdrawn.receipt] }
}

journey('a receipt proves that its decision is in the log', async (place) => {
  const { acme, id, receipts } = await openWithStory(place.store())
  const [first] = await recordsIn(acme, receipts)
  expect(first).toMatchObject({
    subject: { ref: id },
    rollbackProtection: 'none',
    durability: await durabilityOf(place),
    log: { origin: acme.ledger.origin, leaf: expect.any(String), proof: expect.any(Array) },
  })
  const { jwks } = acme.ledger.publicKeys
  for (const receipt of receipts) {
    expect(await verifyReceipt(receipt, { jwks })).toMatchObject({ log: { verified: 'included' } })
    const { log } = await recordIn(acme, receipt)
    const { size } = log as { readonly size: number }
    const { proof: consistency } = await acme.ledger.consistency(BigInt(size))
    const later = { ...trustOf(acme), checkpoint: await acme.ledger.checkpoint(), consistency }
    expect(await verifyReceipt(receipt, later)).toMatchObject({ log: { verified: 'signed' } })
  }
  await acme.close()
})

journey('every decision of a person can be had again, as it was signed then', async (place) => {
  const { acme, id, receipts } = await openWithStory(place.store())
  const all = await recordsIn(acme, await collect(acme.consent.receipts(id)))
  expect(all.map(({ type }) => type)).toEqual([
    'consent.given',
    'consent.withdrawn',
    'consent.refused',
    'consent.given',
    'consent.withdrawn',
  ])
  const signedThen = await recordsIn(acme, receipts)
  expect([all[0], all[3], all[4]].map((it) => statement(it ?? {}))).toEqual(
    signedThen.map(statement),
  )
  const newest = (await acme.ledger.checkpoint()).split('\n')[1]
  for (const { log } of all) expect(String((log as JsonObject)['size'])).toBe(newest)
  await acme.close()

  // Another process, under another policy: what was said then stays as it was said.
  const { hash: _, ...declared } = policy
  const renamed = { ...controller, name: 'Acme Two', contact: 'dpo@acme.example' }
  const later = await openAcme(place.store(), {
    policy: definePolicy({ ...declared, controller: renamed, version: '2' }),
  })
  const same = await recordsIn(later, await collect(later.consent.receipts(id)))
  expect(same.map(statement)).toEqual(all.map(statement))
  const { receipt } = await later.consent.withdraw(id, { purposes: ['marketing'] })
  expect(await recordIn(later, receipt)).toMatchObject({
    controller: { name: 'Acme Two' },
    previousReceiptId: all.at(-1)?.['receiptId'],
  })
  await later.close()
})

journey('each decision names the one before it', async (place) => {
  const { acme, id } = await openWithStory(place.store())
  const all = await recordsIn(acme, await collect(acme.consent.receipts(id)))
  const ids = all.map((record) => record['receiptId'])
  expect(new Set(ids).size).toBe(5)
  expect(all.map((record) => record['previousReceiptId'])).toEqual([undefined, ...ids.slice(0, -1)])
  await acme.close()
})

journey('a bundle holds all decisions of one person under one checkpoint', async (place) => {
  const { acme, id } = await openWithStory(place.store())
  const { id: bram } = await acme.subjects.register()
  await giveOnWeb(acme, bram, ['care'])
  const verdict = await verifyReceiptBundle(await acme.consent.bundle(id), trustOf(acme))
  expect(verdict).toMatchObject({ ok: true, log: { verified: 'signed' } })
  const all = await recordsIn(acme, await collect(acme.consent.receipts(id)))
  expect(verdict.records?.map(statement)).toEqual(all.map(statement))

  const { id: cleo } = await acme.subjects.register()
  const empty = await acme.consent.bundle(cleo)
  expect(await verifyReceiptBundle(empty, trustOf(acme))).toEqual({
    ok: true,
    records: [],
    log: { verified: 'signed' },
  })
  expect(await collect(acme.consent.receipts(cleo))).toEqual([])
  await acme.close()
})

journey('an operation that is asked for again has the same receipt', async (place) => {
  const clock = fakeClock()
  const acme = await openAcme(place.store(), { clock })
  const { id } = await acme.subjects.register()
  const notice = await publishNotice(acme)
  const input = onPaper(notice, ['marketing', 'care'])
  const first = await acme.consent.give(id, input, { operationId: 'give-1' })
  const second = await acme.consent.withdraw(
    id,
    { purposes: ['care', 'analytics', 'support'] },
    { operationId: 'withdraw-1' },
  )
  clock.advance({ days: 3 })
  await acme.consent.give(id, input)
  const firstAgain = await acme.consent.give(id, input, { operationId: 'give-1' })
  const secondAgain = await acme.consent.withdraw(
    id,
    { purposes: ['care', 'analytics', 'support'] },
    { operationId: 'withdraw-1' },
  )
  expect(secondAgain.outcomes).toEqual(second.outcomes)
  const then = await recordsIn(acme, [first.receipt, second.receipt])
  const now = await recordsIn(acme, [firstAgain.receipt, secondAgain.receipt])
  expect(now.map(statement)).toEqual(then.map(statement))
  expect(await collect(acme.consent.receipts(id))).toHaveLength(3)
  await acme.close()
})

journey('who is erased has no receipts left, and those they keep still hold', async (place) => {
  const { acme, id, receipts } = await openWithStory(place.store())
  const bundle = await acme.consent.bundle(id)
  const trust = trustOf(acme)
  await acme.erasure.erase(id, { reason: 'subject_request' })
  const erased = { code: 'erased', details: { kind: 'subject' } }
  expect(await refusal(collect(acme.consent.receipts(id)))).toEqual(erased)
  expect(await refusal(acme.consent.bundle(id))).toEqual(erased)
  await acme.close()
  for (const receipt of receipts) {
    expect(await verifyReceipt(receipt, trust)).toMatchObject({ log: { verified: 'signed' } })
  }
  expect(await verifyReceiptBundle(bundle, trust)).toMatchObject({ ok: true })
})

journey(
  'who is erased while their receipts are read is erased, and not cut short',
  async (place) => {
    const { acme, id } = await openWithStory(place.store())
    const reading = acme.consent.receipts(id)[Symbol.asyncIterator]()
    await reading.next()
    await acme.erasure.erase(id, { reason: 'subject_request' })
    const rest = async (): Promise<void> => {
      for (;;) if ((await reading.next()).done === true) return
    }
    expect(await refusal(rest())).toEqual({ code: 'erased', details: { kind: 'subject' } })
    await acme.close()
  },
)

journey('who was never registered has no receipts', async (place) => {
  const acme = await openAcme(place.store())
  const missing = { code: 'not_found', details: { kind: 'subject' } }
  for (const id of ['f'.repeat(32), 'anna', '', '../../p/x']) {
    expect(await refusal(collect(acme.consent.receipts(id)))).toEqual(missing)
    expect(await refusal(acme.consent.bundle(id))).toEqual(missing)
  }
  for (const id of [undefined, null, 7, {}] as never[]) {
    expect(await refusal(acme.consent.bundle(id))).toMatchObject({ code: 'invalid_input' })
    expect(await refusal(collect(acme.consent.receipts(id)))).toMatchObject({
      code: 'invalid_input',
    })
  }
  await acme.close()
})

journey('a decision taken out of the store is missed', async (place) => {
  const { acme, id } = await openWithStory(place.store())
  await acme.close()
  const bodies = (await place.rows()).map(([key]) => key).filter((key) => key.includes(`${id}/e/`))
  const store = place.store()
  await store.open()
  const lost = bodies.at(-2) ?? ''
  await store.commit({ checks: [], put: [], del: [lost] })
  await store.close()
  const later = await openAcme(place.store())
  const missed = { code: 'store_corrupt', details: { reason: 'missing_row' } }
  expect(await refusal(collect(later.consent.receipts(id)))).toEqual(missed)
  expect(await refusal(later.consent.bundle(id))).toEqual(missed)
  await later.close()
})

journey('no receipt holds more of a person than their random id', async (place) => {
  const { acme, id, receipts } = await openWithStory(place.store())
  const papers = [
    ...receipts,
    ...(await collect(acme.consent.receipts(id))),
    await acme.consent.bundle(id),
  ]
  for (const paper of papers) {
    const texts = paper.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'))
    for (const personal of [...Object.values(ANNA), 'crm-17', 'what we do', 'staff:']) {
      expect(texts.join('\n')).not.toContain(personal)
    }
  }
  await acme.close()
})

journey('decisions that are made at once stand in one chain', async (place) => {
  const acme = await openAcme(place.store())
  const { id } = await acme.subjects.register()
  const notice = await publishNotice(acme)
  const given = await Promise.all(
    Array.from({ length: 40 }, () => acme.consent.give(id, onPaper(notice, ['marketing']))),
  )
  const bundle = acme.consent.bundle(id)
  // What others do meanwhile does not tear the bundle: it is under one checkpoint.
  const others = Array.from({ length: 20 }, () => acme.subjects.register())
  expect(await verifyReceiptBundle(await bundle, trustOf(acme))).toMatchObject({ ok: true })
  await Promise.all(others)
  const ids = await recordsIn(
    acme,
    given.map(({ receipt }) => receipt),
  )
  const all = await recordsIn(acme, await collect(acme.consent.receipts(id)))
  expect(all.map((record) => record['receiptId']).toSorted()).toEqual(
    ids.map((record) => record['receiptId']).toSorted(),
  )
  await acme.close()
})

journey('a receipt says whether a store that is set back would be noticed', async (place) => {
  const acme = await openAcme(place.store(), { anchor: memoryAnchor() })
  const { id } = await acme.subjects.register()
  const once = { operationId: 'withdraw-1' }
  const first = await acme.consent.withdraw(id, { purposes: ['marketing'] }, once)
  const again = await acme.consent.withdraw(id, { purposes: ['marketing'] }, once)
  const all = await collect(acme.consent.receipts(id))
  for (const record of await recordsIn(acme, [first.receipt, again.receipt, ...all]))
    expect(record).toMatchObject({ rollbackProtection: 'anchored' })
  await acme.close()
})

journey('receipts of people in several logs hold just the same', async (place) => {
  const acme = await openAcme(place.store(), { shards: 4 })
  const notice = await publishNotice(acme)
  const origins = new Set<unknown>()
  for (let person = 0; person < 12; person += 1) {
    const { id } = await acme.subjects.register()
    const input = onPaper(notice, ['marketing'])
    const { receipt } = await acme.consent.give(id, input, { operationId: 'give-1' })
    const again = await acme.consent.give(id, input, { operationId: 'give-1' })
    await acme.consent.withdraw(id, { purposes: ['marketing', 'care'] })
    const [then = {}, now = {}] = await recordsIn(acme, [receipt, again.receipt])
    expect(statement(now)).toEqual(statement(then))
    origins.add((then['log'] as JsonObject)['origin'])
    const bundle = await verifyReceiptBundle(await acme.consent.bundle(id), trustOf(acme))
    expect(bundle).toMatchObject({ ok: true, log: { verified: 'signed' } })
    expect(bundle.records).toHaveLength(2)
  }
  expect(origins.size).toBeGreaterThan(1)
  await acme.close()
})

test('a receipt of an operation that was committed costs no further read', async () => {
  const { store, traffic } = spyStore(memoryStore())
  const acme = await openAcme(store)
  const { id } = await acme.subjects.register()
  await acme.consent.withdraw(id, { purposes: ['marketing'] })
  traffic.keys.clear()
  await acme.consent.withdraw(id, { purposes: ['marketing'] })
  expect([...traffic.keys].filter((key) => /\/l\/n\//.test(key))).toEqual([])
  await acme.close()
})

const CONSENTS = ['marketing', 'care'] as const
const ACTS = ['give', 'refuse', 'withdraw', 'wait', 'else', 'again'] as const
interface Step {
  readonly act: (typeof ACTS)[number]
  readonly purposes: readonly (typeof CONSENTS)[number][]
}

interface Desk {
  readonly acme: Acme
  readonly id: string
  readonly notice: NoticeRef
  readonly clock: ReturnType<typeof fakeClock>
}

/** What a person was given for a decision; nothing for a refusal, and undefined when nothing was decided. */
type Given = { readonly receipt?: string } | undefined

const DO: {
  readonly [A in Step['act']]: (desk: Desk, purposes: Step['purposes']) => Promise<Given>
} = {
  give: ({ acme, id, notice }, purposes) => acme.consent.give(id, onPaper(notice, purposes)),
  withdraw: ({ acme, id }, purposes) => acme.consent.withdraw(id, { purposes }),
  refuse: ({ acme, id, notice }, purposes) =>
    acme.consent.refuse(id, onPaper(notice, purposes)).then(
      () => ({}),
      // What was given cannot be refused.
      () => undefined,
    ),
  wait: async ({ clock }) => clock.advance({ days: 200 }) as undefined,
  else: async ({ acme }) => {
    const { id } = await acme.subjects.register()
    await acme.consent.withdraw(id, { purposes: ['care'] })
    return undefined
  },
  again: ({ acme, id }) =>
    acme.consent.withdraw(id, { purposes: ['care'] }, { operationId: 'again' }),
}

async function play(desk: Desk, steps: readonly Step[]): Promise<readonly { receipt?: string }[]> {
  const given: { receipt?: string }[] = []
  const done = new Set<Step['act']>()
  for (const { act, purposes } of steps) {
    const outcome = await DO[act](desk, purposes)
    if (outcome !== undefined && !(act === 'again' && done.has(act))) given.push(outcome)
    done.add(act)
  }
  return given
}

test('whatever people decide, their receipts are one unbroken chain', {
  timeout: SLOW,
}, async () => {
  const clock = fakeClock()
  const acme = await openAcme(memoryStore(), { clock })
  const notice = await publishNotice(acme)
  const purposes = fc.subarray([...CONSENTS], { minLength: 1 })
  const story = fc.array(fc.record({ act: fc.constantFrom(...ACTS), purposes }), { maxLength: 14 })
  await fc.assert(
    fc.asyncProperty(story, async (steps) => {
      const { id } = await acme.subjects.register()
      const given = await play({ acme, id, notice, clock }, steps)
      const verdict = await verifyReceiptBundle(await acme.consent.bundle(id), trustOf(acme))
      expect(verdict.ok).toBe(true)
      const all = await recordsIn(acme, await collect(acme.consent.receipts(id)))
      expect(verdict.records?.map(statement)).toEqual(all.map(statement))
      expect(all).toHaveLength(given.length)
      for (const [at, { receipt }] of given.entries()) {
        if (receipt === undefined) continue
        expect(statement(await recordIn(acme, receipt))).toEqual(statement(all[at] ?? {}))
      }
    }),
    { numRuns: 150, seed: SEED, endOnFailure: true },
  )
  await acme.close()
})

journey('what was granted can be shown to other systems', async (place) => {
  const { acme, receipts } = await openWithStory(place.store())
  const [given] = await recordsIn(acme, receipts)
  const rendered = toKantara(given ?? {}, {
    controller: {
      address: { addressCountry: 'NL' },
      email: 'privacy@acme.example',
      phone: '+31 20 000',
    },
    noticeUrl: 'https://acme.example/privacy',
    jurisdictions: ['NL'],
    withdrawal: { method: 'account page' },
    service: 'Acme',
    purposes: {
      marketing: { personalData: [{ type: 'pd:EmailAddress' }], recipients: [] },
      care: { personalData: [{ type: 'pd:Health', special: true }], recipients: [] },
    },
  })
  expect(rendered.services[0]?.purposes.map(({ consentType }) => consentType)).toEqual([
    'EXPRESSED (web: checkbox)',
    'EXPLICIT',
  ])
  await acme.close()
})
