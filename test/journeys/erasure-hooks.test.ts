import { inspect } from 'node:util'
import { expect, test, vi } from 'vitest'
import type { ErasureHook, HookContext, HookItem } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { verifyCertificate } from 'privity/verify'
import {
  accessorsOf,
  type Acme,
  ANNA,
  caught,
  collect,
  eagerClock,
  type FakeClock,
  fakeClock,
  openAcme,
  refusal,
  START,
  until,
} from '../support/acme.ts'
import { itemOf, type ScriptedHook, scriptedHook } from '../support/scripted-hook.ts'
import { dyingStore, journey, type Place, PLACES } from '../support/stores.ts'

const ASK = { reason: 'subject_request' }
const HOUR = 3_600_000
const DAY = 24 * HOUR
const LEASE = 120_000

async function addAnna(acme: Acme): Promise<string> {
  const { id } = await acme.subjects.register({ externalId: 'crm-17' })
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  await support.ticket.create(id, { text: 'help', channel: 'mail' })
  return id
}

interface Opened {
  readonly acme: Acme
  readonly id: string
  readonly clock: FakeClock
}

async function openWithAnna(place: Place, hooks: readonly ErasureHook[]): Promise<Opened> {
  const clock = fakeClock()
  const acme = await openAcme(place.store(), { hooks, clock })
  return { acme, id: await addAnna(acme), clock }
}

/** The id of an erasure that is not complete. */
async function eraseInVain(acme: Acme, id: string): Promise<string> {
  const { code, details } = await refusal(acme.erasure.erase(id, ASK))
  expect(code).toBe('erasure_incomplete')
  return (details as { erasureId: string }).erasureId
}

async function expectCertified(acme: Acme, erasureId: string): Promise<void> {
  const certificate = await acme.erasure.resume(erasureId)
  const verdict = await verifyCertificate(certificate, acme.ledger.publicKeys)
  expect(verdict).toMatchObject({ ok: true, certificate: { erasureId, result: 'completed' } })
  expect(await collect(acme.erasure.pending())).toEqual([])
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
}

function executions(hook: ScriptedHook): readonly string[] {
  return hook.calls.filter((call) => call.startsWith('execute'))
}

/** Works once an hour, as an app's timer does, until nothing is left or the time is over. */
async function workUntil(acme: Acme, clock: FakeClock, end: number): Promise<void> {
  while (clock.now() < end) {
    await acme.erasure.work()
    clock.advance(HOUR)
  }
}

journey('a processor that is down for three days is asked until it is back', async (place) => {
  const back = START + 3 * DAY
  const clock = fakeClock()
  const processor = scriptedHook({
    id: 'processor',
    execute: () => (clock.now() < back ? { retryAfter: { hours: 6 }, why: 'down' } : 'done'),
  })
  const fine = scriptedHook({ id: 'fine' })
  const acme = await openAcme(place.store(), { hooks: [processor, fine], clock })
  const id = await addAnna(acme)
  const erasureId = await eraseInVain(acme, id)
  expect(fine.calls).toEqual(['plan', 'execute row-1'])
  await workUntil(acme, clock, back)
  expect(await collect(acme.erasure.pending())).toMatchObject([
    { erasureId, hooks: [{ hook: 'processor', attempts: 0, dead: 0 }, { done: 1 }] },
  ])
  // Every six hours and not more often; in another process, too.
  expect(executions(processor)).toHaveLength(12)
  await acme.close()
  clock.set(back)
  const later = await openAcme(place.store(), { hooks: [processor, fine], clock })
  expect(await later.erasure.work()).toMatchObject({ completed: 1, incomplete: 0, failed: 0 })
  expect(executions(processor)).toHaveLength(13)
  expect(executions(fine)).toHaveLength(1)
  await expectCertified(later, erasureId)
  await later.close()
})

