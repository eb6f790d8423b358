import { endOfTurn } from '../base/platform.ts'
import { systemClock } from '../base/time.ts'
import type { Store } from '../storage/store.ts'
import type { FaultKind } from './faulty-store.ts'
import { type Random, seededRandom } from './random.ts'
import {
  type SimulatedCall,
  type SimulatedLife,
  simulatedStore,
  type Task,
} from './simulated-store.ts'

/** A process that is simulated: one of several over the same rows, and perhaps not for long. */
export interface SimulatedInstance {
  /** From 0. */
  readonly number: number
  /** How often it was started again before, after a crash. */
  readonly life: number
  /** Not opened yet. Calls take effect, fail, and answer when the seed says so. */
  readonly store: Store
  /** Nobody waits for real. It may differ from that of other instances, and jump. */
  readonly clock: SimulatedClock
  /** Numbers that are the same for the same seed. */
  readonly random: Random
}

/** Time in a simulation; fits the option `clock` of `createPrivity`. */
export interface SimulatedClock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Resolves when the simulation says so, or rejects with the reason of the signal. */
  wait(ms: number, signal?: AbortSignal): Promise<void>
  /** The same for work that nobody waits for. */
  rest(ms: number, signal?: AbortSignal): Promise<void>
}

/** What is simulated, made anew for each seed. */
export interface Scenario {
  /** A store on the rows that all instances share, which answers at once. */
  connect(): Store
  /**
   * What one process does from its start to its end. Of a process that crashes, no call is ever
   * answered, and the function is called again for its next life.
   */
  live(instance: SimulatedInstance): Promise<void>
  /** Throws if what is there in the end is not right. */
  check(): void | Promise<void>
}

/** How a scenario is simulated. */
export interface SimulateOptions {
  /** Decides everything: the same seed, the same simulation. */
  readonly seed: number
  /** Makes what is simulated; nothing of an earlier simulation may be left in it. */
  readonly scenario: () => Scenario
  /** Processes at once. Default: 3. */
  readonly instances?: number
  /** Most faults in one simulation. Default: 8. */
  readonly faults?: number
  /** One call in so many fails, as long as faults are left. Default: 5. */
  readonly oneIn?: (call: SimulatedCall) => number
  /** Where a call takes place, for counting faults. Default: its name. */
  readonly siteOf?: (call: SimulatedCall) => readonly string[]
  /** The line that repeats a seed that failed. Default: `seed <seed>`. */
  readonly replay?: (seed: number) => string
}

/** What happened in a simulation. */
export interface Simulated {
  /** How often each fault was met at each site, as `<fault> at <site>`. */
  readonly met: ReadonlyMap<string, number>
  /** What happened, in order. The same for the same seed, unless instances compute on other threads. */
  readonly trace: readonly string[]
}

const INSTANCES = 3
const FAULTS = 8
const LIVES = 3
const MOST_STEPS = 100_000
/** Turns that pass at once, and milliseconds more in which an instance may compute, on another thread of a busy machine. */
const QUICK_TURNS = 1_000
const PATIENCE_MS = 10_000
/** Microtasks of one turn may start others in the next. */
const QUIET_TURNS = 2
const START = 1_800_000_000_000
const HOUR = 3_600_000
/** One step in so many moves the clock by an hour, forwards or back. */
const JUMPS = 250
const ONE_IN = 5
/** What may happen to a call. */
export const SIMULATED_FAULTS: readonly FaultKind[] = [
  'before',
  'after-applied',
  'hang',
  'double-delivery',
  'late',
  'crash',
  'crash-applied',
]

interface World {
  readonly options: SimulateOptions
  readonly scenario: Scenario
  readonly random: Random
  readonly tasks: Task[]
  readonly lives: SimulatedLife[]
  readonly met: Map<string, number>
  readonly trace: string[]
  faults: number
  now: number
  failure: { readonly error: unknown } | undefined
}

/**
 * Runs several instances over one store whose calls are delayed, reordered, lost, repeated and cut
 * off by crashes as a seed says, and rejects with a line that repeats the seed when something is
 * not right in the end.
 *
 * @example
 * ```ts
 * import { memoryData, memoryStore } from 'privity/memory'
 * import { simulate } from 'privity/testkit'
 *
 * const { trace } = await simulate({
 *   seed: 1,
 *   scenario: () => {
 *     const share = memoryData()
 *     return {
 *       connect: () => memoryStore({ share }),
 *       live: async ({ store }) => {
 *         await store.open()
 *         await store.read(['a']).catch(() => 'a fault')
 *       },
 *       check: () => undefined,
 *     }
 *   },
 * })
 * console.log(trace.length > 0) // true
 * ```
 */
export async function simulate(options: SimulateOptions): Promise<Simulated> {
  const { seed, scenario, instances = INSTANCES, faults = FAULTS } = options
  const random = seededRandom(seed)
  const world: World = {
    options,
    scenario: scenario(),
    random,
    tasks: [],
    lives: [],
    met: new Map(),
    trace: [],
    faults: random(faults + 1),
    now: START + random(HOUR),
    failure: undefined,
  }
  try {
    for (let number = 0; number < instances; number += 1) start(world, number, 0)
    await play(world)
    await world.scenario.check()
  } catch (error) {
    throw new TypeError(describe(world, error), { cause: error })
  }
  return { met: world.met, trace: world.trace }
}

