import { isDeepStrictEqual } from 'node:util'
import { memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { isPrivityError, PrivityError } from '../../src/base/errors.ts'
import type { Store } from '../../src/storage/store.ts'
import { checkLog, type LogEvent, type LogRow } from '../../src/testkit/check-log.ts'
import type { Random } from '../../src/testkit/random.ts'
import type { Scenario, SimulatedInstance } from '../../src/testkit/simulate.ts'
import type { SimulatedCall } from '../../src/testkit/simulated-store.ts'
import { appendOp, tinyEntry, tinyGroup, tinyState } from './tiny-log.ts'

/** What an app notes outside of the store: what it wants appended, and what it knows of each. */
interface Wanted {
  readonly id: string
  readonly row: string
  /** It refuses by itself now and then. */
  readonly refuses: boolean
  done: boolean
}

const ENTRIES = 3
const TRIES = 4
const MANY = 10_000

/** Instances that append to one log through the write queue of the SDK, each some entries at a time. */
export function appendingScenario(
  connect?: (share: ReturnType<typeof memoryData>) => Store,
): Scenario {
  const share = memoryData()
  const events: LogEvent[] = []
  const notes = new Map<number, readonly Wanted[]>()
  return {
    connect: () => connect?.(share) ?? memoryStore({ share }),
    live: async (instance) => {
      const wanted = notes.get(instance.number) ?? wantedBy(instance)
      notes.set(instance.number, wanted)
      await append(instance, wanted, events)
    },
    check: async () => {
      const store = memoryStore({ share })
      await store.open()
      await expectRight(store, events)
    },
  }
}

/** Opening, appending and looking up are different places, and so is each kind of row. */
export function siteOf({ name, keys }: SimulatedCall): readonly string[] {
  const families = keys.map((key) => key.split('/')[0])
  return [...new Set(families)].map((family) => `${name} of ${family}`)
}

function wantedBy({ number, random }: SimulatedInstance): readonly Wanted[] {
  return Array.from({ length: ENTRIES }, (_, at) => ({
    id: `i${number}-${at}`,
    row: random(2) === 0 ? 'row/x' : 'row/y',
    refuses: random(8) === 0,
    done: false,
  }))
}

async function append(
  instance: SimulatedInstance,
  wanted: readonly Wanted[],
  events: LogEvent[],
): Promise<void> {
  const { store, clock, number, life, random } = instance
  await store.open()
  const group = tinyGroup(store, { name: `i${number}.${life}.`, clock })
  const together = random(2) === 0
  const left = wanted.filter(({ done }) => !done)
  const work = left.map((one) => async () => {
    for (let attempt = 0; attempt < TRIES && !one.done; attempt += 1) {
      await appendOnce({ store, group, random }, one, events)
    }
  })
  if (together) await Promise.all(work.map((run) => run()))
  else for (const run of work) await run()
  await group.drain()
  await store.close()
}

interface Writer extends Pick<SimulatedInstance, 'store' | 'random'> {
  readonly group: ReturnType<typeof tinyGroup>
}

async function appendOnce(
  { store, group, random }: Writer,
  one: Wanted,
  events: LogEvent[],
): Promise<void> {
  const { id: entry } = one
  events.push({ kind: 'begin', entry })
  try {
    const { receipt } = await group.submit(participantOf(one, random))
    const index = receipt?.index ?? (await placeOf(store, entry))
    one.done = index !== undefined
    events.push(
      index === undefined ? { kind: 'unknown', entry } : { kind: 'applied', entry, index },
    )
  } catch (error) {
    const inDoubt = isPrivityError(error, 'outcome_unknown')
    if (!isPrivityError(error)) throw error
    events.push({ kind: inDoubt ? 'unknown' : 'failed', entry })
  }
}

/** Looks first, as every operation does, whether it was applied before; then it may refuse. */
function participantOf({ id, row, refuses }: Wanted, random: Random): ReturnType<typeof appendOp> {
  const right = appendOp({ id, row })
  return {
    ...right,
    build: (rows) => {
      const built = right.build(rows)
      if (built.kind === 'change' && refuses && random(2) === 0)
        throw new PrivityError('not_found', { kind: 'record' })
      return built
    },
  }
}

/** Where an entry is that an earlier attempt appended. */
async function placeOf(store: Store, entry: string): Promise<number | undefined> {
  try {
    const rows = await store.scan('e/', { limit: MANY })
    const at = rows.findIndex(([, value]) => new TextDecoder().decode(value) === entry)
    return at < 0 ? undefined : at
  } catch {
    return undefined
  }
}

async function expectRight(store: Store, events: readonly LogEvent[]): Promise<void> {
  const { log, rows, size } = await tinyState(store)
  const keys = (await store.scan('e/', { limit: MANY })).map(([key]) => key)
  const read: readonly LogRow[] = keys.map((key, at) => ({
    index: Number(key.slice(2)),
    entry: log[at] ?? '',
  }))
  // A refused entry leaves a row that keeps earlier attempts from landing, and says so in the log.
  const voids = new Set(log.filter((entry) => entry.startsWith('void ')))
  const asked = [...voids].map((entry): LogEvent => ({ kind: 'begin', entry }))
  const faults = checkLog({ events: [...asked, ...events], log: read })
  if (faults.length > 0) throw new TypeError(`the log: ${JSON.stringify(faults)}`)
  if (keys.length !== size || keys.at(-1) !== (size === 0 ? undefined : tinyEntry(size - 1)))
    throw new TypeError('the head does not count the entries')
  const inRows = Object.values(rows).flat().toSorted()
  const inLog = log.filter((entry) => !voids.has(entry)).toSorted()
  if (!isDeepStrictEqual(inRows, inLog)) throw new TypeError('rows and log tell different stories')
}