journey(
  'what throws for three days is tried ever more rarely, and is not given up',
  async (place) => {
    const back = START + 3 * DAY
    const clock = fakeClock()
    const processor = scriptedHook({
      attempts: 100,
      execute: () => {
        if (clock.now() < back) throw new Error('down')
        return 'done'
      },
    })
    const acme = await openAcme(place.store(), { hooks: [processor], clock })
    const erasureId = await eraseInVain(acme, await addAnna(acme))
    await workUntil(acme, clock, back + 2 * DAY)
    expect(executions(processor).length).toBeLessThan(40)
    await expectCertified(acme, erasureId)
    await acme.close()
  },
)

journey('what is not due is not tried, and the error says when it will be', async (place) => {
  const hook = scriptedHook({ execute: () => ({ retryAfter: { hours: 2 }, why: 'marker-17' }) })
  const { acme, id, clock } = await openWithAnna(place, [hook])
  const erasureId = await eraseInVain(acme, id)
  const nextAttemptAt = new Date(START + 2 * HOUR).toISOString()
  const error = await caught(acme.erasure.resume(erasureId))
  expect(error).toMatchObject({
    code: 'erasure_incomplete',
    details: {
      erasureId,
      failing: ['mailing'],
      hooks: [{ hook: 'mailing', items: 1, attempts: 0, nextAttemptAt, dead: 0 }],
    },
  })
  expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('marker-17')
  expect(executions(hook)).toHaveLength(1)
  expect(await acme.erasure.work()).toEqual({
    completed: 0,
    cancelled: 0,
    incomplete: 0,
    waiting: 1,
    failed: 0,
  })
  clock.advance(2 * HOUR)
  expect(await acme.erasure.work()).toMatchObject({ incomplete: 1 })
  expect(executions(hook)).toHaveLength(2)
  await acme.close()
})

journey('after its last attempt an item is dead, until somebody brings it back', async (place) => {
  let fails = true
  const hook = scriptedHook({
    attempts: 3,
    owner: 'dpo',
    deadline: { days: 5 },
    execute: () => {
      if (fails) throw new Error('marker-17')
      return 'done'
    },
  })
  const fine = scriptedHook({ id: 'fine' })
  const { acme, id, clock } = await openWithAnna(place, [hook, fine])
  const erasureId = await eraseInVain(acme, id)
  for (let day = 0; day < 6; day += 1) {
    clock.advance(DAY)
    await acme.erasure.work()
  }
  expect(executions(hook)).toHaveLength(3)
  const [pending] = await collect(acme.erasure.pending())
  expect(pending).toEqual({
    erasureId,
    subjectId: id,
    step: 'destroyed',
    startedAt: new Date(START).toISOString(),
    dueAt: new Date(START + 30 * DAY).toISOString(),
    hooks: [
      {
        hook: 'mailing',
        items: 1,
        done: 0,
        attempts: 3,
        dead: 1,
        tickets: [],
        owner: 'dpo',
        deadline: new Date(START + 5 * DAY).toISOString(),
      },
      { hook: 'fine', items: 1, done: 1, attempts: 0, dead: 0, tickets: [] },
    ],
  })
  expect(await refusal(acme.erasure.resume(erasureId))).toMatchObject({
    code: 'erasure_incomplete',
    details: { failing: ['mailing'], hooks: [{ hook: 'mailing', attempts: 3, dead: 1 }] },
  })
  fails = false
  await acme.erasure.retry(erasureId, { hook: 'mailing' })
  expect(await acme.erasure.work()).toMatchObject({ completed: 1 })
  await expectCertified(acme, erasureId)
  await acme.close()
})

journey(
  'what only somebody can do is dead at once, and says which ticket it has',
  async (place) => {
    let isDone = false
    const hook = scriptedHook({
      plan: () => [itemOf('row-1'), itemOf('row-2')],
      execute: ({ id }) => (isDone || id === 'row-1' ? 'already_done' : { manual: 'T-17' }),
    })
    const { acme, id } = await openWithAnna(place, [hook])
    const erasureId = await eraseInVain(acme, id)
    expect(await collect(acme.erasure.pending())).toMatchObject([
      { hooks: [{ items: 2, done: 1, dead: 1, tickets: ['T-17'] }] },
    ])
    const { details } = await caught(acme.erasure.resume(erasureId))
    expect(JSON.stringify(details)).not.toContain('T-17')
    isDone = true
    await acme.erasure.retry(erasureId, { hook: 'mailing' })
    await expectCertified(acme, erasureId)
    await acme.close()
  },
)

