import { generateSigningKey } from '../../src/crypto/signature.ts'
import { signJws } from '../../src/crypto/jose.ts'
import { fill, openApp, type OpenApp } from './app.ts'
import type { Bench, Candidate, Result } from './bench.ts'
import { describe } from './create.ts'
import { freshRows, openRaw, type Raw } from './raw.ts'

const SWEEP = 100
const FEW = 20
const FLOOR = 'raw delete of as many rows, one transaction each'
const TOGETHER = `raw delete of as many rows, ${SWEEP} people in one transaction`
const AT_ONCE = 'erase, all at once'
const SIGNATURES = 'certificates: encoding and signing alone'

export const eraseBench: Bench = {
  name: 'erase',
  title: `Erasure of a person with one contact and one consent, in sweeps of ${SWEEP}`,
  notes: [
    'The floor deletes as many rows of each person in a transaction of its own. Measured: plan, fence,',
    'deletion, verification, certificate. Without scrub, but for the rows that name one: a scrub works',
    `on the whole file, so what it costs a person depends on everybody else. One after another: ${FEW}.`,
  ],
  setUp: async (folder) => {
    const raw = openRaw(folder)
    const app = await openApp(folder)
    const scrubbing = await openApp(folder, { scrub: 'rewrite', like: app })
    const checkpointing = await openApp(folder, { scrub: 'checkpoint', like: app })
    const [id = ''] = await fill(app, 1)
    const written = app.takeBatches()
    const certificate = await app.erase(id)
    const erasure = app.takeBatches()
    const rows = written.flatMap(freshRows).slice(0, erasure.flatMap(({ del }) => del).length)
    const fresh = (): ReturnType<typeof freshRows> =>
      written.flatMap(freshRows).slice(0, rows.length)
    return {
      candidates: [
        floorCandidate(raw, fresh),
        togetherCandidate(raw, fresh),
        sweep(AT_ONCE, app, allAtOnce(app)),
        await signatures(certificate),
        sweep('erase, one after another', app, oneByOne(app)),
        sweep("erase, one after another, scrub 'checkpoint'", app, oneByOne(checkpointing)),
        sweep("erase, one after another, scrub 'rewrite'", app, oneByOne(scrubbing)),
      ],
      remarks: (results) => [`One person: ${describe(erasure)}.`, withoutSigning(results)],
      close: async () => {
        for (const open of [checkpointing, scrubbing, app]) await open.close()
        app.database.close()
        raw.close()
      },
    }
  },
}

function floorCandidate(raw: Raw, fresh: () => ReturnType<typeof freshRows>): Candidate {
  let people: readonly (readonly string[])[] = []
  return {
    name: FLOOR,
    ops: SWEEP,
    before: async () => {
      people = insertPeople(raw, fresh)
    },
    run: async () => {
      for (const keys of people) raw.delete(keys)
    },
  }
}

/** What an app could do that waits for a hundred requests and answers none of them by itself. */
function togetherCandidate(raw: Raw, fresh: () => ReturnType<typeof freshRows>): Candidate {
  let people: readonly (readonly string[])[] = []
  return {
    name: TOGETHER,
    floor: FLOOR,
    ops: SWEEP,
    before: async () => {
      people = insertPeople(raw, fresh)
    },
    run: async () => raw.delete(people.flat()),
  }
}

function insertPeople(
  raw: Raw,
  fresh: () => ReturnType<typeof freshRows>,
): readonly (readonly string[])[] {
  const people = Array.from({ length: SWEEP }, fresh)
  for (const rows of people) raw.insert(rows)
  return people.map((rows) => rows.map(([key]) => key))
}

interface Sweep {
  readonly ops: number
  readonly run: (ids: readonly string[]) => Promise<void>
}

function sweep(name: string, app: OpenApp, { ops, run }: Sweep): Candidate {
  let ids: readonly string[] = []
  return {
    name,
    floor: FLOOR,
    ops,
    before: async () => {
      ids = await fill(app, ops)
    },
    run: () => run(ids),
  }
}

function oneByOne({ erase }: Pick<OpenApp, 'erase'>): Sweep {
  return {
    ops: FEW,
    run: async (ids) => {
      for (const id of ids) await erase(id)
    },
  }
}

function allAtOnce({ erase }: Pick<OpenApp, 'erase'>): Sweep {
  return {
    ops: SWEEP,
    run: async (ids) => {
      await Promise.all(ids.map(erase))
    },
  }
}

/** What the last step of an erasure spends on its signature: the same bytes, signed by the same code. */
async function signatures(certificate: string): Promise<Candidate> {
  const { secret } = await generateSigningKey()
  const [header = '', body = ''] = certificate.split('.')
  const read = (part: string): Record<string, string> =>
    JSON.parse(Buffer.from(part, 'base64url').toString())
  const [{ typ = '' }, payload] = [read(header), read(body)]
  return {
    name: SIGNATURES,
    floor: FLOOR,
    ops: SWEEP,
    run: async () => {
      await Promise.all(
        Array.from({ length: SWEEP }, () => signJws({ payload, typ, pkcs8: secret })),
      )
    },
  }
}

function withoutSigning(results: readonly Result[]): string {
  const [floor, whole, signing] = [FLOOR, AT_ONCE, SIGNATURES].map(
    (name) => results.find(({ candidate }) => candidate.name === name)?.median ?? 0,
  )
  if (floor === undefined || whole === undefined || signing === undefined) return ''
  const rest = whole - signing
  return `Erased all at once, without signing: ${Math.round(rest)} µs, ${(floor / rest).toFixed(2)}x of the floor.`
}