async function play(world: World): Promise<void> {
  for (let step = 0; step < MOST_STEPS; step += 1) {
    await quiet(world)
    if (world.failure !== undefined) throw world.failure.error
    const task = world.tasks[world.random(world.tasks.length)]
    if (task === undefined) return
    if (task.hops > 0 && world.tasks.length > 1) {
      task.hops -= 1
      continue
    }
    world.tasks.splice(world.tasks.indexOf(task), 1)
    pass(world)
    world.trace.push(task.name)
    await task.run()
  }
  throw new TypeError('the simulation does not end')
}

/** Waits until every process waits for a call, for the clock, or for nothing any more. */
async function quiet(world: World): Promise<void> {
  const clock = systemClock()
  for (let turn = 0; turn < QUICK_TURNS + PATIENCE_MS; turn += 1) {
    await (turn < QUICK_TURNS ? endOfTurn() : clock.wait(1))
    const busy = world.lives.some((life) => life.state === 'alive' && !isWaiting(world, life))
    if (!busy && turn + 1 >= QUIET_TURNS) return
  }
  throw new TypeError('an instance waits for something that is not simulated')
}

function isWaiting({ tasks }: World, life: SimulatedLife): boolean {
  return tasks.some((task) => task.life === life && task.idle !== true)
}

function pass(world: World): void {
  const jump = world.random(JUMPS) === 0
  world.now += jump ? HOUR * (world.random(2) === 0 ? 1 : -1) : world.random(50)
}

function start(world: World, number: number, life: number): void {
  const random = seededRandom(world.random(2 ** 31))
  const skew = world.random(120_000) - 60_000
  const self: SimulatedLife = { number, life, state: 'alive' }
  world.lives.push(self)
  const store = simulatedStore({
    store: world.scenario.connect(),
    life: self,
    schedule: (task) => world.tasks.push(task),
    hops: () => 5 + world.random(30),
    fate: (call) => fateOf(world, self, call),
    crash: () => crash(world, self),
  })
  const clock = {
    now: () => world.now + skew,
    wait: createWait(world, self, { idle: false }),
    rest: createWait(world, self, { idle: true }),
  }
  world.trace.push(`${number}.${life} starts`)
  world.scenario.live({ number, life, store, clock, random }).then(
    () => end(self),
    (error: unknown) => {
      if (self.state === 'alive') world.failure ??= { error }
      end(self)
    },
  )
}

function end(life: SimulatedLife): void {
  if (life.state === 'alive') life.state = 'ended'
}

function fateOf(world: World, life: SimulatedLife, call: SimulatedCall): FaultKind | undefined {
  const kind = SIMULATED_FAULTS[world.random(SIMULATED_FAULTS.length)]
  const oneIn = world.options.oneIn?.(call) ?? ONE_IN
  if (world.random(oneIn) > 0 || world.faults === 0 || kind === undefined) return undefined
  if (kind.startsWith('crash') && life.life + 1 >= LIVES) return undefined
  world.faults -= 1
  for (const site of world.options.siteOf?.(call) ?? [call.name]) {
    const pair = `${kind} at ${site}`
    world.met.set(pair, (world.met.get(pair) ?? 0) + 1)
  }
  return kind
}

/** Requests that are on their way arrive all the same; nobody hears the answers. */
function crash(world: World, life: SimulatedLife): void {
  life.state = 'crashed'
  const { number } = life
  const left = world.tasks.filter((task) => task.life !== life || task.outlives)
  world.tasks.splice(0, world.tasks.length, ...left)
  const run = async (): Promise<void> => start(world, number, life.life + 1)
  world.tasks.push({ name: `${number} again`, life: undefined, outlives: true, hops: 0, run })
}

function createWait(
  world: World,
  life: SimulatedLife,
  { idle }: { readonly idle: boolean },
): SimulatedClock['wait'] {
  return (ms, signal) =>
    new Promise((resolve, reject) => {
      if (life.state !== 'alive') return
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      function stop(): void {
        const at = world.tasks.indexOf(task)
        if (at >= 0) world.tasks.splice(at, 1)
        reject(signal?.reason)
      }
      const name = `${life.number}.${life.life} wakes`
      const run = async (): Promise<void> => {
        signal?.removeEventListener('abort', stop)
        world.now += Math.min(ms, HOUR)
        resolve()
      }
      const task: Task = { name, life, outlives: false, idle, hops: 0, run }
      world.tasks.push(task)
      signal?.addEventListener('abort', stop)
    })
}

function describe({ options, trace }: World, error: unknown): string {
  const { seed, replay = (failed) => `seed ${failed}` } = options
  const why = error instanceof Error ? error.message : 'something that is no error was thrown'
  return `after ${trace.length} steps: ${why}\nreplay: ${replay(seed)}`
}
