import { fill, openApp, type OpenApp } from './app.ts'
import type { Bench, Candidate } from './bench.ts'
import { describe } from './create.ts'
import { freshRows, openRaw, type Raw } from './raw.ts'

const SWEEP = 20
const FLOOR = 'raw delete of as many rows, one transaction each'

export const eraseBench: Bench = {
  name: 'erase',
  title: `Erasure of a person with one contact and one consent, in sweeps of ${SWEEP}`,
  notes: [
    'The floor deletes as many rows of each person in a transaction of its own. Measured: plan, fence,',
    'deletion, verification, certificate. Without scrub, but for the rows that name one: a scrub works',
    'on the whole file, so what it costs a person depends on everybody else.',
  ],
  setUp: async (folder) => {
    const raw = openRaw(folder)
    const app = await openApp(folder)
    const scrubbing = await openApp(folder, { scrub: 'rewrite', like: app })
    const checkpointing = await openApp(folder, { scrub: 'checkpoint', like: app })
    const [id = ''] = await fill(app, 1)
    const written = app.takeBatches()
    await app.erase(id)
    const erasure = app.takeBatches()
    const rows = written.flatMap(freshRows).slice(0, erasure.flatMap(({ del }) => del).length)
    return {
      candidates: [
        floorCandidate(raw, rows.length, () => written.flatMap(freshRows)),
        sweep('erase, one after another', app, async (ids) => {
          for (const each of ids) await app.erase(each)
        }),
        sweep('erase, all at once', app, async (ids) => {
          await Promise.all(ids.map(app.erase))
        }),
        sweep("erase, one after another, scrub 'checkpoint'", app, async (ids) => {
          for (const each of ids) await checkpointing.erase(each)
        }),
        sweep("erase, one after another, scrub 'rewrite'", app, async (ids) => {
          for (const each of ids) await scrubbing.erase(each)
        }),
      ],
      remarks: () => [`One person: ${describe(erasure)}.`],
      close: async () => {
        for (const open of [checkpointing, scrubbing, app]) await open.close()
        app.database.close()
        raw.close()
      },
    }
  },
}

function floorCandidate(
  raw: Raw,
  count: number,
  freshPerson: () => ReturnType<typeof freshRows>,
): Candidate {
  let people: readonly (readonly string[])[] = []
  return {
    name: FLOOR,
    ops: SWEEP,
    before: async () => {
      const fresh = Array.from({ length: SWEEP }, () => freshPerson().slice(0, count))
      for (const rows of fresh) raw.insert(rows)
      people = fresh.map((rows) => rows.map(([key]) => key))
    },
    run: async () => {
      for (const keys of people) raw.delete(keys)
    },
  }
}

function sweep(
  name: string,
  app: OpenApp,
  run: (ids: readonly string[]) => Promise<void>,
): Candidate {
  let ids: readonly string[] = []
  return {
    name,
    floor: FLOOR,
    ops: SWEEP,
    before: async () => {
      ids = await fill(app, SWEEP)
    },
    run: () => run(ids),
  }
}
