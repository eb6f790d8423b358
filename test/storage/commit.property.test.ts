import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { isPrivityError, PrivityError } from '../../src/base/errors.ts'
import type { GroupCommit } from '../../src/storage/commit.ts'
import type { Batch, Store } from '../../src/storage/store.ts'
import { hookedStore, opened } from '../support/hooked-store.ts'
import {
  appendOp,
  type TinyReceipt,
  type TinyState,
  tinyGroup,
  tinyState,
} from '../support/tiny-log.ts'

const SEED = 20_261_121
const RUNS = 1_500
const SLOW = 60_000

/** What becomes of one commit of a group. */
type Fate = 'answered' | 'answer-lost' | 'request-lost' | 'late' | 'unavailable'

interface PlannedOp {
  readonly row: string
  readonly kind: 'append' | 'throws' | 'poison'
}

/** What one group is given at once. */
interface Burst {
  readonly group: number
  readonly ops: readonly PlannedOp[]
}

interface Plan {
  readonly bursts: readonly Burst[]
  /** By group, in the order of its commits; afterwards all are answered. */
  readonly fates: readonly (readonly Fate[])[]
}

/** One run: who submitted what, in which order, and what they were told. */
interface Played {
  readonly state: TinyState
  readonly ops: readonly (Submitted & { readonly outcome: PromiseSettledResult<unknown> })[]
}

interface Submitted extends PlannedOp {
  readonly id: string
  readonly group: number
}

/** How often the runs met what they are there for. */
type Met = { [M in 'together' | 'conflict' | Fate | 'landed late']: number }

function planOf(kinds: readonly PlannedOp['kind'][], fates: readonly Fate[]): fc.Arbitrary<Plan> {
  return fc.record({
    bursts: fc.array(
      fc.record({
        group: fc.nat({ max: 2 }),
        ops: fc.array(
          fc.record({
            row: fc.constantFrom('row/x', 'row/y'),
            kind: fc.constantFrom(...kinds),
          }),
          { minLength: 1, maxLength: 4 },
        ),
      }),
      { minLength: 2, maxLength: 6 },
    ),
    fates: fc.tuple(...[0, 1, 2].map(() => fc.array(fc.constantFrom(...fates), { maxLength: 4 }))),
  })
}

/** Calls reach the rows, and their answers the group, whenever the scheduler says so. */
function scheduledStore(
  data: MemoryData,
  scheduler: fc.Scheduler,
  plan: { readonly fates: readonly Fate[]; readonly late: Promise<unknown>[]; readonly met: Met },
): Store {
  const rows = memoryStore({ share: data })
  async function pass<T>(run: () => Promise<T>): Promise<T> {
    await scheduler.schedule(Promise.resolve(), 'arrives')
    const [answer] = await Promise.allSettled([run()])
    await scheduler.schedule(Promise.resolve(), 'answers')
    if (answer.status === 'fulfilled') return answer.value
    if (isPrivityError(answer.reason, 'write_conflict')) plan.met.conflict += 1
    throw answer.reason
  }
  function deliverLate({ checks, put, del }: Batch): void {
    const copy = { checks: [...checks], put: [...put], del: [...del] }
    const late = scheduler
      .schedule(Promise.resolve(), 'late')
      .then(() => rows.commit(copy))
      .then(
        () => {
          plan.met['landed late'] += 1
        },
        () => undefined,
      )
    plan.late.push(late)
  }
  return hookedStore(rows, {
    read: (_, next) => pass(next),
    commit: (batch, next, nth) =>
      pass(async () => {
        const fate = plan.fates[nth - 1] ?? 'answered'
        if (batch.put.some(([key]) => key.startsWith('row/poison')))
          throw new PrivityError('invalid_input', { issues: [] })
        plan.met[fate] += 1
        if (batch.put.filter(([key]) => key.startsWith('e/')).length > 1) plan.met.together += 1
        if (fate === 'unavailable')
          throw new PrivityError('store_unavailable', { reason: 'planned' })
        if (fate === 'late') deliverLate(batch)
        if (fate === 'answered' || fate === 'answer-lost') await next()
        if (fate !== 'answered') throw new PrivityError('outcome_unknown', {})
      }),
  })
}

