import { inspect } from 'node:util'
import { expect, test, vi } from 'vitest'
import type { ErasureHook, HookContext, HookItem, HookOutcome } from 'privity'
import { memoryStore } from 'privity/memory'
import { verifyCertificate } from 'privity/verify'
import {
  accessorsOf,
  type Acme,
  type AcmeOptions,
  ACTORS,
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
  START,
} from '../support/acme.ts'
import { dyingStore, journey, type Place, PLACES, spyStore } from '../support/stores.ts'

const ASK = { reason: 'subject_request' }
const ERASED = { code: 'erased', details: { kind: 'subject' } }
const NOW = '2026-11-21T09:00:00.000Z'

/** Anna, with a bit of everything that a person can have. */
async function addAnna(acme: Acme): Promise<string> {
  const { id } = await acme.subjects.register({ externalId: 'crm-17', jurisdiction: 'NL' })
  const { support, care } = accessorsOf(acme)
  await support.contact.create(id, { ...ANNA, phone: '+31 20 1234567' })
  await giveOnWeb(acme, id, ['marketing', 'care'])
  await care.contact.update(id, { allergies: 'nuts' })
  await support.ticket.create(id, { text: 'help', channel: 'mail' })
  await support.ticket.create(id, { text: 'thanks' }, { operationId: 'form-1' })
  await support.contact.read(id)
  return id
}

async function openWithAnna(
  place: Place,
  options: AcmeOptions = {},
): Promise<{ readonly acme: Acme; readonly id: string }> {
  const acme = await openAcme(place.store(), options)
  return { acme, id: await addAnna(acme) }
}

interface Script {
  readonly id?: string
  readonly needsPlaintext?: boolean
  readonly plan?: (context: HookContext) => unknown
  readonly execute?: (item: HookItem, context: HookContext) => unknown
  readonly verify?: (item: HookItem, context: HookContext) => unknown
}

const ITEM: HookItem = { id: 'row-1', description: 'row in the mailing list', count: 1 }

/** A hook into another system, as well-behaved as its script. */
function hook({ id = 'mailing', needsPlaintext, ...script }: Script = {}): ErasureHook & {
  readonly calls: readonly string[]
} {
  const calls: string[] = []
  return {
    id,
    calls,
    ...(needsPlaintext === undefined ? {} : { needsPlaintext }),
    plan: async (context) => {
      calls.push('plan')
      return (await (script.plan?.(context) ?? [ITEM])) as readonly HookItem[]
    },
    execute: async (item, context) => {
      calls.push('execute')
      return (await (script.execute?.(item, context) ?? 'done')) as HookOutcome
    },
    verify: async (item, context) => {
      calls.push('verify')
      return (await (script.verify?.(item, context) ?? 'absent')) as 'absent'
    },
  }
}

async function keysNaming(place: Place, id: string): Promise<readonly string[]> {
  return (await place.rows()).map(([key]) => key).filter((key) => key.includes(id))
}

async function expectErased(place: Place, acme: Acme, id: string): Promise<void> {
  const keys = await keysNaming(place, id)
  expect(keys.map((key) => key.slice(17))).toEqual([`p/${id}`])
  const families = new Set((await place.rows()).map(([key]) => key.slice(17, 18)))
  for (const family of ['t', 'u', 'y']) expect(families).not.toContain(family)
  const { support } = accessorsOf(acme)
  expect(await refusal(support.contact.read(id))).toEqual(ERASED)
  expect(await acme.subjects.find({ externalId: 'crm-17' })).toBeUndefined()
  expect(await collect(support.contact.find({ email: ANNA.email }))).toEqual([])
  expect(await collect(support.contact.list())).toEqual([])
  expect(await collect(support.ticket.list())).toEqual([])
  expect(await acme.ledger.verify()).toMatchObject({ ok: true, faults: [] })
}

journey('an erasure leaves nothing of a person but a fence', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const certificate = await acme.erasure.erase(id, ASK)
  expect(await verifyCertificate(certificate, acme.ledger.publicKeys)).toMatchObject({ ok: true })
  await expectErased(place, acme, id)
  await acme.close()
})