journey('retry knows what there is to retry, and changes nothing that is done', async (place) => {
  const hook = scriptedHook({
    plan: () => [itemOf('row-1'), itemOf('row-2')],
    execute: ({ id }) => (id === 'row-1' ? 'done' : { blocked: 'x' }),
  })
  const { acme, id } = await openWithAnna(place, [hook])
  const erasureId = await eraseInVain(acme, id)
  const missing = (kind: string): object => ({ code: 'not_found', details: { kind } })
  const ask = { hook: 'mailing' }
  expect(await refusal(acme.erasure.retry('f'.repeat(32), ask))).toEqual(missing('erasure'))
  expect(await refusal(acme.erasure.retry('x', ask))).toEqual(missing('erasure'))
  expect(await refusal(acme.erasure.retry(erasureId, { hook: 'other' }))).toEqual(missing('hook'))
  for (const bad of [undefined, {}, { hook: 7 }, { hook: 'mailing', item: 'row-1' }])
    expect(await refusal(acme.erasure.retry(erasureId, bad as never))).toMatchObject({
      code: 'invalid_input',
    })
  await acme.erasure.retry(erasureId, ask)
  await refusal(acme.erasure.resume(erasureId))
  expect(executions(hook)).toEqual(['execute row-1', 'execute row-2', 'execute row-2'])
  await acme.close()
})

journey(
  'hooks run behind those that they depend on, and only once these are done',
  async (place) => {
    let isDown = true
    const order: string[] = []
    const hookOf = (
      id: string,
      dependsOn: readonly string[],
      needsPlaintext = false,
    ): ErasureHook =>
      scriptedHook({
        id,
        dependsOn,
        needsPlaintext,
        execute: () => {
          if (id === 'crm' && isDown) return { retryAfter: { hours: 1 }, why: 'down' }
          order.push(id)
          return 'done'
        },
      })
    const hooks = [
      hookOf('billing', ['crm']),
      hookOf('archive', ['billing', 'reader']),
      hookOf('crm', []),
      hookOf('alone', []),
      hookOf('reader', [], true),
    ]
    const { acme, id, clock } = await openWithAnna(place, hooks)
    const { details } = await caught(acme.erasure.erase(id, ASK))
    // Those that wait for another hook do not fail: they are only left.
    expect(details).toMatchObject({ failing: ['crm'] })
    expect(order).toEqual(['reader', 'alone'])
    isDown = false
    clock.advance(HOUR)
    await acme.erasure.work()
    expect(order).toEqual(['reader', 'alone', 'crm', 'billing', 'archive'])
    await expectCertified(acme, (details as { erasureId: string }).erasureId)
    await acme.close()
  },
)

journey('a hook is asked for as many items at a time as it takes', async (place) => {
  let busy = 0
  let most = 0
  const hook = scriptedHook({
    concurrency: 3,
    plan: () => Array.from({ length: 10 }, (_, n) => itemOf(`row-${n}`)),
    execute: async () => {
      busy += 1
      most = Math.max(most, busy)
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      busy -= 1
      return 'done'
    },
  })
  const { acme, id } = await openWithAnna(place, [hook])
  await acme.erasure.erase(id, ASK)
  expect(most).toBe(3)
  expect(executions(hook)).toHaveLength(10)
  await acme.close()
})

