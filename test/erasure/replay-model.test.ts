import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  isPrivityError,
  type Row,
} from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { controller, eagerClock } from '../support/acme.ts'
import { epochKeys } from '../support/epoch-keys.ts'
import { scaled } from '../support/scale.ts'
import { allRows } from '../support/stores.ts'

fc.configureGlobal({ seed: 20_261_122 })

const RUNS = scaled({ ci: 60, torture: 3_000 })
/** Field, the purposes that it serves; the first one writes it. */
const FIELDS: { readonly [name: string]: readonly string[] } = {
  a: ['support'],
  b: ['support', 'billing'],
  c: ['billing'],
  d: ['care'],
}
const NAMES = Object.keys(FIELDS)
const HEALTH = 'd'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer' },
  billing: { basis: 'contract', description: 'Bill' },
  care: { basis: 'contract', description: 'Care', article9: '9(2)(h)' },
})
const records = {
  one: defineRecord(purposes, ({ field }) => fieldsOf(field as never) as never),
  many: defineRecord(purposes, ({ field }) => fieldsOf(field as never) as never, { many: true }),
}
const roles = { all: { purposes: ['support', 'billing', 'care'] } }
const policy = definePolicy({ controller, purposes, records, roles } as never)
const actor = { id: 'staff:ida', roles: ['all'] }

function fieldsOf(field: (schema: z.ZodType, options: object) => unknown): object {
  return Object.fromEntries(
    Object.entries(FIELDS).map(([name, some]) => {
      const rest = name === HEALTH ? { special: 'health' } : { lookup: 'exact' }
      return [name, field(z.string().exactOptional(), { purposes: some, ...rest })]
    }),
  )
}

const fields = fc.subarray(NAMES, { minLength: 1 })
const part = fc.record({
  record: fc.constantFrom('one', 'many'),
  fields: fc.option(fields, { nil: undefined }),
  nth: fc.option(fc.nat(2), { nil: undefined }),
})
const scope = fc.oneof(
  { arbitrary: fc.array(part, { minLength: 1, maxLength: 2 }), weight: 3 },
  { arbitrary: fc.constantFrom('support', 'billing', 'care'), weight: 1 },
  { arbitrary: fc.constant('health'), weight: 1 },
)
const record = fc.constantFrom('one', '0', '1', '2')
const op = fc.oneof(
  {
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      record,
      field: fc.constantFrom(...NAMES),
    }),
    weight: 5,
  },
  { arbitrary: fc.record({ kind: fc.constant('remove' as const), record }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('erase' as const), scope }), weight: 3 },
)
const scenario = fc.record({
  first: fc.array(fc.record({ record, field: fc.constantFrom(...NAMES) }), {
    minLength: 4,
    maxLength: 10,
  }),
  ops: fc.array(op, { minLength: 2, maxLength: 7 }),
  /** Where in the run the copy is of, from its beginning to its end. */
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  also: fc.double({ min: 0, max: 1, noNaN: true }),
})
type Part = typeof part extends fc.Arbitrary<infer P> ? P : never
type Scope = typeof scope extends fc.Arbitrary<infer S> ? S : never
type Op = typeof op extends fc.Arbitrary<infer O> ? O : never

/** Values by `record.field`. */
type State = ReadonlyMap<string, string>

interface Accessor {
  create(id: string, value: object): Promise<{ readonly recordId: string } | undefined>
  read(id: string, recordId?: string): Promise<{ readonly [field: string]: string } | undefined>
  update(id: string, ...rest: readonly unknown[]): Promise<void>
  remove(id: string, recordId: string): Promise<void>
}

interface App {
  readonly subjects: { register(): Promise<{ readonly id: string }> }
  readonly ledger: { verify(options: object): Promise<object> }
  readonly erasure: {
    erase(id: string, ask: object): Promise<string>
    replay(): Promise<string | undefined>
    work(): Promise<object>
  }
  accessor(ask: object): { readonly one: Accessor; readonly many: Accessor }
  close(): Promise<void>
}