journey('nothing can be done with an erased person any more', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const notice = await publishNotice(acme)
  const { recordId } = await accessorsOf(acme).support.ticket.create(id, { text: 'x' })
  await acme.erasure.erase(id, ASK)
  const later = await openAcme(place.store())
  for (const instance of [acme, later]) {
    const { support } = accessorsOf(instance)
    for (const attempt of [
      () => support.contact.read(id),
      () => support.contact.create(id, ANNA),
      () => support.contact.update(id, { name: 'x' }),
      () => support.ticket.read(id, recordId),
      () => support.ticket.create(id, { text: 'x' }),
      () => support.ticket.create(id, { text: 'thanks' }, { operationId: 'form-1' }),
      () => support.ticket.remove(id, recordId),
      () => collect(support.ticket.list({ subjectId: id })),
      () => instance.consent.give(id, onPaper(notice, ['marketing'])),
      () => instance.consent.withdraw(id, { purposes: ['marketing'] }),
      () => instance.consent.status(id, 'marketing'),
      () => collect(instance.consent.history(id)),
      () => instance.notices.serve(notice, { subjectId: id, language: 'en' }),
      () => instance.erasure.plan(id, ASK),
      () => instance.erasure.erase(id, ASK),
    ]) {
      expect(await refusal(attempt)).toEqual(ERASED)
    }
    const ask = { subjectId: id, purpose: 'support', actor: ACTORS.support } as const
    expect(await instance.may(ask)).toEqual({ allowed: false, reasons: ['erased'] })
  }
  await later.close()
  await acme.close()
})

journey('who was erased may register anew, as somebody else', async (place) => {
  const { acme, id } = await openWithAnna(place)
  await acme.erasure.erase(id, ASK)
  expect(await refusal(acme.subjects.register({ externalId: 'crm-17' }))).toMatchObject({
    code: 'suppressed',
  })
  const back = { externalId: 'crm-17', reason: 'new_contract' }
  const again = await acme.subjects.reauthorise(back)
  expect(again.id).not.toBe(id)
  expect(await acme.subjects.find({ externalId: 'crm-17' })).toEqual(again)
  await acme.close()
})

journey('others keep everything when one is erased', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { id: bram } = await acme.subjects.register({ externalId: 'crm-18' })
  const { support } = accessorsOf(acme)
  await support.contact.create(bram, { ...ANNA, name: 'Bram', phone: '+31 20 1234567' })
  const { recordId } = await support.ticket.create(bram, { text: 'mine', channel: 'mail' })
  await giveOnWeb(acme, bram, ['marketing'])
  await acme.erasure.erase(id, ASK)
  expect(await support.contact.read(bram)).toMatchObject({ name: 'Bram' })
  expect(await support.ticket.read(bram, recordId)).toMatchObject({ text: 'mine' })
  for (const where of [{ email: ANNA.email }, { phone: '+31201234567' }]) {
    const found = await collect(support.contact.find(where))
    expect(found.map(({ subjectId }) => subjectId)).toEqual([bram])
  }
  expect(await collect(support.ticket.find({ channel: 'mail' }))).toHaveLength(1)
  expect(await acme.subjects.find({ externalId: 'crm-18' })).toEqual({ id: bram })
  expect(await collect(acme.consent.history(bram))).toHaveLength(1)
  await acme.close()
})

