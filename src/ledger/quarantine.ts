import { PrivityError } from '../base/errors.ts'
import type { Store } from '../storage/store.ts'

/**
 * A store that contradicts its anchor is neither read nor written: what it holds may be an older copy in
 * which withdrawn consents stand again.
 */
export interface Quarantine {
  /** Undefined as long as nothing contradicts. */
  readonly contradiction: Contradiction | undefined
  enter(contradiction: Contradiction): void
  /** @throws {@link ledger_inconsistent} while there is a contradiction */
  check(): void
}

/** Two statements of one log that cannot both be true. */
export interface Contradiction {
  /** The store lacks entries, has others in their place, or is of another log. */
  readonly kind: ContradictionKind
  /** Names the log. */
  readonly origin: string
  /** Signed note of the log in the store. */
  readonly stored: string
  /** Signed note that the anchor remembers. */
  readonly anchored: string
}

/** `anchor_ahead`: entries are missing from the store. `fork`: others stand in their place. `other_log`: the anchor is of another log. */
export type ContradictionKind = 'anchor_ahead' | 'fork' | 'other_log'

/** Not in quarantine. */
export function createQuarantine(): Quarantine {
  let contradiction: Contradiction | undefined
  return {
    get contradiction() {
      return contradiction
    },
    enter: (found) => {
      contradiction ??= found
    },
    check: () => {
      if (contradiction !== undefined)
        throw new PrivityError('ledger_inconsistent', { ...contradiction })
    },
  }
}

/** The store as everybody sees it who is not there to resolve the contradiction. */
export function quarantined(store: Store, quarantine: Quarantine): Store {
  return {
    ...store,
    read: async (keys) => {
      quarantine.check()
      return store.read(keys)
    },
    scan: async (prefix, options) => {
      quarantine.check()
      return store.scan(prefix, options)
    },
    commit: async (batch) => {
      quarantine.check()
      return store.commit(batch)
    },
  }
}
