import type { DurabilityLevel, Store } from '../../storage/store.ts'

/** What a case may use beyond the store; only what it names in `needs` is there. */
export interface Trial {
  /** Over fresh, empty data, and opened unless the case says `unopened`. */
  readonly store: Store
  /** Another store on the same data, opened; whoever runs the case disposes of it. */
  again(): Promise<Store>
  failAt(call: number, when: 'before' | 'after'): void
  residue(): Promise<readonly Uint8Array[]>
  kill(): Promise<number>
  readonly kills: number
  race(times: number): Promise<void>
  durability(): DurabilityLevel
  crowd(times: number): Promise<number>
  killDuring(work: 'open' | 'scrub'): Promise<void>
  restart(): Promise<void>
  cut(when: Cut): Promise<void>
  fill(): Promise<() => Promise<void>>
  hang(): Promise<() => Promise<void>>
  /** Not opened yet; whoever runs the case disposes of it. */
  readOnly(): Promise<Store>
  remove(): Promise<void>
  modes(): Promise<readonly number[]>
  heap(): Promise<number>
  jump(ms: number): Promise<void>
}

/** When a connection ends: now, or with the next commit, before or after it was carried out. */
export type Cut = 'now' | 'before' | 'after'

/** What an adapter's test can offer so that more is proven. */
export type Need = Exclude<keyof Trial, 'store' | 'kills'>

/** One promise of the contract, tried. */
export interface StoreCase {
  readonly title: string
  readonly needs?: Need
  readonly unopened?: true
  readonly run: (trial: Trial) => Promise<void>
}
