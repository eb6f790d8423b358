import { expect, test } from 'vitest'
import { PrivityError, type Store } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { createJournal, type Journal } from '../../src/journal/journal.ts'
import { type JournalEntry, type JournalNote, START } from '../../src/journal/journal-entry.ts'
import { createControllerKey } from '../../src/keys/controller-key.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import { collect, eagerClock, refusal } from '../support/acme.ts'
import { allRows } from '../support/stores.ts'

const keyspace = createKeyspace('0'.repeat(16))
const KEY = new Uint8Array(32).fill(3)

async function open(store: Store, secret = KEY): Promise<Journal> {
  await store.open()
  const controller = createControllerKey(secret, 'store')
  return createJournal({ journal: store, keyspace, controller, clock: eagerClock() })
}

function note(nth: number): JournalNote {
  const id = nth.toString(16).padStart(32, '0')
  return { kind: 'intent', erasureId: id, subjectId: id, scope: 'all', planHash: 'h', at: nth }
}

async function entriesOf(share: MemoryData): Promise<readonly JournalEntry[]> {
  const journal = await open(memoryStore({ share }))
  const pages = await collect(journal.pages(START, await journal.end(START)))
  return pages.flat()
}

test('entries are read back in their order, each behind the hash of the one before', async () => {
  const share = memoryData()
  const journal = await open(memoryStore({ share }))
  await journal.append(note(1))
  await journal.append({ ...note(2), suppress: 'ab'.repeat(16) })
  const [first, second] = await entriesOf(share)
  expect(first).toEqual({ ...note(1), seq: 1, prevHash: '' })
  expect(second).toMatchObject({ ...note(2), seq: 2, suppress: 'ab'.repeat(16) })
  expect(second?.prevHash).toMatch(/^[\w-]{43}$/)
})

test('several processes append to one chain, and what comes at once goes in few commits', async () => {
  const share = memoryData()
  let commits = 0
  const counted = (): Store => {
    const store = memoryStore({ share })
    return {
      ...store,
      commit: async (batch) => {
        commits += 1
        return store.commit(batch)
      },
    }
  }
  const journals = [await open(counted()), await open(counted()), await open(counted())]
  const notes = Array.from({ length: 300 }, (_, nth) => note(nth))
  await Promise.all(notes.map((each, nth) => journals[nth % 3]?.append(each)))
  const entries = await entriesOf(share)
  expect(entries.map(({ seq }) => seq)).toEqual(notes.map((_, nth) => nth + 1))
  expect(new Set(entries.map(({ erasureId }) => erasureId)).size).toBe(300)
  expect(commits).toBeLessThan(100)
})

test('what was told is in the chain once, whatever became of the answers', async () => {
  const share = memoryData()
  const store = memoryStore({ share })
  let nth = 0
  const unsure = (): PrivityError => new PrivityError('outcome_unknown', {})
  const journal = await open({
    ...store,
    commit: async (batch) => {
      nth += 1
      if (nth % 3 === 0) throw unsure()
      await store.commit(batch)
      if (nth % 3 === 1) throw unsure()
    },
  })
  for (let each = 0; each < 9; each += 1) await journal.append(note(each))
  expect((await entriesOf(share)).map(({ at }) => at)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
})

test('another key reads nothing, and nobody rows in another place', async () => {
  const share = memoryData()
  const journal = await open(memoryStore({ share }))
  await journal.append(note(1))
  await journal.append(note(2))
  const other = await open(memoryStore({ share }), new Uint8Array(32).fill(4))
  expect(await refusal(other.end(START))).toMatchObject({
    code: 'journal_diverged',
    details: { reason: 'unreadable' },
  })
  const end = await journal.end(START)
  const swapped = memoryStore({ share })
  await swapped.open()
  const [one, two] = await swapped.read([keyspace.journalEntry(1), keyspace.journalEntry(2)])
  const put = [
    [keyspace.journalEntry(1), two ?? new Uint8Array()],
    [keyspace.journalEntry(2), one ?? new Uint8Array()],
  ] as const
  await swapped.commit({ checks: [], put, del: [] })
  expect(await refusal(collect(journal.pages(START, end)))).toMatchObject({
    code: 'journal_diverged',
    details: { reason: 'unreadable', seq: 0 },
  })
  expect(await refusal(journal.end(end))).toMatchObject({ details: { reason: 'head', seq: 2 } })
})

/** Puts rows of before in the place of all that there are. */
async function putBack(
  share: MemoryData,
  copy: Awaited<ReturnType<typeof allRows>>,
): Promise<void> {
  const del = (await allRows(memoryStore({ share }))).map(([key]) => key)
  const store = memoryStore({ share })
  await store.open()
  await store.commit({ checks: [], put: [], del })
  await store.commit({ checks: [], put: copy, del: [] })
}

test('a journal that was set back beneath a process does not go on over the gap, until it is back', async () => {
  const share = memoryData()
  const journal = await open(memoryStore({ share }))
  await journal.append(note(1))
  const early = await allRows(memoryStore({ share }))
  await journal.append(note(2))
  const whole = await allRows(memoryStore({ share }))
  await putBack(share, early)
  const behind = { code: 'journal_diverged', details: { reason: 'behind', seq: 1 } }
  expect(await refusal(journal.append(note(3)))).toEqual(behind)
  expect(await refusal(journal.end(START))).toEqual(behind)
  expect(await allRows(memoryStore({ share }))).toEqual(early)
  await putBack(share, [])
  expect(await refusal(journal.append(note(3)))).toMatchObject({ details: { reason: 'behind' } })
  await putBack(share, whole)
  expect(await journal.append(note(3))).toBe(3)
})

test('nor one that others wrote another end of', async () => {
  const share = memoryData()
  const journal = await open(memoryStore({ share }))
  await journal.append(note(1))
  const early = await allRows(memoryStore({ share }))
  await journal.append(note(2))
  await putBack(share, early)
  const other = await open(memoryStore({ share }))
  await other.append(note(4))
  await other.append(note(5))
  expect(await refusal(journal.append(note(3)))).toEqual({
    code: 'journal_diverged',
    details: { reason: 'head', seq: 2 },
  })
})

test('a process is told by others how far the journal goes, and by none that it ends before', async () => {
  const share = memoryData()
  const [one, other] = [await open(memoryStore({ share })), await open(memoryStore({ share }))]
  await one.append(note(1))
  const early = await allRows(memoryStore({ share }))
  const first = await one.end(START)
  await one.append(note(2))
  expect(other.known()).toEqual(START)
  other.expect(one.known())
  other.expect(first)
  expect(other.known()).toEqual(one.known())
  await putBack(share, early)
  expect(await refusal(other.append(note(3)))).toMatchObject({
    code: 'journal_diverged',
    details: { reason: 'behind', seq: 1 },
  })
})