journey('a hook of another version plans again, and still erases what was shown', async (place) => {
  const found = [itemOf('row-1')]
  const left = new Set(['row-1', 'row-2'])
  let isDown = true
  const hookOf = (version: number): ScriptedHook =>
    scriptedHook({
      version,
      plan: () => [...found],
      execute: ({ id }) => {
        if (isDown) return { retryAfter: { hours: 1 }, why: 'down' }
        left.delete(id)
        return 'done'
      },
      verify: ({ id }) => (left.has(id) ? { residual: 1 } : 'absent'),
    })
  const clock = fakeClock()
  const acme = await openAcme(place.store(), { hooks: [hookOf(1)], clock })
  const id = await addAnna(acme)
  const plan = await acme.erasure.plan(id, ASK)
  await refusal(acme.erasure.run(plan))
  await acme.close()

  // The new version knows of another row, and no longer finds the first.
  found.splice(0, 1, itemOf('row-2'))
  isDown = false
  clock.advance(HOUR)
  const newer = hookOf(2)
  const later = await openAcme(place.store(), { hooks: [newer], clock })
  expect(await later.erasure.work()).toMatchObject({ completed: 1 })
  expect(newer.calls).toEqual([
    'plan',
    'execute row-1',
    'execute row-2',
    'verify row-1',
    'verify row-2',
  ])
  expect(left.size).toBe(0)
  const certificate = await later.erasure.resume(plan.erasureId)
  expect(await verifyCertificate(certificate, later.ledger.publicKeys)).toMatchObject({
    certificate: { planHash: plan.hash },
  })
  await later.close()
})

journey('a hook of another version that cannot plan blocks, and is asked again', async (place) => {
  let fails = true
  const { acme, id, clock } = await openWithAnna(place, [
    scriptedHook({ version: 1, execute: () => ({ retryAfter: { hours: 1 }, why: 'down' }) }),
  ])
  const erasureId = await eraseInVain(acme, id)
  await acme.close()
  clock.advance(HOUR)
  const newer = scriptedHook({
    version: 2,
    plan: () => {
      if (fails) throw new Error('marker-17')
      return []
    },
  })
  const later = await openAcme(place.store(), { hooks: [newer], clock })
  expect(await refusal(later.erasure.resume(erasureId))).toMatchObject({
    details: { failing: ['mailing'] },
  })
  expect(executions(newer)).toEqual([])
  fails = false
  await expectCertified(later, erasureId)
  await later.close()
})

journey(
  'the keys stay while a hook that needs plaintext is not installed, and another runs on',
  async (place) => {
    const seen: unknown[] = []
    let isDown = true
    const reader = scriptedHook({
      needsPlaintext: true,
      execute: async (_, { read }) => {
        if (isDown) return { retryAfter: { hours: 0 }, why: 'down' }
        seen.push(await read('contact', ['email']))
        return 'done'
      },
    })
    const { acme, id, clock } = await openWithAnna(place, [reader])
    const erasureId = await eraseInVain(acme, id)
    await acme.close()
    const without = await openAcme(place.store(), { clock })
    expect(await refusal(without.erasure.resume(erasureId))).toMatchObject({
      details: { failing: ['mailing'] },
    })
    expect(await without.erasure.work()).toMatchObject({ waiting: 1 })
    await without.close()
    isDown = false
    const again = await openAcme(place.store(), { hooks: [reader], clock })
    await expectCertified(again, erasureId)
    expect(seen).toEqual([{ email: ANNA.email }])
    await again.close()
  },
)

journey(
  'two processes that go on with one erasure do not run an item at the same time',
  async (place) => {
    const running = new Set<string>()
    const answers: (() => void)[] = []
    const hookOf = (): ScriptedHook =>
      scriptedHook({
        plan: () => [itemOf('row-1'), itemOf('row-2')],
        execute: async ({ id }) => {
          expect(running).not.toContain(id)
          running.add(id)
          await new Promise<void>((resolve) => {
            answers.push(resolve)
          })
          running.delete(id)
          return 'done'
        },
      })
    const [mine, theirs] = [hookOf(), hookOf()]
    const { acme, id } = await openWithAnna(place, [mine])
    const clock = fakeClock(START + LEASE - 1)
    const other = await openAcme(place.store(), { hooks: [theirs], clock })
    const { erasureId } = await acme.erasure.plan(id, ASK)
    const run = acme.erasure.resume(erasureId)
    await until(() => answers.length === 1)
    expect(await refusal(other.erasure.resume(erasureId))).toMatchObject({ code: 'write_conflict' })
    expect(await other.erasure.work()).toMatchObject({ waiting: 1 })
    answers[0]?.()
    await until(() => answers.length === 2)
    answers[1]?.()
    await run
    expect(executions(mine)).toEqual(['execute row-1', 'execute row-2'])
    expect(executions(theirs)).toEqual([])
    await expectCertified(other, erasureId)
    await other.close()
    await acme.close()
  },
)

