import { expect, test } from 'vitest'
import { localKeys } from 'privity'
import { sqliteStore } from 'privity/sqlite'
import { leafHash, parseCheckpoint, verifyInclusion, verifyReceipt } from 'privity/verify'
import { appendInMany } from '../support/append-processes.ts'
import { openAcme } from '../support/acme.ts'
import { createFolder, DRIVERS } from '../support/sqlite-drivers.ts'

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

for (const name of ['better-sqlite3', 'node:sqlite'] as const) {
  test(`of what eight processes append to one file, nothing is lost or numbered twice [${name}]`, {
    timeout: MINUTES,
  }, async () => {
    const folder = createFolder()
    const { file } = folder
    const acknowledged = await appendInMany(name, file, { processes: PROCESSES, each: EACH })
    const connection = DRIVERS[name].connect(file)
    const acme = await openAcme(sqliteStore(connection), {
      keys: localKeys(new Uint8Array(32).fill(5)),
    })
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
    connection.close()
    folder.remove()
  })
}
