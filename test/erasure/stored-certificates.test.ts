import { expect, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import { collect, eagerClock, refusal } from '../support/acme.ts'
import { openShop, reopenShop } from '../support/retention-shop.ts'

const START = Date.UTC(2026, 0, 15)
const REASON = 'subject_request'

test('certificates of parts, of sweeps and of whole people are listed, by person too', async () => {
  const clock = eagerClock(START)
  const { privity, id, as } = await openShop(memoryStore(), { clock })
  const { id: other } = await privity.subjects.register()
  await as('support').ticket.create(other, { text: 'hello' })
  const scope = { records: [{ record: 'contact' as const, fields: ['name'] }] }
  const part = await privity.erasure.erase(id, { reason: REASON, scope })
  const whole = await privity.erasure.erase(id, { reason: REASON })
  clock.advance({ days: 90 })
  expect(await privity.retention.sweep()).toMatchObject({ records: 1 })

  expect(await collect(privity.erasure.certificates())).toHaveLength(3)
  const own = await collect(privity.erasure.certificates({ subjectId: id }))
  expect(own.map(({ certificate }) => certificate).toSorted()).toEqual([part, whole].toSorted())
  expect(own.map(({ scope }) => scope).toSorted()).toEqual(['all', 'partial'])
  const [swept] = await collect(privity.erasure.certificates({ subjectId: other }))
  expect(swept).toMatchObject({ subjectId: other, scope: 'partial' })
  expect(await privity.erasure.resume(swept?.erasureId ?? '')).toBe(swept?.certificate)
  await privity.close()
})

test('a certificate that does not open hides none of the others', async () => {
  const share = memoryData()
  const clock = eagerClock(START)
  const { privity, id } = await openShop(memoryStore({ share }), { clock })
  const ids = [id, (await privity.subjects.register()).id]
  for (const one of ids) await privity.erasure.erase(one, { reason: REASON })
  await privity.close()
  const [key = ''] = [...share.rows.keys()].filter((row) => row.includes('/c/c/'))
  const sealed = share.rows.get(key) ?? new Uint8Array()
  share.rows.set(key, sealed.with(-1, (sealed.at(-1) ?? 0) ^ 1))
  const next = await reopenShop(memoryStore({ share }), { clock })
  const found: string[] = []
  const listing = async () => {
    for await (const { erasureId } of next.privity.erasure.certificates()) found.push(erasureId)
  }
  expect((await refusal(listing())).code).toBe('decryption_failed')
  expect(found).toHaveLength(1)
  await next.privity.close()
})

test('without certificates the list is empty, and a bad question is refused', async () => {
  const { privity } = await openShop(memoryStore(), { clock: eagerClock(START) })
  expect(await collect(privity.erasure.certificates())).toEqual([])
  const ask = { subjectId: 7 as never }
  expect(await refusal(collect(privity.erasure.certificates(ask)))).toEqual({
    code: 'invalid_input',
    details: { issues: [{ path: ['subjectId'], code: 'not_a_string' }] },
  })
  await privity.close()
})
