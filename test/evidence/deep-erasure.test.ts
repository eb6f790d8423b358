import { beforeAll, describe, expect, test } from 'vitest'
import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { verifyReceipt } from '../../src/consent/verify-receipt.ts'
import { growTree, leafHash, rootOf } from '../../src/crypto/merkle.ts'
import { parseCheckpoint } from '../../src/crypto/verify-checkpoint.ts'
import { type Acme, eagerClock, onPaper, openAcme, publishNotice } from '../support/acme.ts'
import { setRows } from '../support/deep-mutations.ts'

const SLOW = 300_000
const PEOPLE = 2_000
const ENTRIES = 100_000
/** Operations that are under way at a time. */
const AT_ONCE = 1_000

let data: MemoryData
let acme: Acme
let ids: readonly string[]
/** By person, from when all entries were written. */
let receipts: ReadonlyMap<string, string>
let size: number
let root: Uint8Array

beforeAll(async () => {
  data = memoryData()
  acme = await openAcme(memoryStore({ share: data }), { clock: eagerClock() })
  const notice = await publishNotice(acme)
  ids = await inParts(
    Array.from({ length: PEOPLE }),
    async () => (await acme.subjects.register()).id,
  )
  const left = ENTRIES - 2 * PEOPLE
  await inParts(Array.from({ length: left }), (_, at) =>
    acme.notices.serve(notice, { subjectId: ids[at % PEOPLE] ?? '', language: 'en' }),
  )
  const given = await inParts(ids, async (id) => {
    const { receipt } = await acme.consent.give(id, onPaper(notice, ['marketing']))
    return [id, receipt] as const
  })
  receipts = new Map(given)
  const head = parseCheckpoint(await acme.ledger.checkpoint())
  size = Number(head?.size)
  root = head?.root ?? new Uint8Array(0)
}, SLOW)

async function inParts<A, B>(
  items: readonly A[],
  run: (item: A, at: number) => Promise<B>,
): Promise<readonly B[]> {
  const done: B[] = []
  for (let from = 0; from < items.length; from += AT_ONCE) {
    const part = items.slice(from, from + AT_ONCE)
    done.push(...(await Promise.all(part.map((item, offset) => run(item, from + offset)))))
  }
  return done
}

/** Of the leaves as they are stored now. */
function rootAt(leaves: number): Uint8Array {
  const stored = [...data.rows.keys()].filter((key) => /\/l\/e\//.test(key)).toSorted()
  const tree = growTree()
  for (const key of stored.slice(0, leaves))
    tree.append(leafHash(data.rows.get(key) ?? new Uint8Array(0)))
  return rootOf(tree.range())
}

async function invalidReceipts(): Promise<readonly string[]> {
  const { publicKeys } = acme.ledger
  const verdicts = await Promise.all(
    [...receipts].map(async ([id, receipt]) => ({
      id,
      ...(await verifyReceipt(receipt, publicKeys)),
    })),
  )
  return verdicts.flatMap(({ id, ok }) => (ok ? [] : [id]))
}

describe('a log of 100,000 entries about 2,000 people', () => {
  let erased = 0

  test('is in order', { timeout: SLOW }, async () => {
    expect(size).toBeGreaterThanOrEqual(ENTRIES)
    expect(rootAt(size)).toEqual(root)
    const { ok, faults } = await acme.ledger.verify({ deep: true })
    expect({ ok, faults }).toEqual({ ok: true, faults: [] })
  })

  test.each([1, 50, 100])(
    'goes on proving what it proved when %d percent of them are erased',
    {
      timeout: SLOW,
    },
    async (percent) => {
      const until = (PEOPLE * percent) / 100
      await inParts(ids.slice(erased, until), (id) =>
        acme.erasure.erase(id as never, { reason: 'subject_request' }),
      )
      erased = until
      expect(rootAt(size)).toEqual(root)
      expect(await invalidReceipts()).toEqual([])
      expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
      const key = [...data.rows.keys()].findLast((name) => /\/(?:p\/.*|c)\/e\//.test(name)) ?? ''
      const body = data.rows.get(key)
      setRows(data, new Map([[key, undefined]]))
      const { ok, faults } = await acme.ledger.verify({ deep: true })
      expect(ok).toBe(false)
      expect(faults).toContainEqual({ key, kind: 'body_missing' })
      expect(
        faults.filter(({ index, kind }) => kind === 'body_missing' && index !== undefined),
      ).toHaveLength(1)
      setRows(data, new Map([[key, body]]))
    },
  )
})