journey(
  'the lease of a process that died runs out, and what it began is looked at first',
  async (place) => {
    const clock = fakeClock()
    const dead = scriptedHook({ execute: () => new Promise(() => undefined) })
    const acme = await openAcme(place.store(), { hooks: [dead], clock })
    const id = await addAnna(acme)
    const { erasureId } = await acme.erasure.plan(id, ASK)
    // Whatever becomes of it: its process is gone.
    acme.erasure.resume(erasureId).catch(() => undefined)
    await until(() => executions(dead).length === 1)

    for (const isGone of [false, true]) {
      const hook = scriptedHook({
        execute: () => (isGone ? 'done' : { retryAfter: { hours: 0 }, why: 'not yet' }),
        verify: () => (isGone ? 'absent' : { residual: 1 }),
      })
      const other = await openAcme(place.store(), { hooks: [hook], clock })
      if (!isGone) {
        expect(await refusal(other.erasure.resume(erasureId))).toMatchObject({
          code: 'write_conflict',
        })
        const leasedUntil = new Date(clock.now() + LEASE).toISOString()
        expect(await collect(other.erasure.pending())).toMatchObject([{ leasedUntil }])
        clock.advance(LEASE)
        const [left] = await collect(other.erasure.pending())
        expect(left).not.toHaveProperty('leasedUntil')
        await refusal(other.erasure.resume(erasureId))
        expect(hook.calls).toEqual(['verify row-1', 'execute row-1'])
      } else {
        await expectCertified(other, erasureId)
      }
      await other.close()
    }
  },
)

journey('whoever stops a run gives the hooks back at once', async (place) => {
  const stop = new AbortController()
  let runs = 0
  const hook = scriptedHook({
    execute: (_, { signal }) => {
      runs += 1
      if (runs > 1) return 'done'
      stop.abort(new Error('enough'))
      signal.throwIfAborted()
      return 'done'
    },
    verify: () => (runs > 1 ? 'absent' : 'unknown'),
  })
  const { acme, id } = await openWithAnna(place, [hook])
  const { erasureId } = await acme.erasure.plan(id, ASK)
  const run = acme.erasure.resume(erasureId, { signal: stop.signal })
  await expect(run).rejects.toThrow('enough')
  // A try that was broken off is none: it waits for nothing, and is looked at before it is repeated.
  await expectCertified(acme, erasureId)
  expect(hook.calls).toEqual([
    'plan',
    'execute row-1',
    'verify row-1',
    'execute row-1',
    'verify row-1',
  ])
  await acme.close()
})