journey('the certificate says what was destroyed, and names nobody', async (place) => {
  const mailing = hook()
  const { acme, id } = await openWithAnna(place, { hooks: [mailing] })
  const before = await keysNaming(place, id)
  const plan = await acme.erasure.plan(id, ASK)
  const jws = await acme.erasure.run(plan)
  const { ok, certificate } = await verifyCertificate(jws, acme.ledger.publicKeys)
  expect(ok).toBe(true)
  // All rows that name the person but the document, which became the fence; and the external id.
  const rows = before.length - 1 + 1
  expect(certificate).toMatchObject({
    schemaVersion: 'privity.erasure/1',
    erasureId: plan.erasureId,
    subject: { ref: id },
    controller: { id: 'acme' },
    scope: 'all',
    reason: 'subject_request',
    plannedAt: NOW,
    startedAt: NOW,
    destroyedAt: NOW,
    completedAt: NOW,
    planHash: plan.hash,
    irrecoverableBy: 'backup_expiry',
    policy: acme.policy.hash,
    result: 'completed',
    log: { origin: acme.ledger.origin },
    totals: { keys: 6, rows },
    verification: { method: 'full', hooks: 1, result: 'absent' },
  })
  expect(certificate?.['method']).toContainEqual({ kind: 'hook', hook: 'mailing', items: 1 })
  expect(certificate?.['storage']).toEqual(
    place.store().scrub === undefined
      ? { scrubbed: false, cleared: [], remains: ['not_supported_by_the_store'] }
      : { scrubbed: true, cleared: ['page_slack', 'write_ahead_log'], remains: [] },
  )
  const text = JSON.stringify(certificate)
  for (const personal of [...Object.values(ANNA), 'crm-17', 'nuts', '1234567']) {
    expect(text).not.toContain(personal)
  }
  await acme.close()
})

journey('the certificate counts each row once', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const jws = await acme.erasure.erase(id, ASK)
  const { certificate = {} } = await verifyCertificate(jws, acme.ledger.publicKeys)
  const { totals, verification } = certificate as {
    totals: { rows: number; lookupRows: number }
    verification: { rows: number }
  }
  // "Rows that were looked for and not found": those that were deleted.
  expect(verification.rows).toBe(totals.rows)
  // Holders and the external id are no lookup rows: contact has two and a ticket has one.
  expect(totals.lookupRows).toBe(3)
  await acme.close()
})

journey('a plan tells what will go, changes nothing, and is what is run', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const before = await keysNaming(place, id)
  const plan = await acme.erasure.plan(id, ASK)
  expect(plan.items).toEqual(
    expect.arrayContaining([
      { what: 'keys', count: 6, action: 'destroy' },
      { what: 'records', count: 3, action: 'delete' },
      { what: 'lookup rows', count: 3, action: 'delete' },
      { what: 'external id', count: 1, action: 'delete' },
    ]),
  )
  expect(Object.isFrozen(plan.items)).toBe(true)
  expect(await keysNaming(place, id)).toEqual(before)
  expect(await accessorsOf(acme).support.contact.read(id)).toMatchObject({ name: 'Anna' })

  const otherHash = { ...plan, hash: 'A'.repeat(43) }
  expect(await refusal(acme.erasure.run(otherHash))).toEqual({
    code: 'invalid_input',
    details: { issues: [{ path: ['plan', 'hash'], code: 'other_plan' }] },
  })
  const missing = { code: 'not_found', details: { kind: 'erasure' } }
  for (const erasureId of ['f'.repeat(32), 'x', '', id]) {
    expect(await refusal(acme.erasure.run({ ...plan, erasureId }))).toEqual(missing)
    expect(await refusal(acme.erasure.resume(erasureId))).toEqual(missing)
  }
  expect(await accessorsOf(acme).support.contact.read(id)).toMatchObject({ name: 'Anna' })
  await acme.erasure.run(structuredClone(plan))
  await expectErased(place, acme, id)
  await acme.close()
})

journey('a plan whose lines were changed is not run', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const plan = await acme.erasure.plan(id, ASK)
  const shown = { ...plan, items: plan.items.slice(1) }
  expect(await refusal(acme.erasure.run(shown))).toMatchObject({ code: 'invalid_input' })
  expect(await accessorsOf(acme).support.contact.read(id)).toMatchObject({ name: 'Anna' })
  await acme.close()
})

journey('a plan that was run gives the same certificate again', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const plan = await acme.erasure.plan(id, ASK)
  const certificate = await acme.erasure.run(plan)
  expect(await acme.erasure.run(plan)).toBe(certificate)
  expect(await acme.erasure.resume(plan.erasureId)).toBe(certificate)
  const later = await openAcme(place.store())
  expect(await later.erasure.resume(plan.erasureId)).toBe(certificate)
  await later.close()
  await acme.close()
})

