/**
 * The epoch that this process wraps new keys under. It learns of a newer one when it meets it: in the head of a
 * log that it writes to, or in a row that another process wrote.
 */
export interface EpochWatch {
  readonly epoch: number
  /** Fetches the keys of a newer epoch, and works with it from then on. */
  advance(epoch: number): Promise<void>
  /** Runs, and once more when keys that were missing could be fetched. */
  meet<T>(run: () => T | Promise<T>): Promise<T>
  /** Whose keys are fetched. */
  follow(keys: FollowedKeys): void
}

/** Keys that grow with the epochs of their store. */
export interface FollowedKeys {
  loadEpoch(epoch: number): Promise<void>
  meet: EpochWatch['meet']
}

/** Starts at the epoch that the store has in use. */
export function watchEpochs(first: number): EpochWatch {
  let epoch = first
  let followed: FollowedKeys | undefined
  return {
    get epoch() {
      return epoch
    },
    advance: async (next) => {
      if (next <= epoch) return
      await followed?.loadEpoch(next)
      // Another call may have gone further meanwhile.
      epoch = Math.max(epoch, next)
    },
    meet: async (run) => (followed === undefined ? run() : followed.meet(run)),
    follow: (keys) => {
      followed = keys
    },
  }
}