journey(
  'a hook that needs plaintext reads every record of a type that a person has many of',
  async (place) => {
    const contexts: HookContext[] = []
    const seen: unknown[] = []
    const reader = scriptedHook({
      id: 'reader',
      needsPlaintext: true,
      plan: async (context) => {
        seen.push(await collect(context.list('ticket', ['text'])))
        return [itemOf('row-1')]
      },
      execute: async (_, context) => {
        contexts.push(context)
        const records = await collect(context.list('ticket', ['channel', 'text']))
        seen.push(records.map(({ fields }) => fields))
        seen.push(await refusal(collect(context.list('contact', ['email']))))
        seen.push(await refusal(collect(context.list('ticket', ['shoeSize']))))
        return 'done'
      },
    })
    const plain = scriptedHook({
      id: 'plain',
      plan: async ({ list }) => {
        seen.push(await refusal(collect(list('ticket', ['text']))))
        return []
      },
    })
    const acme = await openAcme(place.store(), { hooks: [reader, plain] })
    const { id } = await acme.subjects.register()
    const { support } = accessorsOf(acme)
    const { recordId } = await support.ticket.create(id, { text: 'help', channel: 'mail' })
    await acme.erasure.erase(id, ASK)
    expect(seen).toHaveLength(5)
    expect(seen).toEqual(
      expect.arrayContaining([
        [{ recordId, fields: { text: 'help' } }],
        [{ channel: 'mail', text: 'help' }],
        expect.objectContaining({ code: 'not_supported', details: { what: 'hook_list_single' } }),
        expect.objectContaining({ code: 'not_declared' }),
        expect.objectContaining({ code: 'not_permitted' }),
      ]),
    )
    const [late] = contexts
    expect(await refusal(collect(late?.list('ticket', ['text']) ?? itemless()))).toMatchObject({
      code: 'not_permitted',
    })
    const accesses = await collect(acme.audit.query({ actor: 'hook:reader' }))
    expect(accesses.map(({ action, record }) => `${action} ${record}`)).toEqual([
      'list ticket',
      'list ticket',
    ])
    await acme.close()
  },
)

async function* itemless(): AsyncGenerator<never> {
  // There was no context at all.
}

journey('many records are read page by page, and each access is logged', async (place) => {
  const counts: number[] = []
  const reader = scriptedHook({
    needsPlaintext: true,
    plan: async (context) => {
      counts.push((await collect(context.list('ticket', ['text']))).length)
      return []
    },
  })
  const acme = await openAcme(place.store(), { hooks: [reader] })
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  await Promise.all(
    Array.from({ length: 130 }, (_, n) => support.ticket.create(id, { text: `t${n}` })),
  )
  await acme.erasure.plan(id, ASK)
  expect(counts).toEqual([130])
  expect(await collect(acme.audit.query({ actor: 'hook:mailing' }))).toHaveLength(3)
  await acme.close()
})

journey('one erasure that cannot go on stops none of the others', async (place) => {
  const bad = new Set<string>()
  const hook = scriptedHook({
    execute: (_, { subjectId }) =>
      bad.has(subjectId) ? { retryAfter: { hours: 1 }, why: 'down' } : 'done',
  })
  const { acme, clock } = await openWithAnna(place, [hook])
  const ids = await Promise.all(Array.from({ length: 5 }, () => acme.subjects.register()))
  for (const { id } of ids) bad.add(id)
  for (const { id } of ids) await eraseInVain(acme, id)
  expect(await collect(acme.erasure.pending())).toHaveLength(5)
  clock.advance(HOUR)
  const [first, ...others] = ids
  for (const { id } of others) bad.delete(id)
  const seen: unknown[] = []
  const counts = await acme.erasure.work({ onProgress: (now) => seen.push(now) })
  expect(counts).toEqual({ completed: 4, cancelled: 0, incomplete: 1, waiting: 0, failed: 0 })
  expect(seen).toHaveLength(5)
  expect(seen.at(-1)).toEqual(counts)
  expect(await collect(acme.erasure.pending())).toMatchObject([{ subjectId: first?.id }])
  await acme.close()
})