journey(
  'of two plans for one person one is run, and the other finds them erased',
  async (place) => {
    const { acme, id } = await openWithAnna(place)
    const [first, second] = await Promise.all([
      acme.erasure.plan(id, ASK),
      acme.erasure.plan(id, { reason: 'retention' }),
    ])
    await acme.erasure.run(first)
    expect(await refusal(acme.erasure.run(second))).toEqual(ERASED)
    await expectErased(place, acme, id)
    await acme.close()
  },
)

journey('what is stored between plan and run is erased too', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const plan = await acme.erasure.plan(id, ASK)
  await accessorsOf(acme).support.ticket.create(id, { text: 'late', channel: 'phone' })
  await acme.erasure.run(plan)
  await expectErased(place, acme, id)
  await acme.close()
})

journey('two processes that go on with one erasure agree on its certificate', async (place) => {
  const clock = eagerClock()
  const { acme, id } = await openWithAnna(place, { clock })
  const other = await openAcme(place.store(), { clock: eagerClock(clock.now() + 60_000) })
  const plan = await acme.erasure.plan(id, ASK)
  const outcomes = await Promise.allSettled([
    acme.erasure.run(plan),
    other.erasure.run(plan),
    acme.erasure.resume(plan.erasureId),
  ])
  const certificate = await acme.erasure.resume(plan.erasureId)
  for (const outcome of outcomes) {
    // Whoever lost a race may say so, but nobody hands out another certificate.
    if (outcome.status === 'fulfilled') expect(outcome.value).toBe(certificate)
    else expect(outcome.reason).toMatchObject({ code: 'write_conflict' })
  }
  await expectErased(place, acme, id)
  await other.close()
  await acme.close()
})

journey(
  'from the fence on nobody reads or writes, while hooks are still at work',
  async (place) => {
    const seen: unknown[] = []
    const readers: Acme[] = []
    const nosy = hook({
      needsPlaintext: true,
      execute: async (_, { subjectId }) => {
        for (const reader of readers) {
          const { support } = accessorsOf(reader)
          for (const attempt of [
            () => support.contact.read(subjectId),
            () => support.contact.update(subjectId, { name: 'x' }),
            () => reader.consent.withdraw(subjectId, { purposes: ['care'] }),
          ]) {
            seen.push(await refusal(attempt))
          }
          seen.push(await collect(support.contact.list()))
          seen.push(await collect(support.contact.find({ email: ANNA.email })))
        }
        return 'done'
      },
    })
    const { acme, id } = await openWithAnna(place, { hooks: [nosy] })
    const other = await openAcme(place.store())
    await accessorsOf(other).support.contact.read(id)
    readers.push(acme, other)
    await acme.erasure.erase(id, ASK)
    const each = [ERASED, ERASED, ERASED, [], []]
    expect(seen).toEqual([...each, ...each])
    await other.close()
    await acme.close()
  },
)

journey('writes that race with an erasure are applied before it or not at all', async (place) => {
  const { acme, id } = await openWithAnna(place, { clock: eagerClock() })
  const other = await openAcme(place.store(), { clock: eagerClock() })
  const erasing = acme.erasure.erase(id, ASK)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 40 }, (_, n) =>
      accessorsOf(n % 2 === 0 ? acme : other).support.ticket.create(id, { text: `t${n}` }),
    ),
  )
  await erasing
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'erased' })
  }
  await expectErased(place, acme, id)
  await other.close()
  await acme.close()
})

for (const outcome of ['done', 'already_done'] as const) {
  journey(`a hook that is ${outcome} is in the certificate`, async (place) => {
    const mailing = hook({ execute: () => outcome })
    const { acme, id } = await openWithAnna(place, { hooks: [mailing] })
    await acme.erasure.erase(id, ASK)
    expect(mailing.calls).toEqual(['plan', 'execute', 'verify'])
    await acme.close()
  })
}

/** By then whatever failed once is due again. */
const DAY = 86_400_000

