import { expect, test } from 'vitest'
import { fsck } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { CONTRADICTION_MEANINGS, FAULT_MEANINGS } from '../../src/evidence/fault-meanings.ts'
import { accessorsOf, type Acme, openAcme, refusal } from '../support/acme.ts'
import { busyStore, openOver } from '../support/deep-store.ts'

test('a sound store has no findings', async () => {
  const { data } = await busyStore({ people: 3 })
  const acme = await openOver(data)
  const report = await fsck(acme)
  expect(report).toMatchObject({ ok: true, findings: [] })
  expect(report.size).toBe((await acme.ledger.verify()).size)
  await acme.close()
})

test('each kind of fault is found once, with its places, its meaning and what to do', async () => {
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }))
  const { id } = await acme.subjects.register()
  for (const text of ['one', 'two']) await accessorsOf(acme).support.ticket.create(id, { text })
  const records = [...share.rows.keys()].filter((key) => key.includes(`/p/${id}/r/`))
  expect(records).toHaveLength(2)
  for (const key of records) {
    share.rows.delete(key)
    share.order.remove(key)
  }
  const { ok, findings } = await fsck(acme)
  expect(ok).toBe(false)
  expect(findings).toEqual([
    {
      kind: 'row_missing',
      count: 2,
      places: records.map((key) => ({ key })),
      ...FAULT_MEANINGS.row_missing,
    },
  ])
})

test('a store in quarantine says what its anchor found', async () => {
  const ledger: Pick<Acme['ledger'], 'verify' | 'contradiction'> = {
    contradiction: { kind: 'fork', origin: 'log', stored: 'a', anchored: 'b' },
    verify: async (options) => {
      expect(options?.deep).toBeUndefined()
      return { ok: true, size: 3n, faults: [] }
    },
  }
  expect(await fsck({ ledger })).toEqual({
    ok: false,
    size: 3n,
    findings: [{ kind: 'fork', count: 1, places: [], ...CONTRADICTION_MEANINGS.fork }],
  })
})

test('many faults of a kind are counted, and ten are named', async () => {
  const faults = Array.from({ length: 30 }, (_, at) => {
    return { kind: 'leaf_missing', key: `key ${at}`, index: BigInt(at) } as const
  })
  const verify = async (): Promise<{ ok: boolean; size: bigint; faults: typeof faults }> => {
    return { ok: false, size: 30n, faults }
  }
  const { findings } = await fsck({ ledger: { verify, contradiction: undefined } })
  expect(findings.map(({ count, places }) => [count, places.length])).toEqual([[30, 10]])
})

test('what is no privity is refused', async () => {
  for (const wrong of [undefined, {}, { ledger: {} }]) {
    expect(await refusal(fsck(wrong as never))).toMatchObject({ code: 'invalid_input' })
  }
})