journey(
  'work can be bounded and stopped, and a row that does not open is counted',
  async (place) => {
    let isDown = true
    const hook = scriptedHook({
      execute: () => (isDown ? { retryAfter: { hours: 1 }, why: 'down' } : 'done'),
    })
    const { acme, id, clock } = await openWithAnna(place, [hook])
    await eraseInVain(acme, id)
    const { id: other } = await acme.subjects.register()
    await eraseInVain(acme, other)
    clock.advance(HOUR)
    isDown = false
    const stop = AbortSignal.abort(new Error('enough'))
    await expect(acme.erasure.work({ signal: stop })).rejects.toThrow('enough')
    expect(await acme.erasure.work({ limit: 1 })).toMatchObject({ completed: 1 })
    expect(await acme.erasure.work({ limit: 1 })).toMatchObject({ completed: 1 })
    for (const bad of [{ limit: 0 }, { limit: 1.5 }, { signal: 1 }, { onProgress: 1 }, { x: 1 }])
      expect(await refusal(acme.erasure.work(bad as never))).toMatchObject({
        code: 'invalid_input',
      })
    expect(await refusal(collect(acme.erasure.pending({ x: 1 } as never)))).toMatchObject({
      code: 'invalid_input',
    })
    await acme.close()

    const [head] = (await place.rows()).flatMap(([key]) => (key.includes('/c/c/') ? [key] : []))
    const store = place.store()
    await store.open()
    const broken = `${head?.slice(0, head.indexOf('/c/c/'))}/c/q/${'0'.repeat(32)}`
    await store.commit({ checks: [], put: [[broken, new Uint8Array(40)]], del: [] })
    await store.close()
    const later = await openAcme(place.store(), { clock })
    expect(await later.erasure.work()).toMatchObject({ failed: 1 })
    expect(await refusal(collect(later.erasure.pending()))).toMatchObject({
      code: 'unsupported_format',
    })
    await later.close()
  },
)

journey('plans that nobody ran are not pending, and nobody works on them', async (place) => {
  const { acme, id, clock } = await openWithAnna(place, [scriptedHook()])
  await acme.erasure.plan(id, ASK)
  clock.advance(DAY)
  expect(await collect(acme.erasure.pending())).toEqual([])
  expect(await acme.erasure.work()).toMatchObject({ completed: 0, waiting: 0 })
  expect(await accessorsOf(acme).support.contact.read(id)).toMatchObject({ name: 'Anna' })
  await acme.close()
})

test('a hook that does not answer is not asked for the rest, and all of it waits', async () => {
  const hook = scriptedHook({
    plan: () => ['1', '2', '3', '4'].map(itemOf),
    execute: ({ id }) => (id === '1' ? 'done' : new Promise(() => undefined)),
  })
  const acme = await openAcme(memoryStore(), { hooks: [hook] })
  const { id } = await acme.subjects.register()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const erasing = refusal(acme.erasure.erase(id, ASK))
    await until(() => executions(hook).length === 2)
    vi.advanceTimersByTime(30_000)
    expect(await erasing).toMatchObject({
      code: 'erasure_incomplete',
      details: { hooks: [{ items: 3, attempts: 1, nextAttemptAt: expect.any(String) }] },
    })
  } finally {
    vi.useRealTimers()
  }
  expect(executions(hook)).toEqual(['execute 1', 'execute 2'])
  expect(await acme.erasure.work()).toMatchObject({ waiting: 1 })
  await acme.close()
})

journey('a hook that lies every time is found out every time, and given up', async (place) => {
  const liar = scriptedHook({ attempts: 4, verify: () => ({ residual: 1 }) })
  const { acme, id, clock } = await openWithAnna(place, [liar])
  const erasureId = await eraseInVain(acme, id)
  await workUntil(acme, clock, START + 10 * DAY)
  expect(executions(liar)).toHaveLength(4)
  expect(await collect(acme.erasure.pending())).toMatchObject([
    { erasureId, step: 'destroyed', hooks: [{ done: 0, dead: 1, attempts: 4 }] },
  ])
  await acme.close()
})

test('the job of an erasure stays within one value, whatever its hooks plan', async () => {
  const tiny = (hook: string): readonly HookItem[] =>
    Array.from({ length: 1_000 }, (_, n) => ({ id: `${hook}${n}`, description: '', count: 1 }))
  const ids = ['a', 'b', 'c']
  const clock = fakeClock()
  const hooks = ids.map((id) =>
    scriptedHook({ id, concurrency: 16, plan: () => tiny(id), execute: () => ({ blocked: 'x' }) }),
  )
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }), { hooks, clock })
  const erasureId = await eraseInVain(acme, await addAnna(acme))
  const job = [...share.rows].find(([key]) => key.includes(`/c/q/${erasureId}`))
  expect(job?.[1].length).toBeLessThan(400_000)
  await acme.close()
})

