import fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Anchor, isPrivityError, storeAnchor, type Store } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { addCosignature, parseNote, signNote } from '../../src/crypto/note.ts'
import { type AnchorPlace, ANCHORS } from '../support/anchors.ts'
import { fixedKey } from '../support/fixed-key.ts'
import { type GrowingLog, growingLog } from '../support/growing-log.ts'
import { leaveEngines } from '../support/stores.ts'

const SEED = 20_261_122
const SLOW = 120_000
const SIZES = 24

let log: GrowingLog
let next: GrowingLog
let fork: GrowingLog
/** The checkpoint of each size. */
let notes: readonly string[]
const places: AnchorPlace[] = []

leaveEngines()

beforeAll(async () => {
  log = await growingLog()
  next = await growingLog({ origin: 'example.com/next' })
  fork = await growingLog({ branch: 'b' })
  notes = await Promise.all(Array.from({ length: SIZES }, (_, size) => log.checkpoint(size)))
})

afterEach(async () => {
  for (const place of places.splice(0)) await place.dispose()
})

function noteOf(size: number): string {
  return notes[size] ?? ''
}

function textOf(note: string | undefined): string | undefined {
  return note === undefined ? undefined : parseNote(note)?.text
}

async function codeOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call
  } catch (error) {
    return isPrivityError(error) ? { code: error.code, details: error.details } : error
  }
}

function refused(path: string): unknown {
  return {
    code: 'invalid_input',
    details: { issues: [{ path: [path], code: 'not_a_checkpoint' }] },
  }
}

describe.for(Object.entries(ANCHORS))('%s', ([, open]) => {
  async function place(): Promise<AnchorPlace> {
    const opened = await open(log, next)
    places.push(opened)
    return opened
  }

  test('remembers what it was moved to, for everybody who opens it', async () => {
    const { anchor } = await place()
    expect(await anchor().read()).toBeUndefined()
    expect(await anchor().advance(undefined, noteOf(3), log.prove)).toBe(true)
    expect(textOf(await anchor().read())).toBe(textOf(noteOf(3)))
    expect(await anchor().advance(await anchor().read(), noteOf(8), log.prove)).toBe(true)
    expect(textOf(await anchor().read())).toBe(textOf(noteOf(8)))
  })

  test('is not moved from what it does not remember', async () => {
    const { anchor } = await place()
    expect(await anchor().advance(noteOf(2), noteOf(3), log.prove)).toBe(false)
    expect(await anchor().read()).toBeUndefined()
    await anchor().advance(undefined, noteOf(3), log.prove)
    const remembered = await anchor().read()
    for (const from of [undefined, noteOf(2)])
      expect(await anchor().advance(from, noteOf(4), log.prove)).toBe(false)
    expect(await anchor().read()).toBe(remembered)
  })

  test('may be told the same again', async () => {
    const { anchor } = await place()
    await anchor().advance(undefined, noteOf(3), log.prove)
    expect(await anchor().advance(await anchor().read(), noteOf(3), log.prove)).toBe(true)
    expect(textOf(await anchor().read())).toBe(textOf(noteOf(3)))
  })

  test('keeps the signatures that it is given', async () => {
    const { anchor } = await place()
    const signer = { name: 'other.example', key: await fixedKey(4), seconds: 5 }
    const signed = await addCosignature(noteOf(3), signer)
    await anchor().advance(undefined, signed, log.prove)
    expect((await anchor().read())?.startsWith(signed)).toBe(true)
  })

  test('moves to another log', async () => {
    const { anchor } = await place()
    await anchor().advance(undefined, noteOf(9), log.prove)
    const to = await next.checkpoint(2)
    expect(await anchor().advance(await anchor().read(), to, next.prove)).toBe(true)
    expect(textOf(await anchor().read())).toBe(textOf(to))
  })

  test('never goes back, nor to another root at the same size', async () => {
    const { anchor } = await place()
    await anchor().advance(undefined, noteOf(8), log.prove)
    const remembered = await anchor().read()
    const ways: readonly (readonly [string, string])[] = [
      ['anchor_ahead', noteOf(7)],
      ['fork', await fork.checkpoint(8)],
    ]
    for (const [kind, to] of ways)
      expect(await codeOf(anchor().advance(remembered, to, log.prove))).toEqual({
        code: 'ledger_inconsistent',
        details: { origin: log.origin, kind },
      })
    expect(await anchor().read()).toBe(remembered)
  })

  test('takes nothing but checkpoints', async () => {
    const { anchor } = await place()
    const key = await fixedKey(1)
    const others: readonly unknown[] = [
      '',
      'words',
      parseNote(noteOf(3))?.text,
      await signNote('words\n', log.origin, key),
      await signNote(`${textOf(noteOf(3))}extension\n`, log.origin, key),
      await signNote(`${'x'.repeat(65_536)}\n1\n${'A'.repeat(43)}=\n`, log.origin, key),
      null,
      5,
      {},
      new Uint8Array(3),
    ]
    for (const other of others) {
      expect(await codeOf(anchor().advance(undefined, other as string))).toEqual(refused('to'))
      expect(await codeOf(anchor().advance(other as string, noteOf(3)))).toEqual(refused('from'))
    }
    expect(await codeOf(anchor().advance(undefined, undefined as never))).toEqual(refused('to'))
    expect(await anchor().read()).toBeUndefined()
  })

  test('behaves like a register that many move at once', { timeout: SLOW }, async () => {
    // Every round starts calls together; each guesses what is remembered, and some guess rightly.
    const move = fc.record({ guess: fc.nat({ max: 3 }), step: fc.integer({ min: 1, max: 3 }) })
    const rounds = fc.array(fc.array(move, { minLength: 1, maxLength: 5 }), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(rounds, async (batches) => {
        const opened = await open(log)
        try {
          await playRounds(opened, batches)
        } finally {
          await opened.dispose()
        }
      }),
      { numRuns: 25, seed: SEED },
    )
  })
})

