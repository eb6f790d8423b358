import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Anchor, memoryAnchor, PrivityError } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { verifyReceipt } from 'privity/verify'
import { type Acme, eagerClock, onPaper, openAcme, publishNotice } from '../support/acme.ts'

const MARKETING = { purposes: ['marketing'] } as const

/** An anchor whose advances wait for the test. */
interface HeldAnchor {
  readonly anchor: Anchor
  /** From here on advances wait. */
  hold(): void
  /** What waits goes on. */
  release(): void
  readonly waiting: number
}

function heldAnchor(): HeldAnchor {
  const inner = memoryAnchor()
  const waiters: (() => void)[] = []
  let isHeld = false
  return {
    anchor: {
      read: () => inner.read(),
      advance: async (from, to) => {
        if (isHeld)
          await new Promise<void>((resolve) => {
            waiters.push(resolve)
          })
        return inner.advance(from, to)
      },
    },
    hold: () => {
      isHeld = true
    },
    release: () => {
      isHeld = false
      for (const resume of waiters.splice(0)) resume()
    },
    get waiting() {
      return waiters.length
    },
  }
}

async function opened(): Promise<{
  readonly acme: Acme
  readonly held: HeldAnchor
  readonly share: ReturnType<typeof memoryData>
}> {
  const share = memoryData()
  const held = heldAnchor()
  const { anchor } = held
  const acme = await openAcme(memoryStore({ share }), { anchor, clock: eagerClock() })
  return { acme, held, share }
}

async function protectionOf(acme: Acme, receipt: string): Promise<unknown> {
  const { record } = await verifyReceipt(receipt, acme.ledger.publicKeys)
  return record?.['rollbackProtection']
}

test('nothing is acknowledged while the anchor is slow, and all is anchored that is', async () => {
  const { acme, held } = await opened()
  const { id } = await acme.subjects.register()
  const notice = await publishNotice(acme)
  const order: number[] = []
  held.hold()
  const first = acme.consent.give(id, onPaper(notice, ['marketing'])).finally(() => order.push(1))
  await turnsUntil(() => held.waiting === 1)
  const later = [2, 3].map((number) =>
    acme.consent.withdraw(id, MARKETING).finally(() => order.push(number)),
  )
  await turns(20)
  expect(order).toEqual([])
  // It is in the store, and any reader sees it: only the answer waits.
  expect(await acme.consent.status(id, 'marketing')).toMatchObject({ state: 'given' })
  held.release()
  const [{ receipt }, ...rest] = await Promise.all([first, ...later])
  // Receipts are signed side by side, on other threads: whose is ready first says nothing.
  expect(order.toSorted((a, b) => a - b)).toEqual([1, 2, 3])
  for (const one of [receipt, ...rest.map((it) => it.receipt)])
    expect(await protectionOf(acme, one)).toBe('anchored')
  await acme.close()
})

test('an abort while the anchor is slow takes nothing back of what is in the store', async () => {
  const { acme, held, share } = await opened()
  const { id } = await acme.subjects.register()
  const notice = await publishNotice(acme)
  const stop = new AbortController()
  held.hold()
  const given = acme.consent.give(id, onPaper(notice, ['marketing']), { signal: stop.signal })
  await turnsUntil(() => held.waiting === 1)
  const queued = acme.consent.withdraw(id, MARKETING, { signal: stop.signal })
  queued.catch(() => undefined)
  stop.abort()
  await expect(queued).rejects.toThrow('aborted')
  held.release()
  expect(await protectionOf(acme, (await given).receipt)).toBe('anchored')
  expect(await acme.consent.status(id, 'marketing')).toMatchObject({ state: 'given' })
  await acme.close()
  const again = await openAcme(memoryStore({ share }), { anchor: held.anchor })
  expect(await again.consent.status(id, 'marketing')).toMatchObject({ state: 'given' })
  await again.close()
})

test('close waits for what the anchor is still to hear of', async () => {
  const { acme, held, share } = await opened()
  held.hold()
  const registering = acme.subjects.register()
  await turnsUntil(() => held.waiting === 1)
  let isClosed = false
  const closing = acme.close().then(() => {
    isClosed = true
  })
  await turns(20)
  expect(isClosed).toBe(false)
  held.release()
  await Promise.all([registering, closing])
  const again = await openAcme(memoryStore({ share }), { anchor: held.anchor })
  expect((await again.ledger.checkpoint()).startsWith((await held.anchor.read()) ?? '-')).toBe(true)
  await again.close()
})

