import type { DurabilityLevel, Store } from '../storage/store.ts'
import { ATOMICITY_CASES } from './cases/atomicity.ts'
import type { Cut, Need, StoreCase, Trial } from './cases/case.ts'
import { DISTURBANCE_CASES } from './cases/disturbances.ts'
import { DURABILITY_CASES } from './cases/durability.ts'
import { ERASURE_CASES } from './cases/erasure.ts'
import { ERROR_CASES } from './cases/errors.ts'
import { ISOLATION_CASES } from './cases/isolation.ts'
import { LIFECYCLE_CASES } from './cases/lifecycle.ts'
import { LIMIT_CASES } from './cases/limits.ts'
import { ORDER_CASES } from './cases/order.ts'
import { PRECONDITION_CASES } from './cases/preconditions.ts'
import { PROCESS_CASES } from './cases/processes.ts'
import { SOAK_CASES } from './cases/soak.ts'
import { VALUE_CASES } from './cases/values.ts'
import { type Gap, type RegisterTest, registerGaps } from './not-proven.ts'

/** A store over data of its own. */
export interface OpenedStore {
  /** Not opened yet, over empty data that no other test sees. */
  readonly store: Store
  /** Frees what the store and every other store on its data use. */
  dispose(): Promise<void>
}

/**
 * What the test of an adapter gives to the suite. `test` and `open` are enough; each further
 * function lets it prove more. There is nothing to switch off: what cannot be tried is registered
 * as a test whose title says that it is not proven, and a last title lists it all. They are skipped
 * by runners that can skip, and pass elsewhere: read that title before you say what was proven.
 */
export interface StoreSuite<Opened extends OpenedStore> {
  /** Registers one test: `test` of any runner. Its `skip`, if it has one, takes what is not proven. */
  readonly test: RegisterTest
  /** A store over data that no other test sees. */
  readonly open: () => Promise<Opened>
  /** Another store object on the same data, not opened yet, as a second process would have. */
  readonly again?: (opened: Opened) => Promise<Store>
  /**
   * Makes one call on the database fail: the `call`-th from now on, counted from 1, before the
   * database gets it or after it has carried it out. 0 takes it back.
   */
  readonly failAt?: (opened: Opened, call: number, when: 'before' | 'after') => void
  /** All bytes that the database keeps in files or elsewhere. */
  readonly residue?: (opened: Opened) => Promise<readonly Uint8Array[]>
  /**
   * Runs `appendUntilKilled` on the same data in a process of its own, kills it without warning
   * after an entry was acknowledged, and gives the last number acknowledged.
   */
  readonly kill?: (opened: Opened) => Promise<number>
  /** How often C31 kills. Default: 10. */
  readonly kills?: number
  /** Runs `countTogether` on the same data in two processes at once, and waits for both. */
  readonly race?: (opened: Opened, times: number) => Promise<void>
  /**
   * Runs `countTogether` on the same data in all the contexts that the platform has (tabs, workers,
   * processes), three or more, at once, waits for all, and gives their number.
   */
  readonly crowd?: (opened: Opened, times: number) => Promise<number>
  /** Runs `open` or `scrub` on the same data in a process of its own, and kills it in the middle. */
  readonly killDuring?: (opened: Opened, work: 'open' | 'scrub') => Promise<void>
  /** Stops the database without warning, and starts it again on the same data. */
  readonly restart?: (opened: Opened) => Promise<void>
  /**
   * Ends the connection between the store and its database, as either end or what is between them
   * may: now, or with the next commit, before the database gets it or after it has carried it out.
   */
  readonly cut?: (opened: Opened, when: Cut) => Promise<void>
  /** Leaves the database little room; what it gives makes room again. */
  readonly fill?: (opened: Opened) => Promise<() => Promise<void>>
  /** Lets the database answer nothing, until what it gives is called. */
  readonly hang?: (opened: Opened) => Promise<() => Promise<void>>
  /** Another store object on the same data, not opened yet, which may read and not write. */
  readonly readOnly?: (opened: Opened) => Promise<Store>
  /** Deletes the data underneath the opened store. */
  readonly remove?: (opened: Opened) => Promise<void>
  /** The permission bits of every file that the database keeps. */
  readonly modes?: (opened: Opened) => Promise<readonly number[]>
  /** Bytes that this process holds, garbage collected. */
  readonly heap?: (opened: Opened) => Promise<number>
  /** Moves the clock that the store and its database see, forwards or back. */
  readonly jump?: (opened: Opened, ms: number) => Promise<void>
  /** What `open` must report of data that is opened here. */
  readonly durability?: DurabilityLevel
}

