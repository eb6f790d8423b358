import { PrivityError } from '../base/errors.ts'
import type { Batch, Store } from '../storage/store.ts'

/** Calls that can be made to fail. */
export type FaultyCall = 'read' | 'scan' | 'commit'

/**
 * - `before`: the call does nothing, and rejects with `store_unavailable`.
 * - `after-applied`: it is carried out, but its answer is lost: a commit rejects with
 *   `outcome_unknown`, a read or scan with `store_unavailable`.
 * - `hang`: it does nothing and never settles, until `release` lets it reject.
 * - `double-delivery`: it is carried out and answered. A commit is carried out once more, by
 *   a message that arrives late: right after the next commit, or at `release`. A read or scan is
 *   answered from its second run.
 * - `late`: a commit rejects with `outcome_unknown` before it is carried out; its message arrives
 *   right after the next commit, or at `release`. A read or scan rejects with `store_unavailable`.
 * - `crash`: the process that called is gone. The call does nothing; neither it nor any later one
 *   settles, until `release` lets them reject.
 * - `crash-applied`: the same, but the call is carried out.
 */
export type FaultKind =
  | 'before'
  | 'after-applied'
  | 'hang'
  | 'double-delivery'
  | 'late'
  | 'crash'
  | 'crash-applied'

/** One fault of a plan. */
export interface Fault {
  /** Which call fails: the `nth` of this kind, or, without `call`, the `nth` of all. From 1. */
  readonly nth: number
  readonly call?: FaultyCall
  readonly kind: FaultKind
  /** What to reject with instead of the error of the kind; a foreign error, for instance. */
  readonly error?: unknown
}

/** How often the store was called so far; faulty calls count. */
export interface CallCounts {
  readonly all: number
  readonly read: number
  readonly scan: number
  readonly commit: number
}

/** A store whose faults are planned. */
export interface FaultyStore extends Store {
  readonly calls: CallCounts
  /** Resolves once a fault was the end of the process that calls: whoever waits for it may go on. */
  readonly crashed: Promise<void>
  /** Ends what hangs, with `store_unavailable`, and delivers what is still to come twice. */
  release(): Promise<void>
}

interface State {
  readonly store: Store
  readonly plan: readonly Fault[]
  readonly calls: { all: number; read: number; scan: number; commit: number }
  readonly hanging: (() => void)[]
  readonly late: Batch[]
  isCrashed: boolean
  readonly crash: () => void
}

interface Call<T> {
  readonly name: FaultyCall
  readonly run: () => Promise<T>
  /** What a commit carries. */
  readonly batch?: Batch
}

/**
 * Wraps a store so that chosen calls fail in chosen ways: the same plan, the same faults. Run
 * a scenario once with an empty plan to count its calls, then once for every call and kind.
 *
 * @example
 * ```ts
 * import { memoryStore } from 'privity/memory'
 * import { faultyStore } from 'privity/testkit'
 *
 * const store = faultyStore(memoryStore(), [{ call: 'read', nth: 2, kind: 'before' }])
 * await store.open()
 * await store.read(['a'])
 * const failed = await store.read(['a']).catch((error) => error.code)
 * console.log(failed, store.calls.read) // store_unavailable 2
 * ```
 */
export function faultyStore(store: Store, plan: readonly Fault[]): FaultyStore {
  const { scrub } = store
  const calls = { all: 0, read: 0, scan: 0, commit: 0 }
  let tell: () => void = () => undefined
  const crashed = new Promise<void>((resolve) => {
    tell = resolve
  })
  const lists = { plan: [...plan], hanging: [], late: [] }
  const state: State = { store, calls, ...lists, isCrashed: false, crash: tell }
  return {
    limits: store.limits,
    open: () => store.open(),
    read: (keys) => meet(state, { name: 'read', run: () => store.read(keys) }),
    scan: (prefix, page) => meet(state, { name: 'scan', run: () => store.scan(prefix, page) }),
    commit: (batch) => commit(state, batch),
    ...(scrub === undefined ? {} : { scrub: () => scrub.call(store) }),
    close: () => store.close(),
    calls,
    crashed,
    release: () => release(state),
  }
}

async function commit(state: State, batch: Batch): Promise<void> {
  if (state.isCrashed) return dead(state)
  const due = state.late.splice(0)
  try {
    await meet(state, { name: 'commit', run: () => state.store.commit(batch), batch })
  } finally {
    await deliver(state, due)
  }
}

/** Counts a call, and carries it out as the plan says. */
async function meet<T>(state: State, call: Call<T>): Promise<T> {
  if (state.isCrashed) return dead(state)
  const fault = nextFault(state, call.name)
  return fault === undefined ? call.run() : CARRY_OUT[fault.kind](state, call, fault)
}

type CarryOut = <T>(state: State, call: Call<T>, fault: Fault) => Promise<T>

const CARRY_OUT: { readonly [K in FaultKind]: CarryOut } = {
  before: async (_, __, fault) => {
    throw errorOf(fault, 'store_unavailable')
  },
  'after-applied': async (_, call, fault) => {
    // Its answer is lost, also if it was a refusal.
    await Promise.allSettled([call.run()])
    throw errorOf(fault, call.name === 'commit' ? 'outcome_unknown' : 'store_unavailable')
  },
  hang: async (state, _, fault) => {
    await silence(state)
    throw errorOf(fault, 'store_unavailable')
  },
  'double-delivery': async (state, call) => {
    if (call.batch !== undefined) state.late.push(copyOf(call.batch))
    else await call.run()
    return call.run()
  },
  late: async (state, { batch }, fault) => {
    if (batch === undefined) throw errorOf(fault, 'store_unavailable')
    state.late.push(copyOf(batch))
    throw errorOf(fault, 'outcome_unknown')
  },
  crash: async (state) => {
    state.isCrashed = true
    state.crash()
    return dead(state)
  },
  'crash-applied': async (state, call) => {
    state.isCrashed = true
    await Promise.allSettled([call.run()])
    state.crash()
    return dead(state)
  },
}

/** Whether it was applied is for the next process to find out. */
async function dead(state: State): Promise<never> {
  await silence(state)
  throw new PrivityError('outcome_unknown', {})
}

function silence({ hanging }: State): Promise<void> {
  return new Promise((resolve) => {
    hanging.push(resolve)
  })
}

function nextFault({ plan, calls }: State, name: FaultyCall): Fault | undefined {
  calls.all += 1
  calls[name] += 1
  return plan.find(({ call = 'all', nth }) => {
    return (call === 'all' || call === name) && nth === calls[call]
  })
}

function errorOf({ error }: Fault, code: 'store_unavailable' | 'outcome_unknown'): unknown {
  if (error !== undefined) return error
  if (code === 'outcome_unknown') return new PrivityError(code, {})
  return new PrivityError(code, { reason: 'planned_fault' })
}

async function release(state: State): Promise<void> {
  for (const settle of state.hanging.splice(0)) settle()
  await deliver(state, state.late.splice(0))
}

/** Nobody waits for the answer to a message that arrives a second time. */
async function deliver({ store }: State, batches: readonly Batch[]): Promise<void> {
  for (const batch of batches) await Promise.allSettled([store.commit(batch)])
}

function copyOf({ checks, put, del }: Batch): Batch {
  return {
    checks: checks.map(([key, value]) => [key, value === null ? null : new Uint8Array(value)]),
    put: put.map(([key, value]) => [key, new Uint8Array(value)]),
    del: [...del],
  }
}
