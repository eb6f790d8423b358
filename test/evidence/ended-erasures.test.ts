import { expect, test } from 'vitest'
import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import type { ErasureHook } from '../../src/erasure/hook.ts'
import {
  decodeContainer,
  encodeContainer,
  SECTION,
  type Section,
} from '../../src/storage/container.ts'
import type { Store } from '../../src/storage/store.ts'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  eagerClock,
  openAcme,
  refusal,
} from '../support/acme.ts'
import { copyOf, setRows } from '../support/deep-mutations.ts'

const REASON = { reason: 'subject_request' } as const
const DAY = 86_400_000
const PHONE = { records: [{ record: 'contact', fields: ['phone'] }] } as const

interface Desk {
  readonly data: MemoryData
  readonly keys: MemoryData
  readonly acme: Acme
  /** Every value that the row of any job had, and the last key of one. */
  readonly jobs: (readonly [key: string, value: Uint8Array])[]
  readonly calls: string[]
  pass(days: number): void
}

async function desk(isApart = false): Promise<Desk> {
  const [data, keys] = [memoryData(), memoryData()]
  const jobs: Desk['jobs'] = []
  const calls: string[] = []
  const clock = eagerClock()
  const acme = await openAcme(recording(memoryStore({ share: data }), jobs), {
    clock,
    hooks: [hookOf(calls)],
    ...(isApart ? { keyStore: memoryStore({ share: keys }) } : {}),
  })
  return { data, keys, acme, jobs, calls, pass: (days) => clock.advance(days * DAY) }
}

function recording(store: Store, jobs: Desk['jobs']): Store {
  return {
    ...store,
    commit: async (batch) => {
      await store.commit(batch)
      for (const [key, value] of batch.put)
        if (/\/c\/q\/[0-9a-f]{32}$/.test(key)) jobs.push([key, value.slice()])
    },
  }
}

function hookOf(calls: string[]): ErasureHook {
  return {
    id: 'mailer',
    needsPlaintext: false,
    partial: true,
    plan: async () => [{ id: 'all', description: 'rows', count: 1 }],
    execute: async () => {
      calls.push('execute')
      return 'done'
    },
    verify: async () => 'absent',
  }
}

async function vera({ acme }: Desk): Promise<string> {
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, { ...ANNA, phone: '+31612345678' })
  return id
}

function rowKey({ rows }: MemoryData, end: RegExp): string {
  return [...rows.keys()].find((key) => end.test(key)) ?? ''
}

function sectionsAt(data: MemoryData, key: string): readonly Section[] {
  return decodeContainer(data.rows.get(key) ?? new Uint8Array()) ?? []
}

/** A container is clear: whoever can write to the store can take it apart. */
function putFence(data: MemoryData, fenced: MemoryData, id: string): void {
  const key = rowKey(fenced, new RegExp(`/p/${id}$`))
  const fence = sectionsAt(fenced, key).filter(({ kind }) => kind === SECTION.fence)
  const rest = sectionsAt(data, key).filter(({ kind }) => kind !== SECTION.fence)
  setRows(data, new Map([[key, encodeContainer([...fence, ...rest])]]))
}

async function kindsOf({ acme }: Desk): Promise<readonly string[]> {
  const { faults } = await acme.ledger.verify({ deep: true })
  return [...new Set(faults.map(({ kind }) => kind))].toSorted()
}

/** What was asked for and taken back, with the store in between and the rows of its job. */
async function cancelled(here: Desk, id: string): Promise<{ mid: MemoryData; erasureId: string }> {
  const { erasureId } = await here.acme.erasure.request(id as never, {
    ...REASON,
    grace: { days: 14 },
  })
  const mid = copyOf(here.data)
  await here.acme.erasure.cancel(erasureId)
  return { mid, erasureId }
}

/** Takes away that an erasure was cancelled. */
function forget(data: MemoryData, erasureId: string): void {
  setRows(data, new Map([[rowKey(data, new RegExp(`/c/d/${erasureId}$`)), undefined]]))
}

test('what was cancelled is carried out by no row of its job that is put back', async () => {
  const here = await desk()
  const id = await vera(here)
  const { mid, erasureId } = await cancelled(here, id)
  const { acme, data, jobs, calls } = here
  const after = copyOf(data)
  const read = (): Promise<unknown> => accessorsOf(acme).support.contact.read(id as never)
  for (const [key, value] of jobs.filter(([name]) => name.endsWith(erasureId))) {
    setRows(data, new Map([[key, value]]))
    expect(await collect(acme.erasure.pending())).toEqual([])
    expect(await refusal(acme.erasure.cancel(erasureId))).toMatchObject({ code: 'not_found' })
    expect(await refusal(acme.erasure.resume(erasureId))).toMatchObject({
      code: 'invalid_transition',
      details: { machine: 'erasure', from: 'cancelled', event: 'resume' },
    })
    here.pass(15)
    expect(await acme.erasure.work()).toMatchObject({ completed: 0, cancelled: 0, failed: 0 })
    expect(data.rows.has(key)).toBe(false)
    expect(await read()).toMatchObject({ name: ANNA.name })
  }
  expect(await kindsOf(here)).toEqual([])
  // With its fence, nobody reads the person, and nothing goes.
  const [key = '', value] = jobs.findLast(([name]) => name.endsWith(erasureId)) ?? []
  putFence(data, mid, id)
  setRows(data, new Map([[key, value]]))
  here.pass(15)
  await acme.erasure.work()
  expect(await refusal(acme.erasure.erase(id as never, REASON))).toMatchObject({ code: 'erased' })
  expect(await kindsOf(here)).toContain('row_changed')
  setRows(data, new Map([...after.rows].filter(([name]) => name.includes(`/p/${id}`))))
  expect(await read()).toMatchObject({ name: ANNA.name })
  expect(calls).toEqual([])
  expect(await collect(acme.erasure.certificates())).toEqual([])
  expect(await acme.erasure.erase(id as never, REASON)).toBeTypeOf('string')
  expect(await kindsOf(here)).toEqual([])
  await acme.close()
})

