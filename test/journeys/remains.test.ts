import { expect } from 'vitest'
import { exportStore } from 'privity'
import { accessorsOf, ANNA, collect, eagerClock, giveOnWeb, openAcme } from '../support/acme.ts'
import { scaled } from '../support/scale.ts'
import { journey } from '../support/stores.ts'

const PEOPLE = scaled({ ci: 40, torture: 400 })
const REASON = { reason: 'subject_request' } as const

function markOf(nth: number): string {
  return `Zq${String(nth).padStart(4, '0')}Xk`
}

journey('of people who were erased, no mark is left in rows, files and exports', async (place) => {
  const acme = await openAcme(place.store(), { clock: eagerClock() })
  const { support } = accessorsOf(acme)
  const ids = await Promise.all(
    Array.from({ length: PEOPLE }, async (_, nth) => {
      const mark = markOf(nth)
      const { id } = await acme.subjects.register({ externalId: `${mark}@crm` })
      await support.contact.create(id, {
        ...ANNA,
        name: mark,
        email: `${mark}@example.com`.toLowerCase(),
        address: mark,
      })
      await support.ticket.create(id, { text: mark, channel: 'mail' })
      await giveOnWeb(acme, id, ['marketing'])
      return id
    }),
  )
  const certificates = await Promise.all(ids.map((id) => acme.erasure.erase(id, REASON)))
  expect(new Set(certificates).size).toBe(PEOPLE)
  const exported = await collect(exportStore(place.store(), { tenant: 'acme' }))
  await acme.close()
  const rows = (await place.rows()).flatMap(([key, value]) => [Buffer.from(key), value])
  const bytes = Buffer.concat([...rows, ...place.files(), ...exported])
    .toString('latin1')
    .toLowerCase()
  const left = ids.flatMap((_, nth) => (bytes.includes(markOf(nth).toLowerCase()) ? [nth] : []))
  expect(left).toEqual([])
})