/** A person in a store, what is expected there, and a copy of it behind each commit. */
interface Run {
  readonly app: App
  readonly id: string
  /** By name: each record has one of its own, also one that takes the place of another. */
  readonly recordIds: Map<string, string>
  readonly slots: Map<string, string>
  state: Map<string, string>
  nth: number
}

/** What one step of a run did: commits up to this one have its end, and what it took. */
interface Step {
  readonly before: State
  readonly end: number
  readonly taken: ReadonlySet<string>
}

test(`after a restore what was erased goes, and nothing else, in ${RUNS} runs`, {
  timeout: 300_000,
}, async () => {
  const keys = epochKeys()
  await fc.assert(
    fc.asyncProperty(scenario, async ({ first, ops, at, also }) => {
      const [share, journal] = [memoryData(), memoryData()]
      const copies: (readonly Row[])[] = []
      const open = (isCopied: boolean): Promise<App> =>
        openApp({ share, journal, keys, copies: isCopied ? copies : undefined })
      const app = await open(true)
      const { id } = await app.subjects.register()
      const run: Run = { app, id, recordIds: new Map(), slots: new Map(), state: new Map(), nth: 0 }
      for (const each of first) await perform(run, { kind: 'put', ...each })
      const start = copies.length
      const steps: Step[] = []
      for (const each of ops) {
        const before = new Map(run.state)
        const taken = await perform(run, each)
        steps.push({ before, end: copies.length, taken })
      }
      expect(await stateOf(run)).toEqual(sorted(run.state))
      await app.close()
      const last = steps.at(-1)?.end ?? start
      for (const where of [at, also]) {
        const chosen = Math.max(start, Math.round(start + where * (last - start)))
        await putBack(share, copies[chosen - 1] ?? [])
        const closed = await open(false)
        await closed.erasure.replay()
        await closed.close()
        const again = await open(false)
        await again.erasure.work()
        const found = await stateOf({ ...run, app: again })
        expect(found).toEqual(sorted(expectedAt(steps, chosen, run.state)))
        expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
        await again.close()
      }
    }),
    { numRuns: RUNS },
  )
})

/** As it was before the step that the copy is of, without what went then and later. */
function expectedAt(steps: readonly Step[], commits: number, end: State): State {
  const left = steps.filter((step) => step.end > commits)
  const [current] = left
  const state = new Map(current === undefined ? end : current.before)
  for (const { taken } of left) for (const place of taken) state.delete(place)
  return state
}

async function openApp({
  share,
  journal,
  keys,
  copies,
}: {
  readonly share: MemoryData
  readonly journal: MemoryData
  readonly keys: ReturnType<typeof epochKeys>
  readonly copies: (readonly Row[])[] | undefined
}): Promise<App> {
  const store = memoryStore({ share })
  return (await createPrivity({
    policy,
    store: {
      ...store,
      commit: async (batch: Parameters<typeof store.commit>[0]) => {
        await store.commit(batch)
        copies?.push(await allRows(memoryStore({ share })))
      },
    },
    journal: memoryStore({ share: journal }),
    keys: keys.provider(),
    clock: eagerClock(),
  } as never)) as never
}

async function putBack(share: MemoryData, copy: readonly Row[]): Promise<void> {
  const store = memoryStore({ share })
  const kept = new Set(copy.map(([key]) => key))
  const del = (await allRows(memoryStore({ share })))
    .map(([key]) => key)
    .filter((key) => !kept.has(key))
  await store.open()
  await store.commit({ checks: [], put: copy, del })
  await store.close()
}

/** Does it, and says which places an erasure took. */
async function perform(run: Run, each: Op): Promise<ReadonlySet<string>> {
  if (each.kind === 'put') await put(run, each)
  if (each.kind === 'remove') await remove(run, each.record)
  return each.kind === 'erase' ? erase(run, each.scope) : new Set()
}

