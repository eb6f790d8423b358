import { afterAll, beforeAll, expect, test } from 'vitest'
import { localKeys } from 'privity'
import { postgresStore } from 'privity/postgres'
import { leafHash, parseCheckpoint, verifyInclusion, verifyReceipt } from 'privity/verify'
import { appendInMany } from '../support/append-processes.ts'
import { openAcme } from '../support/acme.ts'
import { CLIENTS } from '../support/postgres-clients.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'

const PROCESSES = 8
const EACH = 500
const MINUTES = 240_000

type LogPart = {
  readonly index: number
  readonly size: number
  readonly leaf: string
  readonly proof: readonly string[]
  readonly checkpoint: string
}

let server: PostgresServer

// With every default of the server: each acknowledged commit was flushed.
beforeAll(async () => {
  server = await startPostgres()
})

afterAll(() => server.dispose())

test('of what eight processes append to one server, nothing is lost or numbered twice', {
  timeout: MINUTES,
}, async () => {
  const started = performance.now()
  const acknowledged = await appendInMany('pg', server.url, { processes: PROCESSES, each: EACH })
  const seconds = (performance.now() - started) / 1_000
  const store = postgresStore(CLIENTS['postgres.js'].connect(server.url), { onClose: 'end' })
  const acme = await openAcme(store, { keys: localKeys(new Uint8Array(32).fill(5)) })
  const { publicKeys } = acme.ledger
  const parts: LogPart[] = []
  for (const receipt of acknowledged.flat()) {
    const { ok, record } = await verifyReceipt(receipt, publicKeys)
    expect(ok).toBe(true)
    parts.push(record?.['log'] as unknown as LogPart)
  }
  expect(parts).toHaveLength(PROCESSES * EACH)
  expect(new Set(parts.map(({ index }) => index)).size).toBe(PROCESSES * EACH)
  const now = parseCheckpoint(await acme.ledger.checkpoint())
  // Every acknowledged entry is in the log as it is now, at its number.
  for (const { index, leaf } of parts.filter((_, at) => at % 40 === 0)) {
    const { proof, size, leaf: stored } = await acme.ledger.inclusion(BigInt(index))
    expect(Buffer.from(stored).toString('base64url')).toBe(leaf)
    const root = now?.root ?? new Uint8Array(0)
    expect(
      verifyInclusion({ leafHash: leafHash(stored), index: BigInt(index), size, proof, root }),
    ).toBe(true)
  }
  const verification = await acme.ledger.verify({ deep: true })
  expect(verification).toMatchObject({ ok: true, faults: [], size: now?.size })
  await acme.close()
  // Said with the result, because it is a promise of the documents and differs from machine to machine.
  process.stdout.write(
    `${PROCESSES} processes, ${parts.length} appends in ${seconds.toFixed(1)} s: ` +
      `${Math.round(parts.length / seconds)} per second, starting included\n`,
  )
})