const FAILURES: readonly {
  readonly title: string
  readonly script: (fails: () => boolean) => Script
}[] = [
  {
    title: 'wants to be asked later',
    script: (fails) => ({
      execute: () => (fails() ? { retryAfter: { hours: 1 }, why: 'marker-17' } : 'done'),
    }),
  },
  {
    title: 'is blocked',
    script: (fails) => ({ execute: () => (fails() ? { blocked: 'marker-17' } : 'done') }),
  },
  {
    title: 'throws',
    script: (fails) => ({
      execute: () => {
        if (fails()) throw new Error('marker-17')
        return 'done'
      },
    }),
  },
  {
    title: 'answers what no hook may answer',
    script: (fails) => ({ execute: () => (fails() ? 'gone, I think' : 'done') }),
  },
  {
    title: 'cannot tell whether it is gone',
    script: (fails) => ({ verify: () => (fails() ? 'unknown' : 'absent') }),
  },
  {
    title: 'throws when it is verified',
    script: (fails) => ({
      verify: () => {
        if (fails()) throw new Error('marker-17')
        return 'absent'
      },
    }),
  },
]

for (const { title, script } of FAILURES) {
  for (const needsPlaintext of [false, true]) {
    const kind = needsPlaintext ? 'before' : 'after'
    journey(
      `a hook that runs ${kind} the keys go and ${title} is run again by resume`,
      async (place) => {
        let fails = true
        const failing = hook({ needsPlaintext, ...script(() => fails) })
        const fine = hook({ id: 'fine' })
        const { acme, id } = await openWithAnna(place, { hooks: [failing, fine] })
        const plan = await acme.erasure.plan(id, ASK)
        const { erasureId } = plan
        const incomplete = {
          code: 'erasure_incomplete',
          details: { erasureId, failing: ['mailing'] },
        }
        const error = await caught(acme.erasure.run(plan))
        expect(error).toMatchObject(incomplete)
        expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('marker-17')
        expect(await refusal(acme.erasure.resume(erasureId))).toMatchObject(incomplete)
        expect(await refusal(accessorsOf(acme).support.contact.read(id))).toEqual(ERASED)
        await acme.close()

        fails = false
        const clock = fakeClock(START + DAY)
        const later = await openAcme(place.store(), { hooks: [fine, failing], clock })
        const certificate = await later.erasure.resume(erasureId)
        const { jwks } = later.ledger.publicKeys
        expect(await verifyCertificate(certificate, { jwks })).toMatchObject({ ok: true })
        expect(fine.calls.filter((call) => call === 'execute')).toHaveLength(1)
        await expectErased(place, later, id)
        await later.close()
      },
    )
  }
}

journey('a hook that lied is run again, or it could never finish', async (place) => {
  let rows = 1
  let lies = true
  const liar = hook({
    execute: () => {
      if (!lies) rows = 0
      return 'done'
    },
    verify: () => (rows === 0 ? 'absent' : { residual: rows }),
  })
  const clock = fakeClock()
  const { acme, id } = await openWithAnna(place, { hooks: [liar], clock })
  const plan = await acme.erasure.plan(id, ASK)
  expect(await refusal(acme.erasure.run(plan))).toMatchObject({
    code: 'erasure_incomplete',
    details: { failing: ['mailing'] },
  })
  lies = false
  clock.advance(DAY)
  await acme.erasure.resume(plan.erasureId)
  expect(rows).toBe(0)
  await acme.close()
})

journey('a hook that hangs fails for now, and is told to stop', async (place) => {
  const aborted: boolean[] = []
  let hangs = true
  const hanging = hook({
    execute: (_, { signal }) => {
      if (!hangs) return 'done'
      signal.addEventListener('abort', () => aborted.push(true))
      return new Promise(() => undefined)
    },
  })
  const clock = fakeClock()
  const { acme, id } = await openWithAnna(place, { hooks: [hanging], clock })
  const plan = await acme.erasure.plan(id, ASK)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const running = refusal(acme.erasure.run(plan))
    while (!hanging.calls.includes('execute')) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    vi.advanceTimersByTime(60_000)
    expect(await running).toMatchObject({
      code: 'erasure_incomplete',
      details: { failing: ['mailing'] },
    })
  } finally {
    vi.useRealTimers()
  }
  expect(aborted).toEqual([true])
  hangs = false
  clock.advance(DAY)
  await acme.erasure.resume(plan.erasureId)
  await expectErased(place, acme, id)
  await acme.close()
})

