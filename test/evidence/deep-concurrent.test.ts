import { describe, expect, test } from 'vitest'
import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { isPrivityError } from '../../src/base/errors.ts'
import type { Store } from '../../src/storage/store.ts'
import {
  type Acme,
  accessorsOf,
  ANNA,
  eagerClock,
  onPaper,
  openAcme,
  publishNotice,
} from '../support/acme.ts'
import { remove, withMutation } from '../support/deep-mutations.ts'
import { type Seeded, seeded } from '../support/seeded.ts'

const SLOW = 120_000
const ROUNDS = 25

/** Others get on before and after each call, so that no two pages are of one moment. */
function beside(store: Store, crowd: Crowd): Store {
  const pass = async <T>(call: () => Promise<T>): Promise<T> => {
    await crowd.getOn()
    const answer = await call()
    await crowd.getOn()
    return answer
  }
  return {
    ...store,
    read: (keys) => pass(() => store.read(keys)),
    scan: (prefix, options) => pass(() => store.scan(prefix, options)),
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

interface Town {
  readonly acme: Acme
  readonly ids: string[]
  readonly random: Seeded
}

async function act({ acme, ids, random }: Town): Promise<void> {
  const { support } = accessorsOf(acme)
  const at = random.below(ids.length)
  const id = ids[at] ?? ''
  const email = `p${random.below(9)}@example.com`
  const notice = await publishNotice(acme)
  const acts: readonly (() => Promise<unknown>)[] = [
    () => support.contact.update(id, { email, address: `Street ${random.below(99)}` }),
    () => support.ticket.create(id, { text: 'help', channel: `c${random.below(3)}` }),
    async () => {
      for await (const { recordId = '' } of support.ticket.find({ channel: 'c1' })) {
        await support.ticket.remove(id, recordId)
        return
      }
    },
    () => acme.consent.give(id, onPaper(notice, ['marketing'])),
    () => acme.consent.withdraw(id, { purposes: ['marketing'] }),
    () => support.contact.read(id),
    () => acme.notices.serve(notice, { language: 'en' }),
    () => publishNotice(acme, `v${random.below(1_000)}`),
    () => newcomer({ acme, ids, random }),
    () => newcomer({ acme, ids, random }),
    () => acme.erasure.erase(id as never, { reason: 'subject_request' }),
  ]
  try {
    await acts[random.below(acts.length)]?.()
  } catch (error) {
    // Whom another one erased meanwhile, or who has no consent to withdraw.
    if (!isPrivityError(error)) throw error
  }
}

async function newcomer({ acme, ids, random }: Town): Promise<void> {
  const externalId = `customer-${random.below(1_000_000)}`
  const { id } = await acme.subjects.register(random.below(2) === 0 ? {} : { externalId })
  await accessorsOf(acme).support.contact.create(id, ANNA)
  ids[random.below(20)] = id
}

/** Two instances with work to do. */
interface Crowd {
  /** Now and then starts something, and lets what was started get on. */
  getOn(): Promise<void>
  /** Spreads as much work as before over the next round, however long that is. */
  nextRound(): void
  /** Resolves to how much was done, once everything is. */
  stop(): Promise<number>
}

const AT_ONCE = 6
const ACTS = 40

async function crowdOver(data: MemoryData, seed: number): Promise<Crowd> {
  const open = (): Promise<Acme> => openAcme(memoryStore({ share: data }), { clock: eagerClock() })
  const instances = [await open(), await open()]
  const random = seeded(seed)
  const ids: string[] = []
  const running = new Set<Promise<void>>()
  let [calls, pace, acts] = [0, 3, 0]
  for (let at = 0; at < 20; at += 1) {
    const [acme] = instances
    if (acme !== undefined) await newcomer({ acme, ids, random: { ...random, below: () => at } })
  }
  function start(acme: Acme): void {
    acts += 1
    const acting = act({ acme, ids, random })
    running.add(acting)
    acting.finally(() => running.delete(acting)).catch(() => undefined)
  }
  return {
    getOn: async () => {
      calls += 1
      const acme = instances[random.below(2)]
      if (calls % pace === 0 && running.size < AT_ONCE && acme !== undefined) start(acme)
      await turn()
    },
    nextRound: () => {
      pace = Math.max(1, Math.floor(calls / ACTS))
      calls = 0
    },
    stop: async () => {
      await Promise.all(running)
      for (const acme of instances) await acme.close()
      return acts
    },
  }
}

async function quietPerson(data: MemoryData): Promise<{ readonly id: string }> {
  const acme = await openAcme(memoryStore({ share: data }), { clock: eagerClock() })
  const { id } = await acme.subjects.register({ externalId: 'quiet' })
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  await support.ticket.create(id, { text: 'help', channel: 'quiet' })
  await acme.close()
  return { id }
}

describe('while two instances write, erase and read', () => {
  test('deep verification never cries wolf', { timeout: SLOW }, async () => {
    const data = memoryData()
    const crowd = await crowdOver(data, 7)
    const store = beside(memoryStore({ share: data }), crowd)
    const acme = await openAcme(store, { clock: eagerClock() })
    const sizes: bigint[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const { ok, size, faults } = await acme.ledger.verify({ deep: true })
      expect({ round, ok, faults }).toEqual({ round, ok: true, faults: [] })
      sizes.push(size)
      crowd.nextRound()
    }
    expect(await crowd.stop()).toBeGreaterThan(10 * ROUNDS)
    expect(Number(sizes.at(-1))).toBeGreaterThan(Number(sizes[0]) + ROUNDS)
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await acme.close()
  })

  test('it misses none of the rows that somebody took away', { timeout: SLOW }, async () => {
    const data = memoryData()
    const { id } = await quietPerson(data)
    const quiet = [...data.rows.keys()].filter((key) => key.includes(id) || key.includes('/u/'))
    expect(quiet.length).toBeGreaterThan(10)
    const crowd = await crowdOver(data, 8)
    const store = beside(memoryStore({ share: data }), crowd)
    const acme = await openAcme(store, { clock: eagerClock() })
    for (const key of quiet) {
      const { ok, faults } = await withMutation(data, remove(key), () =>
        acme.ledger.verify({ deep: true }),
      )
      expect({ key, ok, named: faults.some((fault) => fault.key === key) }).toEqual({
        key,
        ok: false,
        named: true,
      })
      crowd.nextRound()
    }
    await crowd.stop()
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await acme.close()
  })
})
