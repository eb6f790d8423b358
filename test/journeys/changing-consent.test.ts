import { expect } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  fsck,
  localKeys,
  type NoticeRef,
  type Purpose,
} from 'privity'
import { verifyReceipt } from 'privity/verify'
import { collect, controller, eagerClock, refusal, SECRET } from '../support/acme.ts'
import { journey, type Place } from '../support/stores.ts'

/** What one deployment says of the purpose `offers`, and of the field that the test is about. */
interface Plan {
  /** Absent: there is no such purpose. */
  readonly offers?: Partial<Purpose>
  readonly note?: { readonly special?: 'health'; readonly view?: true }
  readonly version?: string
}

const STAFF = { id: 'staff:ida', roles: ['all'] }
const OFFERS = { purposes: ['offers'] } as const
const GIVEN = { name: 'Anna', note: 'allergic to nuts' }

function policyOf({ offers, note = {}, version }: Plan) {
  const serve = { basis: 'contract', description: 'Serve you', article9: '9(2)(h)' } as const
  const purposes = definePurposes({
    serve,
    offers: { basis: 'consent', description: 'Send you offers', ...offers } as typeof serve,
  })
  const { offers: _, ...without } = purposes
  const named = (offers === undefined ? ['serve'] : ['serve', 'offers']) as ['serve', 'offers']
  const { view, ...options } = note
  const contact = defineRecord(purposes, ({ field }) => ({
    name: field(z.string(), { purposes: named }),
    note: field(z.string().exactOptional(), {
      ...options,
      ...(view === undefined ? {} : { views: { offers: (text: string) => text.slice(0, 3) } }),
      purposes: named,
    }),
    ...(offers === undefined
      ? ({} as never)
      : { wish: field(z.string().exactOptional(), { purposes: ['offers'] }) }),
  }))
  return definePolicy({
    controller,
    purposes: (offers === undefined ? without : purposes) as typeof purposes,
    records: { contact },
    roles: { all: { purposes: named } },
    ...(version === undefined ? {} : { version }),
  })
}

function deploy(place: Place, plan: Plan) {
  const options = { keys: localKeys(SECRET), clock: eagerClock() }
  return createPrivity({ policy: policyOf(plan), store: place.store(), ...options })
}
type App = Awaited<ReturnType<typeof deploy>>

function contactFor(app: App, purpose: 'serve' | 'offers' = 'offers') {
  return app.accessor({ purpose, actor: STAFF }).contact
}

function publish(app: App, version = '1', change?: 'editorial'): Promise<NoticeRef> {
  const texts = { en: `words, ${version}` }
  const said = change === undefined ? {} : { change }
  return app.notices.publish({ id: 'privacy', version, texts, ...said })
}

async function agree(app: App, id: string) {
  const method = { channel: 'paper' } as const
  return app.consent.give(id as never, { ...OFFERS, notice: await publish(app), method })
}

/** Anna, who said yes to offers under the first deployment. */
async function annaUnder(place: Place, plan: Plan): Promise<string> {
  const app = await deploy(place, plan)
  const { id } = await app.subjects.register()
  await contactFor(app, 'serve').create(id, GIVEN)
  const { offers = { basis: 'contract' } } = plan
  if (offers.basis === undefined) await agree(app, id)
  await app.close()
  return id
}

/** Opens the store under another policy, and closes it afterwards. */
async function under(place: Place, plan: Plan, run: (app: App) => Promise<void>): Promise<void> {
  const app = await deploy(place, plan)
  await run(app)
  expect(await fsck(app)).toMatchObject({ ok: true })
  await app.close()
}

/** What everybody who asks is told: `may`, `status`, and a read. */
async function expectDenied(app: App, id: string, reason: string): Promise<void> {
  const subjectId = id as never
  expect(await app.may({ subjectId, purpose: 'offers', actor: STAFF })).toEqual({
    allowed: false,
    reasons: [reason],
  })
  expect(await app.consent.status(subjectId, 'offers')).toMatchObject({ permits: false })
  expect(await refusal(contactFor(app).read(subjectId))).toMatchObject({
    code: 'not_permitted',
    details: { reason },
  })
}

async function expectPermitted(app: App, id: string): Promise<void> {
  const subjectId = id as never
  expect(await app.may({ subjectId, purpose: 'offers', actor: STAFF })).toMatchObject({
    allowed: true,
  })
  expect(await contactFor(app).read(subjectId)).toEqual(GIVEN)
}

