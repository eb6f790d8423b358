import { expect, test } from 'vitest'
import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import type { Fault } from '../../src/ledger/verify-log.ts'
import { accessorsOf, type Acme, ANNA, onPaper, openAcme, publishNotice } from '../support/acme.ts'
import { copyOf, setRows } from '../support/deep-mutations.ts'

const REASON = { reason: 'subject_request' } as const
const UNREADABLE = { ...REASON, unreadable: 'erase' } as const
const JUNK = new Uint8Array(80)

interface Two {
  readonly data: MemoryData
  readonly acme: Acme
  /** Withdrew in the end; `before` is everything from right before. */
  readonly vera: string
  readonly before: MemoryData
  /** Is to be erased; has two entries. */
  readonly xaver: string
}

async function twoPeople(): Promise<Two> {
  const data = memoryData()
  const acme = await openAcme(memoryStore({ share: data }))
  const { id: vera } = await acme.subjects.register()
  const { id: xaver } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  await support.contact.create(vera, ANNA)
  await support.contact.create(xaver, ANNA)
  const notice = await publishNotice(acme)
  await acme.consent.give(vera, onPaper(notice, ['marketing']))
  const before = copyOf(data)
  await acme.consent.withdraw(vera, { purposes: ['marketing'] })
  return { data, acme, vera, before, xaver }
}

function keysOf({ rows }: MemoryData, pattern: RegExp): readonly string[] {
  return [...rows.keys()].filter((key) => pattern.test(key)).toSorted()
}

function bodiesOf(data: MemoryData, id: string): readonly string[] {
  return keysOf(data, new RegExp(`/p/${id}/e/`))
}

/** As many rows as withdrawing wrote entries, where those of somebody's entries are. */
function plant(data: MemoryData, id: string, names: readonly string[]): void {
  const prefix = bodiesOf(data, id)[0]?.slice(0, -8) ?? ''
  setRows(data, new Map(names.map((name) => [`${prefix}${name}`, JUNK])))
}

/** Everything of somebody as it was, and nothing of what came since. */
function setBack(data: MemoryData, before: MemoryData, id: string): void {
  const own = new RegExp(id)
  const later = keysOf(data, own).map((key) => [key, undefined] as const)
  const rows = keysOf(before, own).map((key) => [key, before.rows.get(key)] as const)
  setRows(data, new Map([...later, ...rows]))
}

async function verified(acme: Acme): Promise<{
  readonly ok: boolean
  readonly kinds: readonly Fault['kind'][]
  readonly unmarked: bigint | undefined
}> {
  const { ok, faults, unmarked } = await acme.ledger.verify({ deep: true })
  return { ok, kinds: [...new Set(faults.map(({ kind }) => kind))].toSorted(), unmarked }
}

function lose(data: MemoryData, id: string): void {
  setRows(data, new Map(keysOf(data, new RegExp(`/p/${id}$`)).map((key) => [key, JUNK])))
}

const PLANTED: Readonly<Record<string, readonly string[]>> = {
  'behind the last of them': ['fffffff0', 'fffffff1'],
  'right after the last of them': ['00000003', '00000004'],
  'spelled in another way': ['3', '0004'],
}

for (const [where, names] of Object.entries(PLANTED)) {
  test(`rows among the entries of somebody who is erased make no room for setting back another: ${where}`, async () => {
    const { data, acme, vera, before, xaver } = await twoPeople()
    plant(data, xaver, names)
    await acme.erasure.erase(xaver as never, REASON)
    expect(await verified(acme)).toEqual({ ok: true, kinds: [], unmarked: undefined })
    setBack(data, before, vera)
    expect(await verified(acme)).toMatchObject({ ok: false, kinds: ['body_missing'] })
    await acme.close()
  })
}

test('an entry that was changed before its person was erased is marked by its leaf, and counts for no other', async () => {
  const { data, acme, vera, before, xaver } = await twoPeople()
  const bodies = bodiesOf(data, xaver)
  setRows(data, new Map(bodies.map((key) => [key, JUNK])))
  await acme.erasure.erase(xaver as never, REASON)
  expect(await verified(acme)).toEqual({ ok: true, kinds: [], unmarked: undefined })
  setBack(data, before, vera)
  expect(await verified(acme)).toMatchObject({ ok: false, kinds: ['body_missing'] })
  await acme.close()
})

test('an entry that is gone before its person is erased stays missing', async () => {
  const { data, acme, xaver } = await twoPeople()
  setRows(data, new Map(bodiesOf(data, xaver).map((key) => [key, undefined])))
  await acme.erasure.erase(xaver as never, REASON)
  expect(await verified(acme)).toMatchObject({ ok: false, kinds: ['body_missing'] })
  await acme.close()
})

test('of somebody whom nobody can open, deep verification tells how many entries went', async () => {
  const { data, acme, vera, xaver } = await twoPeople()
  lose(data, xaver)
  await acme.erasure.erase(xaver as never, UNREADABLE)
  expect(await verified(acme)).toEqual({ ok: true, kinds: [], unmarked: 2n })
  const [first = ''] = bodiesOf(data, vera)
  setRows(data, new Map([[first, undefined]]))
  expect(await verified(acme)).toMatchObject({ ok: false, unmarked: 2n })
  await acme.close()
})

test('rows among the entries of somebody whom nobody can open are noticed as soon as they went', async () => {
  const { data, acme, xaver } = await twoPeople()
  lose(data, xaver)
  plant(data, xaver, ['00000003', 'fffffff0'])
  await acme.erasure.erase(xaver as never, UNREADABLE)
  // The second one does not follow.
  expect(await verified(acme)).toEqual({ ok: false, kinds: ['body_unmarked'], unmarked: 3n })
  await acme.close()
})

test('what was written after somebody whom nobody could open was erased is none of theirs', async () => {
  const { data, acme, vera, xaver } = await twoPeople()
  lose(data, xaver)
  plant(data, xaver, ['00000003'])
  await acme.erasure.erase(xaver as never, UNREADABLE)
  const before = copyOf(data)
  await accessorsOf(acme).support.contact.update(vera as never, { address: 'Elsewhere' })
  setBack(data, before, vera)
  expect(await verified(acme)).toMatchObject({ ok: false, kinds: ['body_missing'] })
  await acme.close()
})

test('whoever states how many entries went that way is told of any other number', async () => {
  const { data, acme, vera, before, xaver } = await twoPeople()
  expect(await acme.ledger.verify({ deep: true, unmarked: 0n })).toMatchObject({ ok: true })
  expect(await acme.ledger.verify({ deep: true, unmarked: 1n })).toMatchObject({
    ok: false,
    faults: [{ kind: 'body_unmarked' }],
  })
  lose(data, xaver)
  plant(data, xaver, ['00000003'])
  await acme.erasure.erase(xaver as never, UNREADABLE)
  // As many as there is room for: the count alone tells.
  setBack(data, before, vera)
  expect(await acme.ledger.verify({ deep: true, unmarked: 2n })).toMatchObject({ ok: false })
  await acme.close()
})