journey(
  'in the erasure of a part only hooks run that say so, and they see which part',
  async (place) => {
    const scopes: unknown[] = []
    const partial = scriptedHook({
      id: 'partial',
      partial: true,
      needsPlaintext: true,
      execute: async (_, { scope, read }) => {
        scopes.push(scope, await read('contact', ['email']))
        return 'done'
      },
      verify: (_, { scope }) => {
        scopes.push(scope)
        return 'absent'
      },
    })
    const whole = scriptedHook({ id: 'whole' })
    const { acme, id } = await openWithAnna(place, [whole, partial])
    const scope = { records: [{ record: 'contact', fields: ['address'] }] }
    await acme.erasure.erase(id, { reason: 'subject_request', scope })
    expect(scopes).toEqual([scope, { email: ANNA.email }, scope])
    expect(whole.calls).toEqual([])
    expect(partial.calls).toEqual(['plan', 'execute row-1', 'verify row-1'])
    expect(await accessorsOf(acme).support.contact.select(id, ['name'])).toMatchObject({
      name: 'Anna',
    })
    await acme.close()
  },
)

journey('a part whose hook is down is erased once that is back', async (place) => {
  let isDown = true
  const hook = scriptedHook({
    partial: true,
    execute: () => (isDown ? { retryAfter: { hours: 1 }, why: 'down' } : 'done'),
  })
  const { acme, id, clock } = await openWithAnna(place, [hook])
  const scope = { records: [{ record: 'contact', fields: ['address'] }] }
  const ask = { reason: 'subject_request', scope }
  const { code } = await refusal(acme.erasure.erase(id, ask))
  expect(code).toBe('erasure_incomplete')
  isDown = false
  clock.advance(HOUR)
  expect(await acme.erasure.work()).toMatchObject({ completed: 1 })
  expect(await collect(acme.erasure.pending())).toEqual([])
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await acme.close()
})

interface Death {
  readonly nth: number
  readonly when: 'before' | 'after'
}

/** Dies at a call with hooks half way; how often each item was executed, and how many calls there are. */
async function dieAndWork(name: Place['name'], { nth, when }: Death): Promise<number> {
  const place = await PLACES[name]()
  try {
    let armed = false
    const gone = new Set<string>()
    const hookOf = (id: string, needsPlaintext: boolean): ScriptedHook =>
      scriptedHook({
        id,
        needsPlaintext,
        concurrency: 2,
        plan: () => ['1', '2', '3'].map((row) => itemOf(`${id}-${row}`)),
        execute: ({ id: item }) => {
          if (gone.has(item)) return 'already_done'
          gone.add(item)
          return 'done'
        },
        verify: ({ id: item }) => (gone.has(item) ? 'absent' : { residual: 1 }),
      })
    const hooks = [hookOf('after', false), hookOf('before', true)]
    const dying = dyingStore(place.store(), { nth, when, armed: () => armed })
    const acme = await openAcme(dying.store, { hooks, clock: eagerClock() })
    const id = await addAnna(acme)
    const { erasureId } = await acme.erasure.plan(id, ASK)
    armed = true
    const outcome = await Promise.race([dying.dead, acme.erasure.resume(erasureId)])
    const calls = dying.calls()
    const later = await openAcme(place.store(), { hooks, clock: eagerClock(START + LEASE) })
    await later.erasure.resume(erasureId)
    await expectCertified(later, erasureId)
    expect(gone.size).toBe(6)
    // Whoever finds an item begun asks first: what was done once is not done again.
    for (const hook of hooks) expect(new Set(executions(hook)).size).toBe(executions(hook).length)
    await later.close()
    return outcome === 'dead' ? nth : calls
  } finally {
    await place.dispose()
  }
}

for (const when of ['before', 'after'] as const) {
  journey(
    `a process that dies ${when} any call does no item twice that was done`,
    async (place) => {
      const calls = await dieAndWork(place.name, { nth: Number.POSITIVE_INFINITY, when })
      expect(calls).toBeGreaterThan(15)
      for (let nth = 1; nth <= calls; nth += 1) await dieAndWork(place.name, { nth, when })
    },
  )
}
