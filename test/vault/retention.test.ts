import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  type Store,
} from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { retainedTargets } from '../../src/retention/targets.ts'
import { type DueRow, walkDue } from '../../src/retention/walk-due.ts'
import { setDue } from '../../src/subjects/due.ts'
import type { Draft } from '../../src/subjects/draft.ts'
import { draftRecord, type RecordDraft } from '../../src/vault/record-draft.ts'
import type { Vault } from '../../src/vault/vault.ts'
import { collect, controller, fakeClock, SECRET, START } from '../support/acme.ts'
import { openVault } from '../support/open-vault.ts'

const DAY = 86_400_000
const purposes = definePurposes({ support: { basis: 'contract', description: 'Answer' } })
const of = { purposes: ['support'] } as const
const contact = defineRecord(
  purposes,
  ({ field }) => ({
    name: field(z.string().exactOptional(), {
      ...of,
      retention: { keep: { days: 10 }, from: 'created' },
    }),
    town: field(z.string().exactOptional(), {
      ...of,
      retention: { keep: { days: 5 }, from: 'updated' },
      atEnd: { anonymise: (plain) => plain.slice(0, 1) },
    }),
    note: field(z.string().exactOptional(), of),
  }),
  { events: ['met'] },
)
const visit = defineRecord(
  purposes,
  ({ field }) => ({
    a: field(z.string().exactOptional(), of),
    b: field(z.string().exactOptional(), of),
  }),
  { retention: { keep: { days: 3 }, from: 'created' } },
)
const policy = definePolicy({
  controller,
  purposes,
  records: { contact, visit },
  roles: { agent: { purposes: ['support'] } },
})

interface Desk {
  readonly vault: Vault
  readonly id: string
  change(record: 'contact' | 'visit', edit: (record: RecordDraft) => void): Promise<void>
  edit(edit: (draft: Draft) => void): Promise<void>
  /** Days until what stands in the index, and the fields that a record still has to come. */
  due(): Promise<readonly (readonly [days: number, fields: readonly string[] | undefined])[]>
}

async function openDesk(): Promise<Desk> {
  const share = memoryData()
  const store: Store = memoryStore({ share })
  const privity = await createPrivity({
    policy,
    store,
    keys: localKeys(SECRET),
    clock: fakeClock(),
  })
  const { id } = await privity.subjects.register()
  const support = privity.accessor({ purpose: 'support', actor: { id: 'a', roles: ['agent'] } })
  await support.contact.create(id, { name: 'Anna', town: 'Delft', note: 'x' })
  await support.visit.create(id, { a: 'x', b: 'y' })
  await privity.close()
  const { vault } = await openVault(memoryStore({ share }), {
    declared: policy,
    keys: localKeys(SECRET),
  })
  const edit: Desk['edit'] = async (change) => {
    await vault.people.change({
      id,
      request: { type: 'test' },
      apply: (draft, _rows) => {
        change(draft)
        return { event: { type: 'test' }, value: null }
      },
    })
  }
  return {
    vault,
    id,
    edit,
    change: (name, change) => {
      const target = retainedTargets(vault).find(({ record }) => record.name === name)
      if (target === undefined) throw new TypeError(name)
      const rows = { get: () => undefined }
      return edit((draft) =>
        change(draftRecord(vault, target, { draft, rows, recordId: undefined })),
      )
    },
    due: async () => {
      const rows = await collect(walkDue(vault.people, { before: START + 1_000 * DAY }))
      return rows.map((row) => {
        const { at, record } = row as DueRow
        return [(at - START) / DAY, record?.head.retention?.fields]
      })
    },
  }
}

describe('a record that comes to its end', () => {
  test('loses what is ended from the index, and gets it back when it is written', async () => {
    const { change, due } = await openDesk()
    expect(await due()).toEqual([
      [3, undefined],
      [5, ['name', 'town']],
    ])
    // What is left of a value is not due again, and no update by the app.
    await change('contact', (record) => record.end({ set: { town: 'D' }, unset: [] }))
    expect(await due()).toEqual([
      [3, undefined],
      [10, ['name']],
    ])
    await change('contact', (record) => record.end({ set: {}, unset: ['name'] }))
    expect(await due()).toEqual([[3, undefined]])
    await change('contact', (record) => record.save({ set: { note: 'y' }, unset: [] }))
    expect(await due()).toEqual([[3, undefined]])
    await change('contact', (record) => record.save({ set: { town: 'Gouda' }, unset: [] }))
    expect(await due()).toEqual([
      [3, undefined],
      [5, ['town']],
    ])
    await change('contact', (record) => record.renew())
    expect(await due()).toEqual([
      [3, undefined],
      [5, ['town']],
    ])
  })

  test('begins anew once nothing was left of it', async () => {
    const { vault, id, change, due } = await openDesk()
    const facts = async () => {
      const { person } = await vault.people.read(id)
      return Object.values(person.head.singles).map((head) => head.retention?.events)
    }
    await change('contact', (record) => record.tell('met', START - DAY))
    expect(await facts()).toEqual([
      { created: START, met: START - DAY, updated: START },
      { created: START },
    ])
    await change('visit', (record) => record.end({ set: {}, unset: ['a', 'b'] }))
    await change('contact', (record) => record.end({ set: {}, unset: ['name', 'town', 'note'] }))
    expect(await facts()).toEqual([{}, {}])
    expect(await due()).toEqual([])
    await change('visit', (record) => record.save({ set: { b: 'z' }, unset: [] }))
    expect(await due()).toEqual([[3, undefined]])
  })
})

describe('a date of a person', () => {
  test('stands at the earliest of those that have a name', async () => {
    const { vault, id, edit, due } = await openDesk()
    const { keyspace } = vault.people.deps
    await edit((draft) => {
      setDue(draft, keyspace, { name: 'hold', at: START + 9 * DAY })
      setDue(draft, keyspace, { name: 'withdrawal:offers', at: START + 2 * DAY })
    })
    const records = [
      [3, undefined],
      [5, ['name', 'town']],
    ]
    expect(await due()).toEqual([[2, undefined], ...records])
    await edit((draft) => setDue(draft, keyspace, { name: 'withdrawal:offers', at: undefined }))
    expect(await due()).toEqual([...records, [9, undefined]])
    const { person } = await vault.people.read(id)
    expect(person.head.dues).toEqual({ hold: START + 9 * DAY })
    await edit((draft) => setDue(draft, keyspace, { name: 'hold', at: -1 }))
    expect((await due())[0]?.[0]).toBe(-START / DAY)
    await edit((draft) => {
      setDue(draft, keyspace, { name: 'hold', at: undefined })
      setDue(draft, keyspace, { name: 'none', at: undefined })
    })
    expect(await due()).toEqual(records)
    const now = await vault.people.read(id)
    expect(now.person.head).not.toHaveProperty('dues')
  })
})