const KILLS = 10

const CASES: readonly StoreCase[] = [
  ...VALUE_CASES,
  ...LIMIT_CASES,
  ...ORDER_CASES,
  ...ATOMICITY_CASES,
  ...PRECONDITION_CASES,
  ...ISOLATION_CASES,
  ...DURABILITY_CASES,
  ...LIFECYCLE_CASES,
  ...ERROR_CASES,
  ...DISTURBANCE_CASES,
  ...ERASURE_CASES,
  ...PROCESS_CASES,
  ...SOAK_CASES,
]

/**
 * Registers the tests that every store must pass, whatever the runner.
 *
 * @example
 * ```ts
 * import { memoryStore } from 'privity/memory'
 * import { storeSuite } from 'privity/testkit'
 *
 * const titles: string[] = []
 * storeSuite({
 *   test: (title) => titles.push(title),
 *   open: async () => ({ store: memoryStore(), dispose: async () => {} }),
 * })
 * console.log(titles[0]) // C1 a commit has happened when it resolves
 * ```
 */
export function storeSuite<Opened extends OpenedStore>(suite: StoreSuite<Opened>): void {
  const gaps: Gap[] = []
  for (const storeCase of CASES) {
    const { title, needs } = storeCase
    if (needs !== undefined && suite[needs] === undefined) gaps.push({ title, needs })
    else suite.test(title, () => runCase(suite, storeCase))
  }
  registerGaps(suite.test, gaps)
}

async function runCase<Opened extends OpenedStore>(
  suite: StoreSuite<Opened>,
  { run, unopened }: StoreCase,
): Promise<void> {
  const opened = await suite.open()
  const others: Store[] = []
  try {
    if (unopened !== true) await opened.store.open()
    await run(trialOf(suite, opened, others))
  } finally {
    await Promise.allSettled([opened.store, ...others].map((store) => store.close()))
    await opened.dispose()
  }
}

function trialOf<Opened extends OpenedStore>(
  suite: StoreSuite<Opened>,
  opened: Opened,
  others: Store[],
): Trial {
  const { store } = opened
  function give<N extends Need>(need: N): NonNullable<StoreSuite<Opened>[N]> {
    const capability = suite[need]
    if (capability === undefined) throw new TypeError(`a case uses ${need} without needing it`)
    return capability
  }
  return {
    store,
    again: async () => {
      const other = await give('again')(opened)
      others.push(other)
      await other.open()
      return other
    },
    readOnly: async () => {
      const reader = await give('readOnly')(opened)
      others.push(reader)
      return reader
    },
    durability: () => give('durability'),
    failAt: (call, when) => give('failAt')(opened, call, when),
    residue: () => give('residue')(opened),
    kill: () => give('kill')(opened),
    kills: suite.kills ?? KILLS,
    race: (times) => give('race')(opened, times),
    crowd: (times) => give('crowd')(opened, times),
    killDuring: (work) => give('killDuring')(opened, work),
    restart: () => give('restart')(opened),
    cut: (when) => give('cut')(opened, when),
    fill: () => give('fill')(opened),
    hang: () => give('hang')(opened),
    remove: () => give('remove')(opened),
    modes: () => give('modes')(opened),
    heap: () => give('heap')(opened),
    jump: (ms) => give('jump')(opened, ms),
  }
}
