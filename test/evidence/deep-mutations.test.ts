import { beforeAll, describe, expect, test } from 'vitest'
import type { MemoryData } from '../../src/adapters/memory.ts'
import { fromUtf8 } from '../../src/base/bytes.ts'
import { isPrivityError } from '../../src/base/errors.ts'
import type { Fault } from '../../src/ledger/verify-log.ts'
import type { Acme } from '../support/acme.ts'
import {
  copyOf,
  coveredKeys,
  deletedRows,
  duplicate,
  flip,
  type Mutation,
  olderValues,
  remove,
  swap,
  withMutation,
} from '../support/deep-mutations.ts'
import { type BusyStore, busyStore, openOver } from '../support/deep-store.ts'
import { scaled } from '../support/scale.ts'
import { seeded } from '../support/seeded.ts'

const SLOW = scaled({ ci: 400_000, torture: 10_000_000 })
/** For every row. */
const FLIPS = 7
const SAMPLE = 200
/** In a store of 1,000 entries each takes as long as verifying all of it. */
const LARGE = scaled({ ci: 100, torture: 5_000 })
const LEAF = /^(.*\/)e\/([0-9a-f]{12})$/
const HEAD = /^(.*\/(?:l|w\/[0-9a-f]{4})\/)head$/
/** What does not open hides what is looked at through it, until it is put right. */
const COVER = /(?:\/head|\/p\/[0-9a-f]{32})$/
/** Leaves under one stored node. */
const SPAN = 16n

/** Whether a fault says that this row is not what it was. */
function names({ kind, key, index }: Fault, row: string): boolean {
  if (key === row) return true
  const [, head] = HEAD.exec(row) ?? []
  // An older head is true, and shorter than its log.
  if (head !== undefined) return kind === 'leaf_beyond_head' && key?.startsWith(head) === true
  const [, log, digits] = LEAF.exec(row) ?? []
  if (log === undefined || digits === undefined || index === undefined) return false
  const leaf = BigInt(`0x${digits}`)
  if (kind === 'node_mismatch') return key?.startsWith(log) === true && leaf - index < SPAN
  return leaf === index
}

/** A head that another instance took over says nothing new of the log: an older one of that size is as true. */
function isHarmless({ data }: BusyStore, { kind, keys: [key = ''], after }: Mutation): boolean {
  if (kind !== 'older' || !HEAD.test(key)) return false
  return sizeOf(after.get(key)) === sizeOf(data.rows.get(key))
}

function sizeOf(head: Uint8Array | undefined): number {
  return JSON.parse(fromUtf8(head ?? new Uint8Array(0)) ?? '').size
}

/** What verification did not find, or not name. */
async function missed(
  acme: Acme,
  store: BusyStore,
  mutation: Mutation,
): Promise<readonly unknown[]> {
  const { ok, faults } = await withMutation(store.data, mutation, () =>
    acme.ledger.verify({ deep: true }),
  )
  const unnamed = mutation.keys.filter((key) => !faults.some((fault) => names(fault, key)))
  const hidden = mutation.keys.some((key) => COVER.test(key)) ? mutation.keys.length - 1 : 0
  if (!ok && unnamed.length <= hidden) return []
  return [{ kind: mutation.kind, unnamed, ok, faults: faults.slice(0, 5) }]
}

/** Opening notes how long access logs are, where that is not known: a register is then written anew. */
function isEnteredAnew({ kind, keys: [key = ''] }: Mutation): boolean {
  return (kind === 'delete' || kind === 'older') && /\/c\/w\/[0-9a-f]{4}$/.test(key)
}

/** Whether an app that starts on these rows finds nothing wrong. */
async function opensAndHolds(data: MemoryData): Promise<boolean> {
  try {
    const acme = await openOver(data)
    return (await acme.ledger.verify({ deep: true })).ok
  } catch (error) {
    if (isPrivityError(error)) return false
    throw error
  }
}

function mutationsOf(store: BusyStore, seed: number): readonly Mutation[] {
  const random = seeded(seed)
  const keys = coveredKeys(store)
  const pick = (): string => keys[random.below(keys.length)] ?? ''
  const all = keys.flatMap((key, at) => [
    ...Array.from({ length: FLIPS }, () => flip(store, key, random)),
    remove(key),
    duplicate(store, key, random),
    duplicate(store, key, random),
    duplicate(store, key, random),
    swap(store, key, keys[(at + 1) % keys.length] ?? ''),
    swap(store, key, pick()),
    swap(store, key, pick()),
    ...olderValues(store, key),
  ])
  return [...all, ...deletedRows(store)].filter(
    (mutation): mutation is Mutation => mutation !== undefined && !isHarmless(store, mutation),
  )
}

describe('of a store of 1,000 entries', () => {
  test('a sample of all changes is found and named', { timeout: SLOW }, async () => {
    const store = await busyStore({ people: 100, torn: true })
    const acme = await openOver(store.data)
    const { ok, size, faults } = await acme.ledger.verify({ deep: true })
    expect({ ok, faults }).toEqual({ ok: true, faults: [] })
    expect(size).toBeGreaterThan(1_000n)
    const mutations = mutationsOf(store, 20_261_123)
    const random = seeded(20_261_124)
    const failures: unknown[] = []
    for (let run = 0; run < LARGE; run += 1) {
      const mutation = mutations[random.below(mutations.length)]
      if (mutation !== undefined) failures.push(...(await missed(acme, store, mutation)))
    }
    expect(failures).toEqual([])
  })

  test('and none of them gets past opening and verifying', { timeout: SLOW }, async () => {
    const store = await busyStore({ people: 3 })
    const mutations = mutationsOf(store, 20_261_125)
    const random = seeded(20_261_126)
    const passed: unknown[] = []
    for (let run = 0; run < SAMPLE; run += 1) {
      const mutation = mutations[random.below(mutations.length)]
      if (mutation === undefined || isEnteredAnew(mutation)) continue
      const found = await withMutation(copyOf(store.data), mutation, async (data) =>
        opensAndHolds(data),
      )
      if (found) passed.push([mutation.kind, mutation.keys])
    }
    expect(passed).toEqual([])
  })
})

describe('of every single change to a row, deep verification finds and names', () => {
  let store: BusyStore
  let acme: Acme
  let mutations: readonly Mutation[]

  beforeAll(async () => {
    store = await busyStore({ people: 7 })
    acme = await openOver(store.data)
    mutations = mutationsOf(store, 20_261_122)
  }, SLOW)

  test('none where nobody changed anything', async () => {
    const { ok, faults } = await acme.ledger.verify({ deep: true })
    expect({ ok, faults }).toEqual({ ok: true, faults: [] })
    expect(mutations.length).toBeGreaterThan(5_000)
  })

  test.each(['flip', 'delete', 'swap', 'duplicate', 'older'] as const)(
    'a %s',
    { timeout: SLOW },
    async (kind) => {
      const failures: unknown[] = []
      const chosen = mutations.filter((mutation) => mutation.kind === kind)
      for (const mutation of chosen) failures.push(...(await missed(acme, store, mutation)))
      expect([chosen.length, failures]).toEqual([chosen.length, []])
      expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    },
  )
})
