import { createPrivity, definePolicy, definePurposes, defineRecord, type Policy } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import * as z from 'zod'
import { epochKeys } from '../support/epoch-keys.ts'
import type { Bench, Candidate } from './bench.ts'

const MANY = 300
const NOTES = 19
const FEW = 2_000
const FLOOR = 'raw: as many rows, read and put again one person a batch'
const actor = { id: 'staff:ida', roles: ['agent'] }
const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer' },
  billing: { basis: 'contract', description: 'Bill' },
})

/** Reseals everybody after a field moved to another class, and wraps every key anew. */
export const resealBench: Bench = {
  name: 'reseal',
  title: 'Moving records to another layout, and keys to another epoch, in memory',
  notes: [
    `Records of two fields. ${MANY} people with ${NOTES + 1} records each; ${FEW} people with one.`,
    'One commit a person with its entry in the log; 256 people leave together.',
  ],
  setUp: async () => {
    const many = await fill(MANY, NOTES)
    const few = await fill(FEW, 0)
    return {
      candidates: [
        raw(many),
        care(`reseal, ${NOTES + 1} records a person`, many, 'reseal'),
        care('reseal, one record a person', few, 'reseal'),
        care('rewrap, two keys a person', few, 'rewrap'),
      ],
      close: async () => undefined,
    }
  },
}

interface Filled {
  readonly rows: ReadonlyMap<string, Uint8Array>
  readonly kms: ReturnType<typeof epochKeys>
  readonly records: number
  readonly keys: number
}

function policyOf(isNew: boolean): Policy<never, never> {
  const contact = defineRecord(purposes, ({ field }) => ({
    name: field(z.string(), { purposes: ['support'] }),
    street: field(z.string(), { purposes: isNew ? ['support', 'billing'] : ['support'] }),
  }))
  const note = defineRecord(
    purposes,
    ({ field }) => ({
      title: field(z.string(), { purposes: ['support'] }),
      text: field(z.string(), { purposes: isNew ? ['support', 'billing'] : ['support'] }),
    }),
    { many: true },
  )
  return definePolicy({
    controller: { id: 'bench', name: 'Bench', contact: 'privacy@acme.example', country: 'NL' },
    purposes,
    records: { contact, note },
    roles: { agent: { purposes: ['support', 'billing'] } },
  }) as never
}

type Opened = Awaited<ReturnType<typeof open>>

function open(data: MemoryData, kms: Filled['kms'], isNew: boolean) {
  const store = memoryStore({ share: data })
  return createPrivity({ policy: policyOf(isNew), store, keys: kms.provider() })
}

async function fill(people: number, notes: number): Promise<Filled> {
  const kms = epochKeys()
  const data = memoryData()
  const privity = await open(data, kms, false)
  const support = privity.accessor({ purpose: 'support' as never, actor }) as never as {
    readonly [record: string]: { create(id: string, value: object): Promise<void> }
  }
  await Promise.all(
    Array.from({ length: people }, async (_, at) => {
      const { id } = await privity.subjects.register()
      await support['contact']?.create(id, { name: `name ${at}`, street: `street ${at}` })
      for (let note = 0; note < notes; note += 1)
        await support['note']?.create(id, { title: `title ${note}`, text: `text ${note}` })
    }),
  )
  await privity.close()
  const keys = people * (notes > 0 ? 3 : 2)
  return { rows: new Map(data.rows), kms, records: people * (1 + notes), keys }
}

function copyOf({ rows }: Filled): MemoryData {
  const data = memoryData()
  for (const [key, value] of rows) {
    data.rows.set(key, value)
    data.order.add(key)
  }
  return data
}

function care(name: string, filled: Filled, job: 'reseal' | 'rewrap'): Candidate {
  let opened: Opened | undefined
  return {
    name,
    floor: FLOOR,
    ops: job === 'reseal' ? filled.records : filled.keys,
    before: async () => {
      await opened?.close()
      const kms = filled.kms.copy()
      opened = await open(copyOf(filled), kms, true)
      if (job === 'rewrap') await opened.keys.rotate()
    },
    run: async () => {
      await opened?.keys[job]()
    },
  }
}

function raw(filled: Filled): Candidate {
  let data = memoryData()
  const rows = [...filled.rows].filter(([key]) => /\/p\/[0-9a-f]{32}(?:\/r\/.*)?$/.test(key))
  return {
    name: FLOOR,
    ops: filled.records,
    before: async () => {
      data = copyOf(filled)
    },
    run: async () => {
      const store = memoryStore({ share: data })
      await store.open()
      for (let from = 0; from < rows.length; from += NOTES + 1) {
        const some = rows.slice(from, from + NOTES + 1)
        await store.read(some.map(([key]) => key))
        await store.commit({ checks: some, put: some, del: [] })
      }
      await store.close()
    },
  }
}
