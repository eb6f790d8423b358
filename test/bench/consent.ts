import { fill, openApp, type OpenApp } from './app.ts'
import type { Batch } from 'privity'
import type { Bench } from './bench.ts'
import { describe } from './create.ts'
import { contactOf, shuffled } from './people.ts'
import { freshRows, openRaw, type Synchronous } from './raw.ts'

const PEOPLE = 500
const CHECKS = 2_048
const GROUP = 100
const FLOOR = 'better-sqlite3: get, JSON.parse'

export const mayBench: Bench = {
  name: 'may',
  title: 'Consent check: may this actor use marketing for this person, now?',
  notes: ['Measured: the row is read every time, keys and heads are cached. Nothing is logged.'],
  setUp: async (folder) => {
    const raw = openRaw(folder)
    const app = await openApp(folder)
    const ids = shuffled(await fill(app, PEOPLE))
    ids.forEach((id, at) => {
      raw.put(id, contactOf(at))
    })
    const asked = Array.from({ length: CHECKS }, (_, at) => ids[at % PEOPLE] ?? '')
    return {
      candidates: [
        {
          name: FLOOR,
          ops: CHECKS,
          run: async () => {
            for (const id of asked) await Promise.resolve(raw.get(id))
          },
        },
        {
          name: 'may, hot',
          floor: FLOOR,
          ops: CHECKS,
          run: async () => {
            for (const id of asked) await app.may(id)
          },
        },
      ],
      close: async () => {
        await app.close()
        app.database.close()
        raw.close()
      },
    }
  },
}

export const consentBenches: readonly Bench[] = [
  consentBench('consent', 'full'),
  consentBench('consent-normal', 'normal'),
]

function consentBench(name: string, synchronous: Synchronous): Bench {
  return {
    name,
    title: `Consent decisions of ${GROUP} people at once, SQLite with synchronous = ${synchronous}`,
    notes: [
      'The floor inserts as many rows and bytes in one transaction. `give` also signs a receipt for each',
      'person; `refuse` is the ledger entry alone.',
    ],
    setUp: async (folder) => {
      const raw = openRaw(folder, synchronous)
      const app = await openApp(folder, { synchronous })
      const ids = await app.register(GROUP)
      const others = await app.register(GROUP)
      const given = await recorded(app, ids, app.give)
      const refused = await recorded(app, others, app.refuse)
      return {
        candidates: [
          {
            name: 'raw insert, as for give',
            ops: GROUP,
            run: async () => raw.insert(given.flatMap(freshRows)),
          },
          {
            name: 'give, with a receipt each',
            floor: 'raw insert, as for give',
            ops: GROUP,
            run: () => all(ids, app.give),
          },
          {
            name: 'raw insert, as for refuse',
            ops: GROUP,
            run: async () => raw.insert(refused.flatMap(freshRows)),
          },
          {
            name: 'refuse',
            floor: 'raw insert, as for refuse',
            ops: GROUP,
            run: () => all(others, app.refuse),
          },
        ],
        remarks: () => [`give: ${describe(given)}. refuse: ${describe(refused)}.`],
        close: async () => {
          await app.close()
          app.database.close()
          raw.close()
        },
      }
    },
  }
}

async function recorded(
  app: OpenApp,
  ids: readonly string[],
  decide: (id: string) => Promise<void>,
): Promise<readonly Batch[]> {
  // The second decision is what all later ones are like.
  await all(ids, decide)
  app.takeBatches()
  await all(ids, decide)
  return app.takeBatches()
}

async function all(ids: readonly string[], decide: (id: string) => Promise<void>): Promise<void> {
  await Promise.all(ids.map(decide))
}