interface Move {
  /** How many sizes behind what is remembered. */
  readonly guess: number
  readonly step: number
}

async function playRounds(
  place: AnchorPlace,
  batches: readonly (readonly Move[])[],
): Promise<void> {
  let size = 0
  for (const batch of batches) {
    const start = size
    const calls = batch.map(async ({ guess, step }) => {
      const from = start - guess
      const to = Math.max(0, from) + step
      if (to >= SIZES) return undefined
      const call = place
        .anchor()
        .advance(from <= 0 ? undefined : noteOf(from), noteOf(to), log.prove)
      const moved = await call.catch(isOvertaken)
      return { from: Math.max(0, from), to, moved }
    })
    size = endOf(start, await Promise.all(calls))
    expect(textOf(await place.anchor().read())).toBe(size === 0 ? undefined : textOf(noteOf(size)))
  }
}

/** Not moved, because others were at the witness first, or twice. */
function isOvertaken(error: unknown): false {
  const ahead =
    isPrivityError(error, 'ledger_inconsistent') && error.details.kind === 'anchor_ahead'
  const busy = isPrivityError(error, 'store_unavailable') && error.details.reason === 'busy'
  if (!ahead && !busy) throw error
  return false
}

/** Follows the calls that succeeded: they are one chain from where the round began. */
function endOf(
  start: number,
  calls: readonly ({ from: number; to: number; moved: boolean } | undefined)[],
): number {
  const moved = calls.filter((call) => call?.moved === true).flatMap((call) => call ?? [])
  let at = start
  const left = [...moved]
  for (;;) {
    const step = left.findIndex(({ from }) => from === at)
    if (step < 0) break
    at = left.splice(step, 1)[0]?.to ?? at
  }
  expect(left).toEqual([])
  return at
}

describe('an anchor in a store, whatever the order in which its calls get through', () => {
  /** Every call of the store begins when the scheduler says so. */
  function scheduled(store: Store, scheduler: fc.Scheduler): Store {
    return {
      ...store,
      read: async (keys) => {
        await scheduler.schedule(Promise.resolve('read'))
        return store.read(keys)
      },
      commit: async (batch) => {
        await scheduler.schedule(Promise.resolve('commit'))
        return store.commit(batch)
      },
    }
  }

  /** Moves on by one leaf until it has done so, and says which. */
  async function moveOn(anchor: Anchor): Promise<number> {
    for (;;) {
      const from = await anchor.read()
      const size = Number(from?.split('\n')[1] ?? 0) + 1
      if (await anchor.advance(from, noteOf(size))) return size
    }
  }

  test('takes each step for exactly one of those who wanted it', { timeout: SLOW }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 4 }), async (scheduler, many) => {
        const share = memoryData()
        const workers = Array.from({ length: many }, async () => {
          const anchor = storeAnchor(scheduled(memoryStore({ share }), scheduler))
          return [await moveOn(anchor), await moveOn(anchor)]
        })
        const done = Promise.all(workers)
        await scheduler.waitFor(done)
        const sizes = (await done).flat().sort((a, b) => a - b)
        expect(sizes).toEqual(Array.from({ length: 2 * many }, (_, index) => index + 1))
      }),
      { numRuns: 300, seed: SEED },
    )
  })
})