test('what was cancelled and carried out all the same is found, though nothing says any more that it was', async () => {
  const here = await desk()
  const id = await vera(here)
  const { mid, erasureId } = await cancelled(here, id)
  const { acme, data, jobs } = here
  const [key = '', value] = jobs.findLast(([name]) => mid.rows.has(name)) ?? []
  expect(key.endsWith(erasureId)).toBe(true)
  const row = [...data.rows].filter(([name]) => name.endsWith(`/c/d/${erasureId}`))
  forget(data, erasureId)
  expect(await kindsOf(here)).toEqual(['row_missing'])
  putFence(data, mid, id)
  setRows(data, new Map([[key, mid.rows.get(key) ?? value]]))
  here.pass(15)
  expect(await acme.erasure.work()).toMatchObject({ completed: 1 })
  setRows(data, new Map(row))
  expect(await kindsOf(here)).toContain('entry_unexpected')
  await acme.close()
})

for (const isForgotten of [false, true])
  test(`an erasure that was cancelled lifts the fence of no other: ${isForgotten ? 'found' : 'refused'}`, async () => {
    const here = await desk()
    const id = await vera(here)
    const { mid, erasureId } = await cancelled(here, id)
    const { acme, data, jobs } = here
    const before = copyOf(data)
    const row = [...data.rows].filter(([name]) => name.endsWith(`/c/d/${erasureId}`))
    const job = jobs.findLast(([name]) => name.endsWith(erasureId))
    here.pass(365)
    await acme.erasure.erase(id as never, REASON)
    expect(await kindsOf(here)).toEqual([])
    setRows(data, new Map([...before.rows].filter(([name]) => name.includes(id))))
    putFence(data, mid, id)
    setRows(data, new Map(job === undefined ? [] : [job]))
    if (isForgotten) forget(data, erasureId)
    await acme.erasure.work()
    setRows(data, new Map(row))
    const found = await kindsOf(here)
    expect(found).toContain('row_changed')
    if (isForgotten) expect(found).toContain('entry_unexpected')
    else
      expect(await refusal(accessorsOf(acme).support.contact.read(id as never))).toMatchObject({
        code: 'erased',
      })
    await acme.close()
  })

test('what an erasure of a part took once is not taken again by a row of its job that is put back', async () => {
  const here = await desk()
  const id = await vera(here)
  const { acme, data, jobs, calls } = here
  const certificate = await acme.erasure.erase(id as never, { ...REASON, scope: PHONE } as never)
  const { contact } = accessorsOf(acme).support
  await contact.update(id as never, { phone: '+31687654321' })
  const [{ erasureId = '' } = {}] = await collect(acme.erasure.certificates())
  for (const [key, value] of jobs.slice()) {
    setRows(data, new Map([[key, value]]))
    here.pass(1)
    expect(await collect(acme.erasure.pending())).toEqual([])
    expect(await acme.erasure.resume(erasureId)).toBe(certificate)
    expect(await refusal(acme.erasure.cancel(erasureId))).toMatchObject({
      code: 'invalid_transition',
      details: { from: 'completed' },
    })
    expect(await acme.erasure.work()).toMatchObject({ completed: 0, failed: 0 })
    expect(data.rows.has(key)).toBe(false)
  }
  expect(await contact.read(id as never)).toMatchObject({ phone: '+31687654321' })
  expect(calls).toEqual(['execute'])
  expect(await kindsOf(here)).toEqual([])
  // Without its certificate it is taken, and that is found, with the certificate or without.
  const key = rowKey(data, new RegExp(`/c/c/${erasureId}$`))
  const sealed = data.rows.get(key)
  setRows(data, new Map([[key, undefined], ...jobs.slice(0, 1)]))
  here.pass(1)
  expect(await acme.erasure.work()).toMatchObject({ completed: 1 })
  expect(await kindsOf(here)).toContain('entry_unexpected')
  setRows(data, new Map([[key, sealed]]))
  expect(await kindsOf(here)).toContain('entry_unexpected')
  await acme.close()
})

test('keys that were brought back are hidden by nothing that is put where the job was', async () => {
  const here = await desk(true)
  const id = await vera(here)
  const other = await vera(here)
  const { acme, data, keys, jobs } = here
  const held = copyOf(keys)
  await acme.erasure.erase(id as never, REASON)
  const [key = '', value] = jobs.at(-1) ?? []
  await acme.erasure.request(other as never, { ...REASON, grace: { days: 14 } })
  const [, ofOther] = jobs.at(-1) ?? []
  setRows(keys, new Map([...held.rows].filter(([name]) => name.endsWith(id))))
  const certificate = rowKey(data, /\/c\/c\/[0-9a-f]{32}$/)
  const garbage = new Uint8Array(1)
  expect(certificate.slice(-32)).toBe(key.slice(-32))
  for (const job of [undefined, garbage, value, ofOther]) {
    setRows(data, new Map([[key, job]]))
    expect(await kindsOf(here)).toEqual(['key_row_unexpected'])
  }
  await acme.close()
})

test('who is asked to be erased again in the same words is, after that was cancelled', async () => {
  const here = await desk()
  const id = await vera(here)
  const { acme } = here
  for (let round = 0; round < 2; round += 1) await cancelled(here, id)
  await acme.erasure.erase(id as never, REASON)
  expect(await kindsOf(here)).toEqual([])
  await acme.close()
})
