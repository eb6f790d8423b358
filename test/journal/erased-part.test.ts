import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import { canonicalBytes } from '../../src/base/canonical.ts'
import { type ErasedPart, readNumbers, readPart } from '../../src/journal/erased-part.ts'
import { createJournal } from '../../src/journal/journal.ts'
import { type JournalNote, openEntry, START } from '../../src/journal/journal-entry.ts'
import { createControllerKey } from '../../src/keys/controller-key.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import { collect, eagerClock, refusal } from '../support/acme.ts'

fc.configureGlobal({ seed: 20_261_122 })

const keyspace = createKeyspace('0'.repeat(16))
const controller = createControllerKey(new Uint8Array(32).fill(3), 'store')
const id = fc.stringMatching(/^[0-9a-f]{32}$/)
const words = fc.array(fc.string(), { maxLength: 4 })
const part: fc.Arbitrary<ErasedPart> = fc.record(
  {
    upTo: fc.nat(),
    items: fc.array(
      fc.record(
        { record: fc.string(), ids: fc.array(id, { maxLength: 3 }), fieldIds: words },
        { requiredKeys: ['record'] },
      ),
      { maxLength: 3 },
    ),
    closes: fc.record({ reason: fc.string(), until: fc.nat() }, { requiredKeys: ['reason'] }),
    hooks: fc.record({
      records: fc.array(
        fc.record(
          { record: fc.string(), recordId: id, fields: words },
          { requiredKeys: ['record'] },
        ),
        { maxLength: 3 },
      ),
    }),
  },
  { requiredKeys: ['upTo', 'items'] },
)

function noteOf(rest: Partial<JournalNote>): JournalNote {
  const [erasureId, subjectId] = ['a'.repeat(32), 'b'.repeat(32)]
  return { kind: 'intent', erasureId, subjectId, scope: 'part', planHash: 'h', at: 1, ...rest }
}

async function openJournal(): Promise<ReturnType<typeof createJournal>> {
  const store = memoryStore({ share: memoryData() })
  await store.open()
  return createJournal({ journal: store, keyspace, controller, clock: eagerClock() })
}

test('every part is read back as it was told, by its number', async () => {
  const journal = await openJournal()
  await fc.assert(
    fc.asyncProperty(part, fc.array(fc.nat()), async (told, parts) => {
      const one = noteOf({ part: told })
      const other = noteOf({ kind: 'completed', parts })
      const seqs = await Promise.all([journal.append(one), journal.append(other)])
      expect(seqs[1]).toBe((seqs[0] ?? 0) + 1)
      expect(await journal.entries(seqs)).toMatchObject([
        { ...one, seq: seqs[0] },
        { ...other, seq: seqs[1] },
      ])
    }),
    { numRuns: 50 },
  )
  const pages = await collect(journal.pages(START, await journal.end(START)))
  expect(pages.flat().map(({ seq }) => seq)).toEqual(pages.flat().map((_, at) => at + 1))
})

test('what is no part is none, and an entry of one that says nothing does not open', async () => {
  const whole: ErasedPart = { upTo: 1, items: [{ record: 'contact', ids: ['a'.repeat(32)] }] }
  expect(readPart(whole)).toEqual(whole)
  const item = { record: 'contact' }
  for (const other of [
    undefined,
    null,
    {},
    [],
    { ...whole, upTo: -1 },
    { ...whole, upTo: 1.5 },
    { ...whole, items: [{ ...item, ids: ['x'] }] },
    { ...whole, items: [{ ...item, fieldIds: [1] }] },
    { ...whole, items: [{ ...item, more: true }] },
    { ...whole, items: 'all' },
    { ...whole, closes: {} },
    { ...whole, hooks: [] },
    { ...whole, more: 1 },
  ])
    expect(readPart(other)).toBeUndefined()
  for (const other of [undefined, {}, ['1'], [-1], [0.5]])
    expect(readNumbers(other)).toBeUndefined()

  const row = keyspace.journalEntry(1)
  const opened = (json: object): object | undefined =>
    openEntry(controller, row, controller.seal(row, canonicalBytes(json as never)))
  const entry = { ...noteOf({}), seq: 1, prevHash: '' }
  expect(opened({ ...entry, v: 2 })).toBeUndefined()
  expect(opened({ ...entry, v: 2, kind: 'completed' })).toBeUndefined()
  expect(opened({ ...entry, v: 3, part: whole })).toBeUndefined()
  expect(opened({ ...entry, v: 2, part: whole })).toEqual({ ...entry, part: whole })
  // As they were written before there were parts.
  expect(opened({ ...entry, v: 1, scope: 'all' })).toEqual({ ...entry, scope: 'all' })
})

test('an entry that is missing or was changed is not passed over', async () => {
  const store = memoryStore({ share: memoryData() })
  await store.open()
  const journal = createJournal({ journal: store, keyspace, controller, clock: eagerClock() })
  const seq = await journal.append(noteOf({ part: { upTo: 1, items: [] } }))
  const diverged = (reason: string, at: number): object => ({
    code: 'journal_diverged',
    details: { reason, seq: at },
  })
  expect(await refusal(journal.entries([seq, 7]))).toEqual(diverged('chain', 7))
  const put = [[keyspace.journalEntry(seq), new Uint8Array([1])] as const]
  await store.commit({ checks: [], put, del: [] })
  expect(await refusal(journal.entries([seq]))).toEqual(diverged('unreadable', seq))
})