const CONSENT: Plan = { offers: {} }
const CONTRACT: Plan = { offers: { basis: 'contract' } }
const INTERESTS: Plan = { offers: { basis: 'legitimate_interests' } }
const DROPPED: Plan = {}
const BACK: Plan = { offers: {}, version: 'back' }

journey('a consent that was not explicit is none for a purpose that is now', async (place) => {
  const id = (await annaUnder(place, CONSENT)) as never
  const explicit: Plan = { offers: { explicit: true }, note: { special: 'health' } }
  await under(place, explicit, async (app) => {
    await expectDenied(app, id, 'stale_notice')
    expect(await collect(contactFor(app).list())).toEqual([])
    expect(await refusal(contactFor(app).update(id, { note: 'diabetes' }))).toMatchObject({
      code: 'not_permitted',
    })
    const { outcomes } = await agree(app, id)
    expect(outcomes).toEqual([{ purpose: 'offers', state: 'renewed', permits: true, reasons: [] }])
    await expectPermitted(app, id)
  })
  await under(place, { ...explicit, version: 'next' }, (app) => expectPermitted(app, id))
})

journey('a consent to a view shows nothing once the view is gone', async (place) => {
  const id = (await annaUnder(place, { offers: {}, note: { view: true } })) as never
  await under(place, { offers: {}, note: { view: true }, version: 'next' }, async (app) => {
    expect(await contactFor(app).read(id)).toEqual({ name: 'Anna', note: 'all' })
  })
  await under(place, CONSENT, async (app) => {
    expect(await contactFor(app).read(id)).toEqual({ name: 'Anna' })
    expect(await refusal(contactFor(app).update(id, { note: 'x' }))).toMatchObject({
      details: { reason: 'no_basis' },
    })
    await agree(app, id)
    await expectPermitted(app, id)
  })
})

journey('a yes that was taken back under another basis does not come again', async (place) => {
  const id = (await annaUnder(place, CONSENT)) as never
  await under(place, CONTRACT, async (app) => {
    const { outcomes } = await app.consent.withdraw(id, OFFERS)
    expect(outcomes).toEqual([{ purpose: 'offers', effect: 'recorded', basis: 'contract' }])
    // It rests on the contract, and nothing of it goes.
    await expectPermitted(app, id)
    expect(await app.consent.status(id, 'offers')).toMatchObject({ state: 'withdrawn' })
    expect(await app.retention.sweep()).toMatchObject({ records: 0, erased: 0 })
    await expectPermitted(app, id)
  })
  await under(place, BACK, async (app) => {
    await expectDenied(app, id, 'withdrawn')
    await agree(app, id)
    await expectPermitted(app, id)
  })
})

journey('a no to a consent stands, whatever the purpose rests on later', async (place) => {
  const id = (await annaUnder(place, CONSENT)) as never
  await under(place, BACK, async (app) => void (await app.consent.withdraw(id, OFFERS)))
  for (const plan of [CONTRACT, INTERESTS, { offers: { basis: 'legal_obligation' } } as const])
    await under(place, plan, (app) => expectDenied(app, id, 'withdrawn'))
})

journey('what an earlier policy asked for can be taken back, and stays so', async (place) => {
  const id = (await annaUnder(place, CONSENT)) as never
  await under(place, DROPPED, async (app) => {
    expect(
      await refusal(app.consent.withdraw(id, { purposes: ['offers', 'ofers' as never] })),
    ).toEqual({
      code: 'not_declared',
      details: { kind: 'purpose', path: ['purposes', 1], declared: ['serve'] },
    })
    const { outcomes, receipt } = await app.consent.withdraw(id, { purposes: ['serve', 'offers'] })
    expect(outcomes).toEqual([
      { purpose: 'serve', effect: 'recorded', basis: 'contract' },
      { purpose: 'offers', effect: 'withdrawn', basis: 'consent' },
    ])
    const { ok, record } = await verifyReceipt(receipt, app.ledger.publicKeys)
    expect([ok, record?.['purposes']]).toMatchObject([
      true,
      [{ purpose: 'serve' }, { purpose: 'offers', description: 'Send you offers' }],
    ])
    expect(await collect(app.consent.history(id))).toMatchObject([
      { purpose: 'offers', state: 'given' },
      { purpose: 'serve', state: 'withdrawn' },
      { purpose: 'offers', state: 'withdrawn' },
    ])
  })
  await under(place, BACK, (app) => expectDenied(app, id, 'withdrawn'))
})

