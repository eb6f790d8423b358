import type { Batch } from 'privity'
import { type App, contactSchema, openApp } from './app.ts'
import type { Bench, Candidate } from './bench.ts'
import { contactOf } from './people.ts'
import { freshRows, openRaw, type Raw } from './raw.ts'

const ONE = 16
const MANY = 100

export const createBench: Bench = {
  name: 'create',
  title: 'Create of that contact for a person who is registered, SQLite with synchronous = FULL',
  notes: [
    'The floor parses with zod, then inserts as many rows and bytes as Privity committed, in one',
    'transaction. Measured: schema, decision, two new keys, two lookups, sealing, log, signature, commit.',
  ],
  setUp: async (folder) => {
    const raw = openRaw(folder)
    const app = await openApp(folder)
    const one = await recordOne(app)
    const many = await recordMany(app)
    return {
      candidates: [...alone(raw, app, one), ...together(raw, app, many)],
      remarks: () => [`One: ${describe([one])}. ${MANY} together: ${describe(many)}.`],
      close: async () => {
        await app.close()
        app.database.close()
        raw.close()
      },
    }
  },
}

function alone(raw: Raw, app: App, template: Batch): readonly Candidate[] {
  const floor = 'zod, raw insert, 1 in flight'
  let ids: readonly string[] = []
  return [
    {
      name: floor,
      ops: ONE,
      run: async () => {
        for (let at = 0; at < ONE; at += 1) {
          contactSchema.parse(contactOf(at))
          raw.insert(freshRows(template))
        }
      },
    },
    {
      name: 'create, 1 in flight',
      floor,
      ops: ONE,
      before: async () => {
        ids = await app.register(ONE)
      },
      run: async () => {
        for (const [at, id] of ids.entries()) await app.create(id, contactOf(at))
      },
    },
  ]
}

function together(raw: Raw, app: App, templates: readonly Batch[]): readonly Candidate[] {
  const floor = `zod, raw insert, ${MANY} in one transaction`
  let ids: readonly string[] = []
  return [
    {
      name: floor,
      ops: MANY,
      run: async () => {
        for (let at = 0; at < MANY; at += 1) contactSchema.parse(contactOf(at))
        raw.insert(templates.flatMap(freshRows))
      },
    },
    {
      name: `create, ${MANY} in flight`,
      floor,
      ops: MANY,
      before: async () => {
        ids = await app.register(MANY)
      },
      run: async () => {
        await Promise.all(ids.map((id, at) => app.create(id, contactOf(at))))
      },
    },
  ]
}

export async function recordOne(app: App): Promise<Batch> {
  const [id = ''] = await app.register(1)
  app.takeBatches()
  await app.create(id, contactOf(0))
  const [batch] = app.takeBatches()
  if (batch === undefined) throw new Error('nothing was committed')
  return batch
}

export async function recordMany(app: App): Promise<readonly Batch[]> {
  const ids = await app.register(MANY)
  app.takeBatches()
  await Promise.all(ids.map((id, at) => app.create(id, contactOf(at))))
  return app.takeBatches()
}

/** What a set of batches wrote. */
export function describe(batches: readonly Batch[]): string {
  const rows = batches.flatMap(({ put }) => put)
  const bytes = rows.reduce((sum, [key, value]) => sum + key.length + value.length, 0)
  const deleted = batches.flatMap(({ del }) => del).length
  const dels = deleted === 0 ? '' : `, ${deleted} deleted`
  return `${batches.length} commits, ${rows.length} rows${dels}, ${bytes} bytes`
}
