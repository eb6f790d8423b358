import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalBytes } from '../../src/base/canonical.ts'
import { type Place, START } from '../../src/journal/journal-entry.ts'
import { createSeenMark, type Mark, readMark } from '../../src/journal/journal-mark.ts'
import { createControllerKey } from '../../src/keys/controller-key.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'

const keyspace = createKeyspace('0'.repeat(16))
const controller = createControllerKey(new Uint8Array(32).fill(3), 'store')
const KEY = keyspace.journalMark

function markIn(row: Uint8Array | undefined): Promise<Mark | undefined> {
  const store = { read: async () => [row] }
  return readMark({ store: store as never, keyspace, controller })
}

function placeAt(seq: number): Place {
  return { seq, hash: `h${seq}` }
}

/** What one process knows of a journal, and its mark. */
function processOf(first: Place) {
  let known = first
  const journal = {
    known: () => known,
    expect: (place: Place) => {
      if (place.seq > known.seq) known = place
    },
  }
  return { journal, mark: createSeenMark({ keyspace, controller }, journal) }
}

test('a row that was written before it said what was seen says so of what was done', async () => {
  const json = { v: 1, seq: 4, hash: 'h4', logSize: 9 }
  const row = controller.seal(KEY, canonicalBytes(json))
  expect(await markIn(row)).toEqual({ ...placeAt(4), logSize: 9, seen: placeAt(4) })
})

test('what was done and how long the log was then stays as it is', async () => {
  const json = { v: 1, seq: 4, hash: 'h4', logSize: 9, seen: { seq: 5, hash: 'h5' } }
  const stored = new Map([[KEY, controller.seal(KEY, canonicalBytes(json))]])
  const [row] = processOf(placeAt(7)).mark.put(stored)
  expect(row?.[0]).toBe(KEY)
  expect(await markIn(row?.[1])).toEqual({ ...placeAt(4), logSize: 9, seen: placeAt(7) })
})

test('whoever writes when, the mark is the furthest that anybody of them knew, and everybody knows it then', async () => {
  const turns = fc.array(fc.record({ process: fc.nat(2), learns: fc.nat(30) }), { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(turns, async (all) => {
      const processes = [processOf(START), processOf(START), processOf(START)]
      const rows = new Map<string, Uint8Array>()
      let furthest = 0
      for (const { process, learns } of all) {
        const turn = processes[process]
        if (turn === undefined) continue
        turn.journal.expect(placeAt(learns))
        furthest = Math.max(furthest, learns)
        for (const [key, value] of turn.mark.put(rows)) rows.set(key, value)
        expect((await markIn(rows.get(KEY)))?.seen.seq ?? 0).toBe(furthest)
        expect(turn.journal.known()).toEqual(furthest === 0 ? START : placeAt(furthest))
        expect(turn.mark.put(rows)).toEqual([])
      }
    }),
  )
})