async function play(scheduler: fc.Scheduler, { bursts, fates }: Plan, met: Met): Promise<Played> {
  const data = memoryData()
  const late: Promise<unknown>[] = []
  const clock = { now: () => 0, wait: () => scheduler.schedule(Promise.resolve(), 'waited') }
  const groups = await Promise.all(
    fates.map(async (planned, index): Promise<GroupCommit<string, TinyReceipt>> => {
      const store = await opened(scheduledStore(data, scheduler, { fates: planned, late, met }))
      return tinyGroup(store, { name: `g${index}`, clock })
    }),
  )
  const submitted: Submitted[] = []
  const outcomes: Promise<PromiseSettledResult<unknown>>[] = []
  const arrivals = bursts.map(async ({ group, ops }) => {
    await scheduler.schedule(Promise.resolve(), 'submitted')
    for (const op of ops) {
      const id = `op${submitted.length}`
      submitted.push({ ...op, id, group })
      outcomes.push(settled(groups[group]?.submit(toParticipant(id, op))))
    }
  })
  await scheduler.waitFor(Promise.all(arrivals))
  const results = await scheduler.waitFor(Promise.all(outcomes))
  await scheduler.waitFor(Promise.all(late))
  const state = await tinyState(await opened(memoryStore({ share: data })))
  return {
    state,
    ops: submitted.flatMap((it, index) => {
      const outcome = results[index]
      return outcome === undefined ? [] : [{ ...it, outcome }]
    }),
  }
}

function toParticipant(id: string, { row, kind }: PlannedOp): ReturnType<typeof appendOp> {
  const fault = (): PrivityError => new PrivityError('not_found', { kind: 'record' })
  if (kind === 'poison') return appendOp({ id, row: `row/poison${id}` })
  return appendOp({ id, row, ...(kind === 'throws' ? { fault } : {}) })
}

async function settled(
  outcome: Promise<unknown> | undefined,
): Promise<PromiseSettledResult<unknown>> {
  const [result] = await Promise.allSettled([outcome])
  return result
}

const REFUSALS: { readonly [K in PlannedOp['kind']]: readonly string[] } = {
  append: ['store_unavailable'],
  throws: ['not_found'],
  poison: ['invalid_input', 'store_unavailable'],
}

function check({ state, ops }: Played): void {
  const written = Object.values(state.rows).flat()
  expect(state.log).toHaveLength(state.size)
  for (const { id, kind, outcome } of ops) {
    const times = written.filter((it) => it === id).length
    const entries = state.log.filter((it) => it === id).length
    expect([id, times, entries]).toEqual([
      id,
      ...(outcome.status === 'fulfilled' ? [1, 1] : [0, 0]),
    ])
    if (outcome.status === 'fulfilled') continue
    expect(isPrivityError(outcome.reason)).toBe(true)
    expect(REFUSALS[kind]).toContain(outcome.reason.code)
  }
  // No lost update: what a row holds is what the log says was done to it, in that order.
  for (const [row, held] of Object.entries(state.rows)) {
    const wanted = state.log.filter((it) => ops.some((op) => op.id === it && op.row === row))
    expect(held).toEqual(wanted)
  }
  for (const group of [0, 1, 2]) {
    const mine = ops.filter((op) => op.group === group && op.outcome.status === 'fulfilled')
    const places = mine.map(({ id }) => state.log.indexOf(id))
    expect(places).toEqual(places.toSorted((a, b) => a - b))
  }
}

/** Every group gets as far as it can before the next call is let through. */
async function takeTurn(release: () => Promise<void>): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  await release()
  await new Promise((resolve) => setImmediate(resolve))
}

async function holds(plan: fc.Arbitrary<Plan>): Promise<Met> {
  const met: Met = {
    together: 0,
    conflict: 0,
    answered: 0,
    'answer-lost': 0,
    'request-lost': 0,
    late: 0,
    'landed late': 0,
    unavailable: 0,
  }
  await fc.assert(
    fc.asyncProperty(fc.scheduler({ act: takeTurn }), plan, async (scheduler, planned) => {
      check(await play(scheduler, planned, met))
    }),
    { numRuns: RUNS, seed: SEED },
  )
  return met
}

function expectMet(met: Met, names: readonly (keyof Met)[]): void {
  for (const name of names) expect([name, met[name] >= 100]).toEqual([name, true])
}

describe('three groups on one store, in any interleaving of their calls', () => {
  test('acknowledge what they applied, once and in order', { timeout: SLOW }, async () => {
    const met = await holds(planOf(['append', 'append', 'append', 'throws'], ['answered']))
    expectMet(met, ['together', 'conflict'])
  })

  test('do so when answers and requests are lost or late', { timeout: SLOW }, async () => {
    const fates = ['answered', 'answer-lost', 'request-lost', 'late'] as const
    const met = await holds(planOf(['append', 'append', 'throws'], fates))
    expectMet(met, ['together', 'conflict', ...fates, 'landed late'])
  })

  test('do so when the store refuses operations or is away', { timeout: SLOW }, async () => {
    const fates = ['answered', 'answer-lost', 'late', 'unavailable'] as const
    const met = await holds(planOf(['append', 'append', 'append', 'poison'], fates))
    expectMet(met, ['together', 'conflict', ...fates, 'landed late'])
  })
})
