import { expect, test } from 'vitest'
import type { SubjectId } from 'privity'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  fakeClock,
  type FakeClock,
  openAcme,
  refusal,
} from '../support/acme.ts'
import { itemOf, type ScriptedHook, scriptedHook } from '../support/scripted-hook.ts'
import { journey, type Place, STORES } from '../support/stores.ts'

const ASK = { reason: 'subject_request' }
const TICKETS = { ...ASK, scope: { records: [{ record: 'ticket' }] } }
const GRACE = { ...ASK, grace: { days: 14 } } as const
const MINUTE = 60_000
const DAY = 86_400_000
const NONE = { completed: 0, cancelled: 0, incomplete: 0, waiting: 0, failed: 0 }

interface Planning {
  readonly hook: ScriptedHook
  repair(): void
}

/** A hook into a system that is down, until it is repaired. */
function downAtFirst(): Planning {
  let isDown = true
  const plan = (): unknown => {
    if (isDown) throw new Error('down')
    return [itemOf('row-1')]
  }
  return {
    hook: scriptedHook({ plan, owner: 'team-mail', partial: [{ record: 'ticket' }] }),
    repair: () => {
      isDown = false
    },
  }
}

interface Opened extends Planning {
  readonly acme: Acme
  readonly id: SubjectId
  readonly clock: FakeClock
}

async function openWithAnna(place: Place): Promise<Opened> {
  const planning = downAtFirst()
  const clock = fakeClock()
  const hooks = [planning.hook, scriptedHook({ id: 'fine' })]
  const acme = await openAcme(place.store(), { hooks, clock })
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  await support.ticket.create(id, { text: 'help', channel: 'mail' })
  return { ...planning, acme, id, clock }
}

/** The erasure in an error that says what could not be planned. */
async function unplanned(asking: Promise<unknown>): Promise<string> {
  const { code, details } = await refusal(asking)
  expect([code, details]).toMatchObject([
    'erasure_incomplete',
    { failing: ['mailing'], hooks: [{ hook: 'mailing', items: 0, dead: 0 }] },
  ])
  return (details as { readonly erasureId: string }).erasureId
}

function executions({ calls }: ScriptedHook): number {
  return calls.filter((call) => call.startsWith('execute')).length
}

async function isErased({ acme, id }: Pick<Opened, 'acme' | 'id'>): Promise<boolean> {
  return accessorsOf(acme)
    .support.contact.read(id)
    .then(
      () => false,
      () => true,
    )
}

journey(
  'an erasure that a hook cannot plan is pending, and work asks that hook again, also after a restart',
  async (place) => {
    const { acme, id, clock, hook, repair } = await openWithAnna(place)
    const erasureId = await unplanned(acme.erasure.erase(id, ASK))
    const [pending, ...others] = await collect(acme.erasure.pending())
    expect(others).toEqual([])
    expect(pending).toMatchObject({
      erasureId,
      subjectId: id,
      step: 'asked',
      hooks: [{ hook: 'mailing', attempts: 1, dead: 0, owner: 'team-mail' }],
    })
    expect(pending?.hooks[0]?.nextAttemptAt).toBeDefined()
    expect(await acme.erasure.work()).toEqual({ ...NONE, waiting: 1 })
    clock.advance(MINUTE)
    expect(await acme.erasure.work()).toEqual({ ...NONE, incomplete: 1 })
    expect(await collect(acme.erasure.pending())).toMatchObject([{ hooks: [{ attempts: 2 }] }])
    expect(await isErased({ acme, id })).toBe(false)
    await acme.close()

    repair()
    const later = fakeClock(clock.now() + DAY)
    const next = await openAcme(place.store(), { hooks: [hook], clock: later })
    expect(await next.erasure.work()).toEqual({ ...NONE, completed: 1 })
    expect(await isErased({ acme: next, id })).toBe(true)
    expect(executions(hook)).toBe(1)
    expect(await collect(next.erasure.certificates())).toMatchObject([{ erasureId }])
    expect(await collect(next.erasure.pending())).toEqual([])
    await next.close()
  },
)

journey('a request that a hook cannot plan goes on, and can be taken back', async (place) => {
  const { acme, id, clock, repair } = await openWithAnna(place)
  const erasureId = await unplanned(acme.erasure.request(id, GRACE))
  const graceUntil = new Date(clock.now() + 14 * DAY).toISOString()
  expect(await collect(acme.erasure.pending())).toMatchObject([{ erasureId, graceUntil }])
  await acme.erasure.cancel(erasureId)
  expect(await collect(acme.erasure.pending())).toEqual([])

  const again = await unplanned(acme.erasure.request(id, GRACE))
  repair()
  clock.advance(MINUTE)
  expect(await acme.erasure.work()).toEqual({ ...NONE, waiting: 1 })
  expect(await collect(acme.erasure.pending())).toMatchObject([{ step: 'grace', graceUntil }])
  expect(await isErased({ acme, id })).toBe(true)
  clock.advance(14 * DAY)
  expect(await acme.erasure.work()).toEqual({ ...NONE, completed: 1 })
  expect(await collect(acme.erasure.certificates())).toMatchObject([{ erasureId: again }])
  await acme.close()
})