const BAD_PLANS: readonly { readonly title: string; readonly plan: () => unknown }[] = [
  {
    title: 'throws',
    plan: () => {
      throw new Error('marker-17')
    },
  },
  { title: 'gives no list', plan: () => ({ length: 1, 0: ITEM }) },
  { title: 'gives one item twice', plan: () => [ITEM, ITEM] },
  { title: 'gives a count that is none', plan: () => [{ ...ITEM, count: -1 }] },
  { title: 'gives an item without id', plan: () => [{ ...ITEM, id: '' }] },
  {
    title: 'gives an item whose property throws',
    plan: () => [
      {
        ...ITEM,
        get id(): string {
          throw new Error('marker-17')
        },
      },
    ],
  },
]

for (const { title, plan } of BAD_PLANS) {
  journey(`when the plan of a hook ${title} nothing is erased`, async (place) => {
    const { acme, id } = await openWithAnna(place, {
      hooks: [hook({ plan }), hook({ id: 'fine' })],
    })
    const error = await caught(acme.erasure.erase(id, ASK))
    expect(error).toMatchObject({ code: 'erasure_incomplete', details: { failing: ['mailing'] } })
    expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('marker-17')
    expect(await accessorsOf(acme).support.contact.read(id)).toMatchObject({ name: 'Anna' })
    await acme.close()
  })
}

// The message of erasure_incomplete tells to call resume() with details.erasureId.
journey(
  'an erasure that could not be planned can be resumed by the id in its error',
  async (place) => {
    let fails = true
    const mailing = hook({
      plan: () => {
        if (fails) throw new Error('down')
        return [ITEM]
      },
    })
    const { acme, id } = await openWithAnna(place, { hooks: [mailing] })
    const { details } = await caught(acme.erasure.erase(id, ASK))
    fails = false
    await acme.erasure.resume((details as { erasureId: string }).erasureId)
    await expectErased(place, acme, id)
    await acme.close()
  },
)

journey('a hook that is no longer installed blocks the certificate', async (place) => {
  const { acme, id } = await openWithAnna(place, { hooks: [hook()] })
  const plan = await acme.erasure.plan(id, ASK)
  await acme.close()
  const without = await openAcme(place.store())
  expect(await refusal(without.erasure.run(plan))).toMatchObject({
    code: 'erasure_incomplete',
    details: { erasureId: plan.erasureId, failing: ['mailing'] },
  })
  await without.close()
  const again = await openAcme(place.store(), { hooks: [hook()] })
  await again.erasure.resume(plan.erasureId)
  await expectErased(place, again, id)
  await again.close()
})

journey(
  'a hook that needs plaintext reads it while it can be read, and no longer',
  async (place) => {
    const contexts: HookContext[] = []
    const reads: unknown[] = []
    const mailing = hook({
      needsPlaintext: true,
      plan: async (context) => {
        contexts.push(context)
        reads.push(await context.read('contact', ['email']))
        return [ITEM]
      },
      execute: async (_, context) => {
        contexts.push(context)
        reads.push(await context.read('contact', ['email', 'allergies', 'language']))
        return 'done'
      },
      verify: (_, context) => {
        contexts.push(context)
        return 'absent'
      },
    })
    const { acme, id } = await openWithAnna(place, { hooks: [mailing] })
    await acme.erasure.erase(id, ASK)
    expect(reads).toEqual([
      { email: ANNA.email },
      { email: ANNA.email, allergies: 'nuts', language: 'en' },
    ])
    expect(contexts).toHaveLength(3)
    for (const context of contexts) {
      const late = context.read('contact', ['email']).catch(({ code }: { code: string }) => code)
      expect(await late).not.toHaveProperty('email')
    }
    await acme.close()
  },
)

