import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { toHex } from '../../src/base/bytes.ts'
import { placedHeads, sealedIn } from '../../src/erasure/partial/look.ts'
import type { ErasureScope } from '../../src/erasure/scope.ts'
import type { Kept } from '../../src/erasure/selection.ts'
import { openSection } from '../../src/vault/sections.ts'
import { readHeads } from '../../src/vault/record-heads.ts'
import { controller, eagerClock } from '../support/acme.ts'
import { epochKeys } from '../support/epoch-keys.ts'
import { openVault, type OpenVault } from '../support/open-vault.ts'
import { scaled } from '../support/scale.ts'

fc.configureGlobal({ seed: 20_261_122 })

const RUNS = scaled({ ci: 100, torture: 2_000 })
const PURPOSES = ['support', 'billing', 'care'] as const
/** Field, the purposes that it serves; the first one writes it. */
const FIELDS: { readonly [name: string]: readonly string[] } = {
  a: ['support'],
  b: ['support', 'billing'],
  c: ['billing'],
  d: ['care'],
}
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
const roles = { all: { purposes: PURPOSES } }
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

const fields = fc.subarray(Object.keys(FIELDS), { minLength: 1 })
const part = fc.record({
  record: fc.constantFrom('one', 'many'),
  fields: fc.option(fields, { nil: undefined }),
  nth: fc.nat(3),
})
const scenario = fc.record({
  one: fields,
  many: fc.array(fields, { maxLength: 4 }),
  scope: fc.oneof(
    fc.array(part, { minLength: 1, maxLength: 2 }),
    fc.constantFrom(...PURPOSES),
    fc.constant('health' as const),
  ),
  kept: fc.array(part, { maxLength: 2 }),
})
type Part = typeof part extends fc.Arbitrary<infer P> ? P : never
type Scenario = typeof scenario extends fc.Arbitrary<infer S> ? S : never

/** Names of fields by record; the single one is called `one`. */
type State = ReadonlyMap<string, readonly string[]>

interface Filled {
  readonly id: string
  readonly ids: readonly string[]
}

test(`what is left is what was not asked for or has to stay, in ${RUNS} runs`, {
  timeout: 300_000,
}, async () => {
  const keys = epochKeys()
  const share = memoryData()
  const privity = (await createPrivity({
    policy,
    store: memoryStore({ share }),
    keys: keys.provider(),
    clock: eagerClock(),
  } as never)) as never as App
  let kept: readonly Kept[] = []
  const opened = await openVault(memoryStore({ share }), {
    declared: policy,
    keys: keys.provider(),
    keptOf: () => kept,
  })
  await fc.assert(
    fc.asyncProperty(scenario, async (drawn) => {
      const filled = await fill(privity, drawn)
      const { id, ids } = filled
      const before = await stateOf(opened, id)
      const keyIds = await keysOf(opened, id)
      kept = drawn.kept.map((some) => keptPart(some, ids))
      await opened.erasure.erase(id as never, { reason: 'test', scope: scopeOf(drawn, ids) })
      const expected = model(before, drawn, ids)
      const after = await stateOf(opened, id)
      expect(after).toEqual(expected)
      const left = await keysOf(opened, id)
      const isChanged = JSON.stringify([...before]) !== JSON.stringify([...expected])
      expect(left.filter((key) => keyIds.includes(key)).length < keyIds.length).toBe(isChanged)
      // A key for each class that something is sealed under, and the one of everybody.
      expect(new Set(left).size).toBe(left.length)
    }),
    { numRuns: RUNS },
  )
  expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
})

interface App {
  readonly subjects: { register(): Promise<{ readonly id: string }> }
  readonly ledger: { verify(options: object): Promise<object> }
  accessor(ask: object): {
    readonly one: {
      create(id: string, value: object): Promise<void>
      update(id: string, value: object): Promise<void>
    }
    readonly many: {
      create(id: string, value: object): Promise<{ readonly recordId: string }>
      update(id: string, recordId: string, value: object): Promise<void>
    }
  }
}

