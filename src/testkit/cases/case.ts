import type { Store } from '../../storage/store.ts'

/** What a case may use beyond the store; only what it names in `needs` is there. */
export interface Trial {
  /** Over fresh, empty data, and opened unless the case says `unopened`. */
  readonly store: Store
  /** Another store on the same data, opened; whoever runs the case disposes of it. */
  again(): Promise<Store>
  failAt(call: number, when: 'before' | 'after'): void
  residue(): Promise<readonly Uint8Array[]>
  kill(): Promise<number>
  race(times: number): Promise<void>
}

/** What an adapter's test can offer so that more is proven. */
export type Need = 'again' | 'failAt' | 'residue' | 'kill' | 'race'

/** One promise of the contract, tried. */
export interface StoreCase {
  readonly title: string
  readonly needs?: Need
  readonly unopened?: true
  readonly run: (trial: Trial) => Promise<void>
}