async function put(
  run: Run,
  { record: slot, field }: { readonly record: string; readonly field: string },
): Promise<void> {
  const { app, id, recordIds, slots, state } = run
  const accessor = app.accessor({ purpose: FIELDS[field]?.[0], actor })
  run.nth += 1
  const value = `v${run.nth}`
  let name = slots.get(slot) ?? slot
  const isThere = [...state.keys()].some((place) => place.startsWith(`${name}.`))
  if (name === 'one') {
    // Who writes first makes the record, which has the value then.
    if (isThere) await accessor.one.update(id, { [field]: value })
    else await accessor.one.create(id, { [field]: value })
  } else if (isThere) {
    await accessor.many.update(id, recordIds.get(name), { [field]: value })
  } else {
    const made = await accessor.many.create(id, { [field]: value })
    name = `${slot}#${run.nth}`
    slots.set(slot, name)
    recordIds.set(name, made?.recordId ?? '')
  }
  state.set(`${name}.${field}`, value)
}

async function remove({ app, id, recordIds, slots, state }: Run, slot: string): Promise<void> {
  const name = slots.get(slot) ?? slot
  const isThere = [...state.keys()].some((place) => place.startsWith(`${name}.`))
  if (name === 'one' || !isThere) return
  await app.accessor({ purpose: 'support', actor }).many.remove(id, recordIds.get(name) ?? '')
  for (const place of [...state.keys()]) if (place.startsWith(`${name}.`)) state.delete(place)
}

async function erase(run: Run, drawn: Scope): Promise<ReadonlySet<string>> {
  const { app, id, recordIds, slots, state } = run
  const idOf = (some: Part): string | undefined =>
    some.record === 'one' || some.nth === undefined
      ? undefined
      : recordIds.get(slots.get(String(some.nth)) ?? '')
  const asked =
    drawn === 'health'
      ? { special: drawn }
      : typeof drawn === 'string'
        ? { purpose: drawn }
        : {
            records: drawn.map((some) => {
              const recordId = idOf(some)
              return {
                record: some.record,
                ...(recordId === undefined ? {} : { recordId }),
                ...(some.fields === undefined ? {} : { fields: some.fields }),
              }
            }),
          }
  await app.erasure.erase(id, { reason: 'test', scope: asked })
  const goes = (name: string, field: string): boolean => {
    if (drawn === 'health') return field === HEALTH
    if (typeof drawn === 'string') return FIELDS[field]?.join() === drawn
    return drawn.some((some) => {
      const wanted = idOf(some)
      const isRecord =
        some.record === 'one'
          ? name === 'one'
          : name !== 'one' && (wanted === undefined || wanted === recordIds.get(name))
      return isRecord && (some.fields === undefined || some.fields.includes(field))
    })
  }
  const taken = [...state.keys()].filter((place) => {
    const [name = '', field = ''] = place.split('.')
    return goes(name, field)
  })
  for (const place of taken) state.delete(place)
  return new Set(taken)
}

async function stateOf({ app, id, recordIds }: Run): Promise<State> {
  const state = new Map<string, string>()
  for (const purpose of ['support', 'billing', 'care'] as const) {
    const { one, many } = app.accessor({ purpose, actor })
    const names: readonly (readonly [string, string | undefined])[] = [
      ['one', undefined],
      ...recordIds,
    ]
    for (const [name, recordId] of names) {
      const value = await readOr(() =>
        recordId === undefined ? one.read(id) : many.read(id, recordId),
      )
      for (const [field, text] of Object.entries(value ?? {}))
        if (text !== undefined) state.set(`${name}.${field}`, text)
    }
  }
  return sorted(state)
}

async function readOr<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run()
  } catch (error) {
    if (isPrivityError(error, 'not_found')) return undefined
    throw error
  }
}

function sorted(state: State): State {
  return new Map([...state].sort(([a], [b]) => (a < b ? -1 : 1)))
}