async function fill(app: App, { one, many }: Scenario): Promise<Filled> {
  const { id } = await app.subjects.register()
  const ids: string[] = []
  const valuesFor = (some: readonly string[], purpose: string): object =>
    Object.fromEntries(
      some.filter((name) => FIELDS[name]?.[0] === purpose).map((name) => [name, `${name} ${id}`]),
    )
  const [first, ...others] = PURPOSES.map((purpose) => app.accessor({ purpose, actor }))
  await first?.one.create(id, valuesFor(one, 'support'))
  for (const [n, other] of others.entries())
    await other.one.update(id, valuesFor(one, PURPOSES[n + 1] ?? ''))
  for (const some of many) {
    const recordId = (await first?.many.create(id, valuesFor(some, 'support')))?.recordId ?? ''
    for (const [n, other] of others.entries())
      await other.many.update(id, recordId, valuesFor(some, PURPOSES[n + 1] ?? ''))
    ids.push(recordId)
  }
  return { id, ids }
}

/** What there is, opened without the code that erases. */
async function stateOf({ vault }: OpenVault, id: string): Promise<State> {
  const { people } = vault
  const found = await readHeads(people, (await people.read(id)).person)
  const state = new Map<string, readonly string[]>()
  for (const record of placedHeads(found.heads)) {
    const { type, recordId } = record
    const key = recordId === undefined ? '' : people.deps.keyspace.record(id, type, recordId)
    const [row] = key === '' ? [] : await people.deps.store.read([key])
    const sealed = sealedIn(vault, { person: found.person, rows: { get: () => row } }, record)
    const names = Object.keys(record.head.sections).flatMap((accessClass) =>
      Object.keys(openSection(sealed, Number(accessClass), found.person.key(Number(accessClass)))),
    )
    state.set(recordId ?? 'one', names.sort())
  }
  return new Map([...state].sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function keysOf({ vault }: OpenVault, id: string): Promise<readonly string[]> {
  const { person } = await vault.people.read(id)
  return person.ring.map(({ accessClass, keyId }) => `${accessClass}/${toHex(keyId)}`)
}

/** Which record a part is about; undefined: all of the type. */
function recordIdOf({ record, nth }: Part, ids: readonly string[]): string | undefined {
  return record === 'many' ? ids[nth] : undefined
}

function scopeOf({ scope }: Scenario, ids: readonly string[]): ErasureScope {
  if (scope === 'health') return { special: scope }
  if (typeof scope === 'string') return { purpose: scope }
  return {
    records: scope.map((some) => {
      const recordId = recordIdOf(some, ids)
      return {
        record: some.record,
        ...(recordId === undefined ? {} : { recordId }),
        ...(some.fields === undefined ? {} : { fields: some.fields }),
      }
    }),
  }
}

function keptPart(some: Part, ids: readonly string[]): Kept {
  const recordId = recordIdOf(some, ids)
  return {
    record: some.record,
    ground: 'hold:m-1',
    ...(recordId === undefined ? {} : { recordId }),
    ...(some.fields === undefined ? {} : { fieldIds: some.fields }),
  }
}

/** In as few words as it can be said: each field by itself. */
function model(before: State, { scope, kept }: Scenario, ids: readonly string[]): State {
  const isMeant = (some: Part, record: string, name: string): boolean => {
    const wanted = some.record === 'one' ? 'one' : recordIdOf(some, ids)
    const isRecord = wanted === undefined ? record !== 'one' : wanted === record
    return isRecord && (some.fields === undefined || some.fields.includes(name))
  }
  const goes = (record: string, name: string): boolean => {
    if (kept.some((some) => isMeant(some, record, name))) return false
    if (scope === 'health') return name === HEALTH
    if (typeof scope !== 'string') return scope.some((some) => isMeant(some, record, name))
    // Every purpose here has a live basis.
    return FIELDS[name]?.join() === scope
  }
  return new Map(
    [...before].flatMap(([record, names]) => {
      const left = names.filter((name) => !goes(record, name))
      return left.length === 0 && left.length < names.length ? [] : [[record, left]]
    }),
  )
}