for (const { title, ask } of [
  { title: 'an erasure', ask: ASK },
  { title: 'the erasure of a part', ask: TICKETS },
])
  test(`cancel drops ${title} that no hook could plan, and none that one has planned`, async () => {
    const { acme, id, clock, hook, repair } = await openWithAnna(STORES.memory())
    const dropped = await unplanned(acme.erasure.erase(id, ask))
    await acme.erasure.cancel(dropped)
    expect(await collect(acme.erasure.pending())).toEqual([])
    repair()
    clock.advance(DAY)
    expect(await acme.erasure.work()).toEqual(NONE)
    expect(await isErased({ acme, id })).toBe(false)
    const none = { code: 'not_found', details: { kind: 'erasure' } }
    expect(await refusal(acme.erasure.cancel(dropped))).toEqual(none)

    const { erasureId } = await acme.erasure.plan(id, ask)
    expect(await refusal(acme.erasure.cancel(erasureId))).toEqual({
      code: 'invalid_transition',
      details: { machine: 'erasure', from: 'planned', event: 'cancel' },
    })
    await acme.erasure.erase(id, ask)
    expect(executions(hook)).toBe(1)
    await acme.close()
  })

test('retry makes what a hook could not plan due at once, and resume asks it whenever', async () => {
  const { acme, id, repair } = await openWithAnna(STORES.memory())
  const erasureId = await unplanned(acme.erasure.erase(id, ASK))
  expect(await unplanned(acme.erasure.resume(erasureId))).toBe(erasureId)
  expect(await refusal(acme.erasure.retry(erasureId, { hook: 'fine' }))).toEqual({
    code: 'not_found',
    details: { kind: 'hook' },
  })
  await acme.erasure.retry(erasureId, { hook: 'mailing' })
  const [pending] = await collect(acme.erasure.pending())
  expect(pending?.hooks).toEqual([
    {
      hook: 'mailing',
      items: 0,
      done: 0,
      attempts: 0,
      dead: 0,
      tickets: [],
      owner: 'team-mail',
    },
  ])
  repair()
  expect(await acme.erasure.work()).toEqual({ ...NONE, completed: 1 })
  expect(await isErased({ acme, id })).toBe(true)
  await acme.close()
})

const ASKS: readonly {
  readonly title: string
  readonly ask: (opened: Opened) => Promise<unknown>
}[] = [
  { title: 'an erasure', ask: ({ acme, id }) => acme.erasure.erase(id, ASK) },
  { title: 'the erasure of a part', ask: ({ acme, id }) => acme.erasure.erase(id, TICKETS) },
  { title: 'a request', ask: ({ acme, id }) => acme.erasure.request(id, GRACE) },
]

for (const { title, ask } of ASKS)
  test(`asking again for ${title} that a hook cannot plan goes on with the same`, async () => {
    const opened = await openWithAnna(STORES.memory())
    const { acme, clock, repair } = opened
    const erasureId = await unplanned(ask(opened))
    expect(await unplanned(ask(opened))).toBe(erasureId)
    expect(await collect(acme.erasure.pending())).toMatchObject([
      { erasureId, hooks: [{ attempts: 2 }] },
    ])
    repair()
    await ask(opened)
    clock.advance(15 * DAY)
    await acme.erasure.work()
    expect(await collect(acme.erasure.certificates())).toMatchObject([{ erasureId }])
    await acme.close()
  })

test('a part that could not be planned at first, and again the next time, has two certificates', async () => {
  let isDown = true
  const hook = scriptedHook({
    partial: [{ record: 'ticket' }],
    plan: () => {
      if (isDown) throw new Error('down')
      return []
    },
  })
  const acme = await openAcme(STORES.memory().store(), { hooks: [hook] })
  const { id } = await acme.subjects.register()
  const ids: string[] = []
  for (let times = 1; times <= 2; times += 1) {
    isDown = true
    await accessorsOf(acme).support.ticket.create(id, { text: 'help', channel: 'mail' })
    ids.push(await unplanned(acme.erasure.erase(id, TICKETS)))
    isDown = false
    await acme.erasure.erase(id, TICKETS)
  }
  expect(new Set(ids).size).toBe(2)
  const certificates = await collect(acme.erasure.certificates())
  expect(certificates.map(({ erasureId }) => erasureId).sort()).toEqual(ids.sort())
  await acme.close()
})

test('erase goes on at once with a request that a hook could not plan', async () => {
  const { acme, id, repair } = await openWithAnna(STORES.memory())
  const erasureId = await unplanned(acme.erasure.request(id, GRACE))
  repair()
  await acme.erasure.erase(id, ASK)
  expect(await collect(acme.erasure.certificates())).toMatchObject([{ erasureId }])
  await acme.close()
})

test('what was only to be planned is not pending, and is gone on with when it is asked for', async () => {
  const { acme, id, clock, repair } = await openWithAnna(STORES.memory())
  const erasureId = await unplanned(acme.erasure.plan(id, ASK))
  expect(await collect(acme.erasure.pending())).toEqual([])
  repair()
  clock.advance(DAY)
  expect(await acme.erasure.work()).toEqual(NONE)
  expect(await isErased({ acme, id })).toBe(false)
  await acme.erasure.retry(erasureId, { hook: 'mailing' })
  expect(await acme.erasure.resume(erasureId)).toEqual(expect.any(String))
  await acme.close()
})