journey('data that only an earlier purpose saw goes once that is taken back', async (place) => {
  const id = (await annaUnder(place, CONSENT)) as never
  await under(place, BACK, (app) => contactFor(app).update(id, { wish: 'a boat' } as never))
  await under(place, DROPPED, async (app) => {
    expect(await app.retention.sweep()).toMatchObject({ people: 0 })
    await app.consent.withdraw(id, OFFERS)
    expect(await app.retention.sweep()).toMatchObject({ people: 1, failed: 0 })
    expect(await contactFor(app, 'serve').read(id)).toEqual(GIVEN)
  })
  await under(place, { ...BACK, version: 'again' }, async (app) => {
    await agree(app, id)
    await expectPermitted(app, id)
  })
})

journey('an objection to an earlier purpose is one when that comes again', async (place) => {
  const id = (await annaUnder(place, INTERESTS)) as never
  await under(place, DROPPED, async (app) => {
    const { outcomes } = await app.consent.withdraw(id, OFFERS)
    expect(outcomes).toEqual([
      { purpose: 'offers', effect: 'objected', basis: 'legitimate_interests' },
    ])
  })
  await under(place, { ...INTERESTS, version: 'back' }, (app) => expectDenied(app, id, 'objected'))
})

journey('of several bases that a purpose had, the one counts that ends most', async (place) => {
  const id = (await annaUnder(place, CONTRACT)) as never
  await under(place, INTERESTS, async () => undefined)
  await under(place, CONSENT, async () => undefined)
  await under(place, DROPPED, async (app) => {
    const { outcomes } = await app.consent.withdraw(id, OFFERS)
    expect(outcomes).toMatchObject([{ effect: 'withdrawn', basis: 'consent' }])
  })
})

journey('an instance that is behind takes back what only the newest policy has', async (place) => {
  const id = (await annaUnder(place, DROPPED)) as never
  const behind = await deploy(place, { version: 'behind' })
  const newest = await deploy(place, CONSENT)
  await agree(newest, id)
  await behind.consent.withdraw(id, OFFERS)
  await expectDenied(newest, id, 'withdrawn')
  await newest.close()
  await behind.close()
})

journey('an objection to direct marketing ends it, whatever it rests on', async (place) => {
  const marketing: Plan = { offers: { basis: 'contract', marketing: true } }
  const id = (await annaUnder(place, marketing)) as never
  await under(place, marketing, async (app) => {
    await expectPermitted(app, id)
    const { outcomes, data } = await app.consent.withdraw(id, OFFERS)
    expect(outcomes).toEqual([{ purpose: 'offers', effect: 'objected', basis: 'contract' }])
    expect(data?.stays).toMatchObject([
      { field: 'name', ground: 'purpose:serve' },
      { field: 'note', ground: 'purpose:serve' },
    ])
    expect(await app.consent.status(id, 'offers')).toMatchObject({ state: 'withdrawn' })
    await expectDenied(app, id, 'objected')
  })
  await under(place, CONTRACT, (app) => expectDenied(app, id, 'objected'))
})

journey('a yes says what it came to, also when it is said again', async (place) => {
  const id = (await annaUnder(place, DROPPED)) as never
  await under(place, CONSENT, async (app) => {
    const notice = await publish(app)
    await publish(app, '1-nl', 'editorial')
    const input = { ...OFFERS, notice, method: { channel: 'paper' } } as const
    const good = { purpose: 'offers', state: 'given', permits: true, reasons: [] }
    const options = { operationId: 'yes' }
    expect((await app.consent.give(id, input, options)).outcomes).toEqual([good])
    await publish(app, '2')
    const stale = { ...good, permits: false, reasons: ['stale_notice'] }
    // As it is now, of an operation that had been applied before.
    expect((await app.consent.give(id, input, options)).outcomes).toEqual([stale])
    expect((await app.consent.give(id, input)).outcomes).toEqual([{ ...stale, state: 'renewed' }])
    await expectDenied(app, id, 'stale_notice')
  })
})
