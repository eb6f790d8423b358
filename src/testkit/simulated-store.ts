import { PrivityError } from '../base/errors.ts'
import type { Batch, Key, Store } from '../storage/store.ts'
import type { FaultKind, FaultyCall } from './faulty-store.ts'

/** A call of a simulated store, for telling where a fault is met. */
export interface SimulatedCall {
  readonly name: FaultyCall
  /** Keys that are read or written, or the prefix that is scanned. */
  readonly keys: readonly Key[]
}

/** One life of a process. */
export interface SimulatedLife {
  readonly number: number
  readonly life: number
  state: 'alive' | 'ended' | 'crashed'
}

/** Something that can happen next. */
export interface Task {
  readonly name: string
  /** Whose it is; undefined when it is nobody's any more. */
  readonly life: SimulatedLife | undefined
  /** A request that was sent arrives, whatever became of who sent it. */
  readonly outlives: boolean
  /** Nobody waits for it: whose it is may compute meanwhile. */
  readonly idle?: boolean
  /** How often others go first. */
  hops: number
  readonly run: () => Promise<void>
}

/** What a simulated store needs of the simulation. */
export interface StoreWorld {
  /** Answers at once. */
  readonly store: Store
  readonly life: SimulatedLife
  schedule(task: Task): void
  /** For how long a call hangs. */
  hops(): number
  fate(call: SimulatedCall): FaultKind | undefined
  crash(): void
}

interface Request<T> extends SimulatedCall {
  readonly run: () => Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

/** A store whose calls travel: each arrives, and is answered, when the simulation says so. */
export function simulatedStore(world: StoreWorld): Store {
  const { store } = world
  return {
    limits: store.limits,
    open: () => store.open(),
    close: () => store.close(),
    read: (keys) => {
      const asked = [...keys]
      return send(world, { name: 'read', keys: asked }, () => store.read(asked))
    },
    scan: (prefix, page) => {
      const asked = { ...page }
      return send(world, { name: 'scan', keys: [prefix] }, () => store.scan(prefix, asked))
    },
    commit: (batch) => {
      const sent = copyOf(batch)
      const keys = [...sent.put.map(([key]) => key), ...sent.del]
      return send(world, { name: 'commit', keys }, () => store.commit(sent))
    },
  }
}

function send<T>(world: StoreWorld, call: SimulatedCall, run: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (world.life.state === 'crashed') return
    const request: Request<T> = { ...call, run, resolve, reject }
    later(world, `${call.name} arrives`, { outlives: true, run: () => arrive(world, request) })
  })
}

async function arrive<T>(world: StoreWorld, request: Request<T>): Promise<void> {
  const { life } = world
  // Nobody is left to fail.
  const fate = life.state === 'crashed' ? undefined : world.fate(request)
  if (fate === undefined) answer(world, request, await settle(request))
  else await MEET[fate](world, request)
}

type Meet = <T>(world: StoreWorld, request: Request<T>) => Promise<void>

const MEET: { readonly [K in FaultKind]: Meet } = {
  before: async (world, request) => refuse(world, request, 'store_unavailable'),
  'after-applied': async (world, request) => {
    await settle(request)
    refuse(world, request, doubtOf(request))
  },
  hang: async (world, request) => {
    const run = async (): Promise<void> => request.reject(errorOf('store_unavailable'))
    later(world, `${request.name} gives up`, { outlives: false, hops: world.hops(), run })
  },
  'double-delivery': async (world, request) => {
    answer(world, request, await settle(request))
    again(world, request, 'arrives again')
  },
  late: async (world, request) => {
    refuse(world, request, doubtOf(request))
    if (request.name === 'commit') again(world, request, 'arrives late')
  },
  crash: async (world) => world.crash(),
  'crash-applied': async (world, request) => {
    await settle(request)
    world.crash()
  },
}

function answer<T>(
  world: StoreWorld,
  { name, resolve, reject }: Request<T>,
  outcome: PromiseSettledResult<T>,
): void {
  const run = async (): Promise<void> => {
    if (outcome.status === 'fulfilled') resolve(outcome.value)
    else reject(outcome.reason)
  }
  later(world, `${name} is answered`, { outlives: false, run })
}

type Refusal = 'store_unavailable' | 'outcome_unknown'

function refuse<T>(world: StoreWorld, { name, reject }: Request<T>, code: Refusal): void {
  const run = async (): Promise<void> => reject(errorOf(code))
  later(world, `${name} is refused: ${code}`, { outlives: false, run })
}

/** A read changes nothing, so nothing about it is in doubt. */
function doubtOf({ name }: SimulatedCall): Refusal {
  return name === 'commit' ? 'outcome_unknown' : 'store_unavailable'
}

function again<T>(world: StoreWorld, request: Request<T>, what: string): void {
  const run = async (): Promise<void> => {
    await settle(request)
  }
  later(world, `${request.name} ${what}`, { outlives: true, hops: world.hops(), run })
}

async function settle<T>({ run }: Request<T>): Promise<PromiseSettledResult<T>> {
  const [outcome] = await Promise.allSettled([run()])
  return outcome
}

function later(
  { life, schedule }: StoreWorld,
  what: string,
  { hops = 0, ...task }: Pick<Task, 'outlives' | 'run'> & { readonly hops?: number },
): void {
  // What nobody waits for must not make it look as if somebody did.
  if (life.state === 'crashed' && !task.outlives) return
  schedule({ name: `${life.number}.${life.life} ${what}`, life, hops, ...task })
}

function errorOf(code: Refusal): PrivityError {
  if (code === 'outcome_unknown') return new PrivityError(code, {})
  return new PrivityError(code, { reason: 'simulated' })
}

function copyOf({ checks, put, del }: Batch): Batch {
  return {
    checks: checks.map(([key, value]) => [key, value === null ? null : new Uint8Array(value)]),
    put: put.map(([key, value]) => [key, new Uint8Array(value)]),
    del: [...del],
  }
}
