import { expect, test } from 'vitest'
import { localKeys } from 'privity'
import { leafHash, parseCheckpoint, verifyInclusion, verifyReceipt } from 'privity/verify'
import { openAcme } from '../support/acme.ts'
import { appendInMany } from '../support/append-processes.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { storeAt, type StoreClient } from '../support/process-store.ts'
import { createFolder } from '../support/sqlite-drivers.ts'

const PROCESSES = 8
const EACH = 500
const MINUTES = 240_000
/** One entry of so many is looked for in the log as it is in the end. */
const SAMPLE = 40

type LogPart = {
  readonly index: number
  readonly size: number
  readonly leaf: string
}

/** Where processes meet. */
interface Meeting {
  readonly place: string
  dispose(): void | Promise<void>
}

const CLIENTS = {
  'better-sqlite3': inFolder,
  'node:sqlite': inFolder,
  // With every default of the server: each acknowledged commit was flushed.
  pg: async () => {
    const server = await startPostgres()
    return { place: server.url, dispose: () => server.dispose() }
  },
} as const satisfies { readonly [C in StoreClient]?: () => Promise<Meeting> }

async function inFolder(): Promise<Meeting> {
  const folder = createFolder()
  return { place: folder.file, dispose: folder.remove }
}

for (const [client, meet] of Object.entries(CLIENTS) as readonly [
  keyof typeof CLIENTS,
  () => Promise<Meeting>,
][]) {
  test(`of what eight processes append to one place, nothing is lost or numbered twice [${client}]`, {
    timeout: MINUTES,
  }, async () => {
    const { place, dispose } = await meet()
    const started = performance.now()
    const receipts = await appendInMany(client, place, { processes: PROCESSES, each: EACH })
    const seconds = (performance.now() - started) / 1_000
    await expectAll(client, place, receipts.flat())
    await dispose()
    // Said with the result, because it is a promise of the documents and differs from machine to machine.
    process.stdout.write(
      `${PROCESSES} processes on ${client}, ${PROCESSES * EACH} appends in ${seconds.toFixed(1)} s: ` +
        `${Math.round((PROCESSES * EACH) / seconds)} per second, starting included\n`,
    )
  })
}

async function expectAll(
  client: StoreClient,
  place: string,
  receipts: readonly string[],
): Promise<void> {
  const acme = await openAcme(await storeAt(client, place), {
    keys: localKeys(new Uint8Array(32).fill(5)),
  })
  const parts: LogPart[] = []
  for (const receipt of receipts) {
    const { ok, record } = await verifyReceipt(receipt, acme.ledger.publicKeys)
    expect(ok).toBe(true)
    parts.push(record?.['log'] as unknown as LogPart)
  }
  expect(parts).toHaveLength(PROCESSES * EACH)
  expect(new Set(parts.map(({ index }) => index)).size).toBe(PROCESSES * EACH)
  const now = parseCheckpoint(await acme.ledger.checkpoint())
  const root = now?.root ?? new Uint8Array(0)
  // Every acknowledged entry is in the log as it is now, at its number.
  for (const { index, leaf } of parts.filter((_, at) => at % SAMPLE === 0)) {
    const { proof, size, leaf: stored } = await acme.ledger.inclusion(BigInt(index))
    expect(Buffer.from(stored).toString('base64url')).toBe(leaf)
    const entry = { leafHash: leafHash(stored), index: BigInt(index), size, proof, root }
    expect(verifyInclusion(entry)).toBe(true)
  }
  const verification = await acme.ledger.verify({ deep: true })
  expect(verification).toMatchObject({ ok: true, faults: [], size: now?.size })
  await acme.close()
}