journey('a hook is told who it is about, and reads only what it declared', async (place) => {
  const seen: unknown[] = []
  const plain = hook({
    plan: async ({ read, list, signal, ...context }) => {
      seen.push(context, await refusal(read('contact', ['email'])))
      return []
    },
  })
  const nosy = hook({
    id: 'nosy',
    needsPlaintext: true,
    plan: async ({ read }) => {
      seen.push(
        await refusal(read('contact', ['shoeSize'])),
        await refusal(read('orders', ['email'])),
        await refusal(read('ticket', ['text'])),
      )
      return []
    },
  })
  const { acme, id } = await openWithAnna(place, { hooks: [plain, nosy] })
  const { erasureId } = await acme.erasure.plan(id, ASK)
  expect(seen).toEqual(
    expect.arrayContaining([
      { erasureId, subjectId: id, externalId: 'crm-17' },
      expect.objectContaining({ code: 'not_permitted' }),
      expect.objectContaining({ code: 'not_declared' }),
      expect.objectContaining({ code: 'not_supported' }),
    ]),
  )
  await acme.close()
})

journey('a run tells how far it is, and can be stopped and resumed', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const plan = await acme.erasure.plan(id, ASK)
  const stop = new AbortController()
  const progress: (readonly [number, number])[] = []
  const run = acme.erasure.run(plan, {
    signal: stop.signal,
    onProgress: (done, of) => {
      progress.push([done, of])
      if (done === 2) stop.abort(new Error('enough'))
    },
  })
  await expect(run).rejects.toThrow('enough')
  expect(await refusal(accessorsOf(acme).support.contact.read(id))).toEqual(ERASED)
  await acme.erasure.resume(plan.erasureId)
  expect(progress.map(([done]) => done)).toEqual([1, 2])
  expect(new Set(progress.map(([, of]) => of)).size).toBe(1)
  await expectErased(place, acme, id)
  await acme.close()
})

journey('a progress callback that throws harms nothing', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const plan = await acme.erasure.plan(id, ASK)
  await acme.erasure.run(plan, {
    onProgress: () => {
      throw new Error('marker-17')
    },
  })
  await expectErased(place, acme, id)
  await acme.close()
})

journey('a person of many rows is erased in batches', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  await Promise.all(
    Array.from({ length: 450 }, (_, n) =>
      support.ticket.create(id, { text: `t${n}`, channel: `c${n}` }),
    ),
  )
  expect((await keysNaming(place, id)).length).toBeGreaterThan(1_800)
  const steps: number[] = []
  await acme.erasure.run(await acme.erasure.plan(id, ASK), {
    onProgress: (done) => steps.push(done),
  })
  await expectErased(place, acme, id)
  await acme.close()
})

test('a person of very many lookups can still be erased', { timeout: 60_000 }, async () => {
  const acme = await openAcme(memoryStore())
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  // The job of an erasure lists its lookup rows: it must stay within one value, 512 KiB.
  await Promise.all(
    Array.from({ length: 4_200 }, (_, n) =>
      support.ticket.create(id, { text: 't', channel: `c${n}` }),
    ),
  )
  const certificate = await acme.erasure.erase(id, ASK)
  expect(await verifyCertificate(certificate, acme.ledger.publicKeys)).toMatchObject({
    certificate: { totals: { lookupRows: 4_200 } },
  })
  await acme.close()
})

test('a hook may plan as many items as it is allowed to', { timeout: 60_000 }, async () => {
  const items = Array.from({ length: 1_000 }, (_, n) => ({
    id: `mailing-list-row-${n}`,
    description: `row ${n} of the mailing list`,
    count: 1,
  }))
  const acme = await openAcme(memoryStore(), { hooks: [hook({ plan: () => items })] })
  const { id } = await acme.subjects.register()
  const plan = await acme.erasure.plan(id, ASK)
  expect(plan.items.length).toBeGreaterThan(1_000)
  await acme.close()
})

