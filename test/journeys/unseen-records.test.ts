import { expect, test } from 'vitest'
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, localKeys } from 'privity'
import { collect, controller, fakeClock, refusal, SECRET } from '../support/acme.ts'
import { journey, type Place, STORES, storesOf } from '../support/stores.ts'

const purposes = definePurposes({
  care: { basis: 'contract', description: 'Care for you' },
  offers: { basis: 'contract', description: 'Send you offers' },
  study: { basis: 'contract', description: 'Look into a case', requiresTask: true },
})
const TEXT = z.string().exactOptional()
const allergy = defineRecord(purposes, ({ field }) => ({
  text: field(TEXT, { purposes: ['care', 'study'] }),
}))
const illness = defineRecord(
  purposes,
  ({ field }) => ({ text: field(TEXT, { purposes: ['care', 'study'], lookup: 'exact' }) }),
  { many: true },
)
const policy = definePolicy({
  controller,
  purposes,
  records: { allergy, illness },
  roles: { nurse: { purposes: ['care', 'offers', 'study'] } },
})
const NURSE = { id: 'staff:ida', roles: ['nurse'] } as const
const UNSEEN = {
  code: 'not_permitted',
  details: {
    purpose: 'offers',
    reason: 'field_not_in_purpose',
    reasons: ['field_not_in_purpose'],
  },
}

/** As an app without types calls them. */
interface Untyped {
  readonly [method: string]: (
    ...args: readonly unknown[]
  ) => Promise<unknown> & AsyncIterable<unknown>
}

async function openClinic(place: Place) {
  const privity = await createPrivity({
    policy,
    ...storesOf(place.store()),
    keys: localKeys(SECRET),
    clock: fakeClock(),
  })
  const care = privity.accessor({ purpose: 'care', actor: NURSE })
  const { id } = await privity.subjects.register()
  await care.allergy.create(id, { text: 'nuts' })
  const { recordId } = await care.illness.create(id, { text: 'flu' })
  const offers = privity.accessor({ purpose: 'offers', actor: NURSE })
  return { privity, care, id, recordId, offers: offers as unknown as Record<string, Untyped> }
}

journey(
  'a purpose that sees no field of a type is not told who has such a record, and changes none',
  async (place) => {
    const { privity, care, id, recordId, offers } = await openClinic(place)
    const { illness: many, allergy: single } = offers
    const calls: readonly (() => Promise<unknown> | undefined)[] = [
      () => many?.['read']?.(id, recordId),
      () => many?.['select']?.(id, recordId, []),
      () => many?.['create']?.(id, {}),
      () => many?.['update']?.(id, recordId, {}),
      () => many?.['update']?.(id, recordId, {}, { unset: [] }),
      () => many?.['remove']?.(id, recordId),
      () => many?.['list'] && collect(many['list']()),
      () => many?.['list'] && collect(many['list']({ subjectId: id })),
      () => single?.['read']?.(id),
      () => single?.['create']?.(id, {}),
      () => single?.['update']?.(id, {}),
      () => single?.['list'] && collect(single['list']()),
    ]
    for (const call of calls) expect(await refusal(Promise.resolve(call()))).toEqual(UNSEEN)
    expect(await collect(care.illness.list())).toHaveLength(1)
    const refused = await collect(
      privity.audit.query({ subjectId: id, action: 'refused' } as never),
    )
    expect(refused.length).toBeGreaterThan(0)
    await privity.close()
  },
)

test('a listing that nobody may have is refused at once, instead of being empty', async () => {
  const { privity } = await openClinic(STORES.memory())
  const asTypo = privity.accessor({ purpose: 'care', actor: { id: 'staff:ida', roles: ['nurs'] } })
  const withoutTask = privity.accessor({ purpose: 'study', actor: NURSE })
  for (const [accessor, reason] of [
    [asTypo, 'role'],
    [withoutTask, 'task_required'],
  ] as const) {
    const expected = { code: 'not_permitted', details: { reason, reasons: [reason] } }
    expect(await refusal(collect(accessor.illness.list()))).toMatchObject(expected)
    expect(await refusal(collect(accessor.allergy.list()))).toMatchObject(expected)
    expect(await refusal(collect(accessor.illness.find({ text: 'flu' })))).toMatchObject(expected)
  }
  await privity.close()
})