test('an instance closes while its anchor is away, and the next one makes up for it', async () => {
  const share = memoryData()
  const inner = memoryAnchor()
  let isAway = false
  const meet = <T>(run: () => Promise<T>): Promise<T> => {
    if (isAway) throw new PrivityError('store_unavailable', { reason: 'away' })
    return run()
  }
  const anchor: Anchor = {
    read: async () => meet(() => inner.read()),
    advance: async (from, to) => meet(() => inner.advance(from, to)),
  }
  const acme = await openAcme(memoryStore({ share }), { anchor, shards: 2 })
  isAway = true
  const { id } = await acme.subjects.register()
  await acme.consent.withdraw(id, MARKETING)
  await acme.close()
  isAway = false
  const again = await openAcme(memoryStore({ share }), { anchor })
  expect((await again.ledger.checkpoint()).startsWith((await inner.read()) ?? '-')).toBe(true)
  expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await again.close()
})

describe('while the anchor is silent', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** So many seconds go by for whoever waits; then what was called must have an end. */
  async function pass<T>(call: Promise<T>, seconds: number): Promise<T> {
    let isSettled = false
    const end = (): void => {
      isSettled = true
    }
    call.then(end, end)
    for (let second = 0; second < seconds; second += 1) {
      await vi.advanceTimersByTimeAsync(1_000)
      await turns(2)
    }
    await turnsUntil(() => isSettled)
    return call
  }

  test('an operation is acknowledged, and claims nothing', async () => {
    const { acme, held } = await opened()
    const { id } = await acme.subjects.register()
    const notice = await publishNotice(acme)
    held.hold()
    const giving = acme.consent.give(id, onPaper(notice, ['marketing']))
    await turnsUntil(() => held.waiting === 1)
    const { receipt } = await pass(giving, 12)
    expect(await protectionOf(acme, receipt)).toBe('none')
    held.release()
    const again = await acme.consent.withdraw(id, MARKETING)
    expect(await protectionOf(acme, again.receipt)).toBe('anchored')
    await acme.close()
  })

  test('what waits behind it is not refused', async () => {
    const { acme, held } = await opened()
    const { id } = await acme.subjects.register()
    held.hold()
    const first = acme.subjects.register()
    await turnsUntil(() => held.waiting === 1)
    const second = acme.consent.withdraw(id, MARKETING)
    await pass(first, 6)
    await turnsUntil(() => held.waiting === 2)
    const withdrawal = await pass(second, 6)
    expect(await protectionOf(acme, withdrawal.receipt)).toBe('none')
    expect(await acme.consent.status(id, 'marketing')).toMatchObject({ state: 'withdrawn' })
    held.release()
    await acme.close()
  })

  test('an anchor that waits for another operation of the same log is given up on', async () => {
    const share = memoryData()
    const inner = memoryAnchor()
    let acme: Acme | undefined
    let depth = 0
    const anchor: Anchor = {
      read: () => inner.read(),
      advance: async (from, to) => {
        depth += 1
        if (depth === 1) await acme?.subjects.register()
        return inner.advance(from, to)
      },
    }
    acme = await openAcme(memoryStore({ share }), { anchor, clock: eagerClock() })
    depth = 0
    const before = await acme.ledger.verify()
    const registering = acme.subjects.register()
    await turnsUntil(() => depth === 1)
    await pass(registering, 12)
    await turnsUntil(() => depth === 2)
    await acme.close()
    const again = await openAcme(memoryStore({ share }), { anchor: inner, clock: eagerClock() })
    const { ok, size } = await again.ledger.verify({ deep: true })
    expect([ok, size >= before.size + 1n]).toEqual([true, true])
    await again.close()
  })

  test('close ends', async () => {
    const { acme, held } = await opened()
    await acme.subjects.register()
    held.hold()
    const registering = acme.subjects.register()
    await turnsUntil(() => held.waiting === 1)
    const closing = acme.close()
    await pass(registering, 12)
    await pass(closing, 12)
    held.release()
  })
})

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
}

async function turnsUntil(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 50_000 && !isSo(); turn += 1) await turns(1)
  expect(isSo()).toBe(true)
}
