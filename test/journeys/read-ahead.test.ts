import { expect } from 'vitest'
import {
  accessorsOf,
  ANNA,
  caught,
  collect,
  eagerClock,
  giveOnWeb,
  openAcme,
  refusal,
} from '../support/acme.ts'
import { addFamily, as, openHome } from '../support/household.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { journey } from '../support/stores.ts'

const TICKETS = 70

journey(
  'a strict listing of many records takes a commit per page, and each is in the log',
  async (place) => {
    const inner = place.store()
    const store = hookedStore(inner)
    const acme = await openAcme(store, { clock: eagerClock() })
    const { id: subjectId } = await acme.subjects.register()
    const { support } = accessorsOf(acme)
    const texts = Array.from({ length: TICKETS }, (_, at) => `ticket ${at}`)
    await Promise.all(texts.map((text) => support.ticket.create(subjectId, { text })))
    const [first] = await collect(support.ticket.list({ subjectId, limit: 1 }))
    const before = store.batches.length
    const items = await collect(support.ticket.list({ subjectId }))
    expect(items[0]?.recordId).toBe(first?.recordId)
    expect(items.map(({ view }) => view.text).toSorted()).toEqual(texts.toSorted())
    // 1, 2, 4, 8, 16, 32, and the last 7.
    expect(store.batches.length - before).toBe(7)
    const trail = await collect(acme.audit.query({ subjectId, action: 'list' }))
    expect(trail).toHaveLength(1 + TICKETS)
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true })
    await acme.close()
  },
)

journey(
  'who withdraws in another process is not handed out, though the page was opened',
  async (place) => {
    const acme = await openAcme(place.store(), { clock: eagerClock() })
    const elsewhere = await openAcme(place.store(), { clock: eagerClock() })
    const { support, marketing } = accessorsOf(acme)
    const ids: string[] = []
    for (let nth = 0; nth < 9; nth += 1) {
      const { id } = await acme.subjects.register()
      await support.contact.create(id, { ...ANNA, email: `p${nth}@example.com` })
      await giveOnWeb(acme, id, ['marketing'])
      ids.push(id)
    }
    ids.sort()
    const given: string[] = []
    for await (const { subjectId } of marketing.contact.list()) {
      given.push(subjectId)
      // The next three were opened together with the fourth.
      if (given.length !== 4) continue
      await elsewhere.consent.withdraw(ids[4] ?? '', { purposes: ['marketing'] })
      await elsewhere.erasure.erase(ids[5] ?? '', { reason: 'subject_request' })
      await elsewhere.erasure.erase(ids[8] ?? '', { reason: 'subject_request' })
    }
    expect(given).toEqual([...ids.slice(0, 4), ids[6], ids[7]])
    await elsewhere.close()
    await acme.close()
  },
)

journey('an app that cannot tell who is related ends a listing with an error', async (place) => {
  let isDown = false
  const acme = await openAcme(place.store(), {
    relationship: () => (isDown ? Promise.reject(new Error('marker-of-the-app')) : true),
  })
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  const told = {
    code: 'not_permitted',
    details: { purpose: 'support', reason: 'no_relationship', reasons: ['no_relationship'] },
  }
  isDown = true
  expect(await refusal(collect(support.contact.list()))).toEqual(told)
  expect(await refusal(collect(support.contact.find({ email: ANNA.email })))).toEqual(told)
  isDown = false
  expect(await collect(support.contact.list())).toHaveLength(1)
  await acme.close()
})

journey(
  'households are logged ahead in the trail of each member, and decided again for all',
  async (place) => {
    const hidden = new Set<string>()
    const failing = new Set<string>()
    const home = await openHome(place.store(), {
      relationship: ({ subjectId }) => {
        if (failing.has(subjectId)) throw new Error('marker-of-the-app')
        return !hidden.has(subjectId)
      },
    })
    const families = [await addFamily(home), await addFamily(home), await addFamily(home)]
    families.sort((a, b) => (a.household < b.household ? -1 : 1))
    const [, second, third] = families
    const { home: house } = as(home)
    const given: string[] = []
    for await (const { subjectId } of house.household.list()) {
      given.push(subjectId)
      if (given.length === 2) hidden.add(third?.ben ?? '')
    }
    expect(given).toEqual(families.slice(0, 2).map(({ household }) => household))
    for (const subjectId of [second?.ada, second?.ben, second?.household]) {
      const trail = await collect(home.audit.query({ subjectId: subjectId ?? '' }))
      expect(trail.map(({ action }) => action)).toEqual(['list'])
    }
    // A no about one of them is an answer; that the app fails on the other adds nothing.
    failing.add(third?.ada ?? '')
    expect(await collect(house.household.list())).toHaveLength(2)
    hidden.clear()
    expect(await caught(collect(house.household.list()))).toMatchObject({ code: 'not_permitted' })
    await home.close()
  },
)