journey('the files hold no sealed row of a person after the certificate', async (place) => {
  if (place.store().scrub === undefined) return
  const { acme, id } = await openWithAnna(place)
  const sealed = (await place.rows())
    .filter(([key, value]) => key.includes(id) && value.length > 0)
    .map(([, value]) => Buffer.from(value.subarray(value.length >> 1, (value.length >> 1) + 24)))
  expect(sealed.length).toBeGreaterThan(10)
  const before = Buffer.concat(place.files())
  expect(sealed.every((part) => before.includes(part))).toBe(true)
  await acme.erasure.erase(id, ASK)
  const after = Buffer.concat(place.files())
  expect(sealed.filter((part) => after.includes(part))).toEqual([])
  expect(after.includes(Buffer.from('anna@example.com'))).toBe(false)
  await acme.close()
})

journey('the files hold no state of the erasure itself after the certificate', async (place) => {
  if (place.store().scrub === undefined) return
  const { store, traffic } = spyStore(place.store())
  const jobs: Buffer[] = []
  const acme = await openAcme(
    {
      ...store,
      commit: async (batch) => {
        for (const [key, value] of batch.put) {
          // It holds the external id of the person, sealed by a key that nobody destroys.
          if (key.includes('/c/q/')) jobs.push(Buffer.from(value.subarray(8, 72)))
        }
        return store.commit(batch)
      },
    },
    { hooks: [hook()] },
  )
  const id = await addAnna(acme)
  await acme.erasure.erase(id, ASK)
  expect(jobs.length).toBeGreaterThan(2)
  expect(traffic.keys.size).toBeGreaterThan(0)
  const after = Buffer.concat(place.files())
  expect(jobs.filter((part) => after.includes(part))).toHaveLength(0)
  await acme.close()
})

const LEASE = 120_000

interface Crash {
  readonly nth: number
  readonly when: 'before' | 'after'
}

/** Erases Anna in a process that dies at a call, then resumes in another one; how many calls there are. */
async function crashAndResume(name: Place['name'], { nth, when }: Crash): Promise<number> {
  const place = await PLACES[name]()
  try {
    let armed = false
    const dying = dyingStore(place.store(), { nth, when, armed: () => armed })
    const hooks = [hook(), hook({ id: 'reader', needsPlaintext: true })]
    const acme = await openAcme(dying.store, { hooks, clock: eagerClock() })
    const id = await addAnna(acme)
    const { erasureId } = await acme.erasure.plan(id, ASK)
    armed = true
    const running = acme.erasure.resume(erasureId)
    const outcome = await Promise.race([dying.dead, running])
    // The process that died may have had the lease of the hooks.
    const clock = eagerClock(START + LEASE)
    const later = await openAcme(place.store(), { hooks, clock })
    const certificate = await later.erasure.resume(erasureId)
    const { jwks } = later.ledger.publicKeys
    expect(await verifyCertificate(certificate, { jwks })).toMatchObject({
      ok: true,
      certificate: { totals: { keys: 6 } },
    })
    if (outcome !== 'dead') expect(outcome).toBe(certificate)
    await expectErased(place, later, id)
    const jobs = (await place.rows()).filter(([key]) => key.includes('/c/q/'))
    expect(jobs).toEqual([])
    await later.close()
    return outcome === 'dead' ? nth : dying.calls()
  } finally {
    await place.dispose()
  }
}

for (const when of ['before', 'after'] as const) {
  journey(
    `an erasure whose process dies ${when} any call to the store is resumed`,
    async (place) => {
      const calls = await crashAndResume(place.name, { nth: Number.POSITIVE_INFINITY, when })
      expect(calls).toBeGreaterThan(15)
      for (let nth = 1; nth <= calls; nth += 1) await crashAndResume(place.name, { nth, when })
    },
  )
}

journey('a clock that stands still or goes back stops no erasure', async (place) => {
  const clock = fakeClock()
  const { acme, id } = await openWithAnna(place, { clock })
  const plan = await acme.erasure.plan(id, ASK)
  clock.set(0)
  await acme.erasure.run(plan)
  await expectErased(place, acme, id)
  await acme.close()
})
