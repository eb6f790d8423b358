/**
 * What Privity asks of a database: keep rows of bytes under ordered keys, and change several of
 * them in one conditional step. Everything else (sealing, the log, retries, the format version) is
 * done above, so an adapter knows nothing about privacy. Whoever writes one needs this file, the
 * rules of `batch-rules.ts`, and `storeSuite` of the testkit, which holds an adapter to every
 * sentence below that can be tried from outside.
 *
 * Trust. Values are sealed before they arrive; keys name no person and no field. Somebody who can
 * change the database can destroy data, but not read it, and what was altered, moved or set back
 * is found when it is opened or verified. The adapter itself is trusted with three things: to
 * report its durability truthfully, to apply a batch as a whole or not at all, and to say "not
 * applied" only when that is certain.
 *
 * Arguments. Callers pass what `batch-rules.ts` accepts. An adapter still calls `assertKeys`,
 * `assertScan` and `assertBatch` first, so that a mistake has no effect at all. It takes over what
 * it was given before it returns its promise: the caller may change arrays and bytes right after
 * the call. What it gives out is a copy that nobody else holds, as plain `Uint8Array` (never a
 * subclass, never a view of a shared pool).
 *
 * Concurrency. Any number of calls may be under way on one store, and any number of stores, in
 * this process or another, may be open on the same data.
 *
 * Errors. An adapter rejects with a `PrivityError` of this table and nothing else; no driver's
 * error is passed on or kept as a cause, because its message may quote what was written.
 *
 * | code | says | applied? |
 * |---|---|---|
 * | `write_conflict`, `attempts: 1` | a check did not hold | no |
 * | `invalid_input` | the arguments break a rule | no |
 * | `store_full` | no room: disk, quota, page limit | no |
 * | `store_unavailable` | busy, read-only, connection lost before the commit was sent | no |
 * | `store_closed` | not opened, closed, or the connection beneath is closed | no |
 * | `outcome_unknown` | the commit was sent and its answer never came, or was an error | perhaps |
 * | `store_corrupt` | the database finds itself damaged, or is not the adapter's | perhaps |
 *
 * "No" means provably: now, after a crash, and whatever a repeated message may do. In doubt it is
 * `outcome_unknown`. Callers take any other throw as `outcome_unknown`. An adapter does not retry a
 * commit by itself, but for one that the engine says it rolled back and wants again.
 */

/** 1 to 256 characters, each from 0x21 to 0x7E; compared byte by byte, never by a locale. */
export type Key = string

/** A key and its value of 0 to 512 KiB. A value of no bytes is present; it is not an absent one. */
export type Row = readonly [Key, Uint8Array]

/** Changes that are applied together or not at all. */
export interface Batch {
  /**
   * What must hold at the moment of the change: the key has exactly these bytes, or, for `null`,
   * is absent. Every checked key is also in `put` or `del`, so that two batches that could disturb
   * each other write the same row, and an engine that only finds write-write conflicts is enough.
   */
  readonly checks: readonly (readonly [Key, Uint8Array | null])[]
  /** Rows to write, whether or not the key is present. */
  readonly put: readonly Row[]
  /** Keys to remove; one that is absent is no fault. No key is twice in `put` and `del`. */
  readonly del: readonly Key[]
}

/**
 * What an acknowledged commit survives: nothing, the death of the process, or loss of power and a
 * crash of the operating system too.
 */
export type DurabilityLevel = 'none' | 'process-crash' | 'power-loss'

/** What is true of an opened store, read back from the database rather than assumed. */
export interface StoreInfo {
  /** The level of every commit that resolves; signed receipts repeat it. */
  readonly durability: DurabilityLevel
  /** Whether rows may change otherwise than through this store object. */
  readonly shared: boolean
  /** For people: engine, version, and the settings behind the level. No paths, no secrets. */
  readonly detail: string
}

/** The largest batch that a commit takes. */
export interface StoreLimits {
  /** Entries of `put` and `del` together; at least 1,000. */
  readonly maxOps: number
  /** Bytes of all values in `put` together; at least 1 MiB. */
  readonly maxBytes: number
}

/** Where a page of a scan begins and ends. */
export interface ScanOptions {
  /** Only keys after this one; it begins with the prefix, and need not be present. */
  readonly after?: Key | undefined
  /** Most rows in the page, 1 to 10,000. */
  readonly limit: number
}

/** What a scrub overwrote, and what it knows to be readable still, in short fixed words. */
export interface ScrubReport {
  /** What was overwritten. */
  readonly cleared: readonly string[]
  /** Where deleted values may still be read. */
  readonly remains: readonly string[]
}

/** A database that keeps rows; the text at the top of this file is part of the contract. */
export interface Store {
  /** Constant for the life of the store object. */
  readonly limits: StoreLimits

  /**
   * Makes the store usable, creating what it needs in an empty database, and says what the
   * database really gives. Several processes may do so at once. Opening twice gives the same
   * answer; opening after `close` works again. Every other call rejects with `store_closed` before
   * it has resolved.
   */
  open(): Promise<StoreInfo>

  /**
   * The values of these keys, in the same order, repeated where a key is repeated, `undefined`
   * where absent. All come from one moment: a batch is seen as a whole or not at all. That moment
   * is not earlier than the call, so everything acknowledged before it is seen, by whichever store
   * on the same data it was committed. At most 10,000 keys.
   */
  read(keys: readonly Key[]): Promise<readonly (Uint8Array | undefined)[]>

  /**
   * One page of the rows whose keys begin with the prefix, in ascending byte order, from one moment
   * that is not earlier than the call. No character of a prefix is a wildcard; the empty prefix
   * begins every key. A page that is shorter than the limit is the last. Pages are moments of their
   * own: going on with `after` set to the last key meets every row that is there throughout exactly
   * once.
   */
  scan(prefix: Key, options: ScanOptions): Promise<readonly Row[]>

  /**
   * Applies the batch if every check holds at that very moment, and resolves once it is durable at
   * the level that `open` reported. Of two commits that check the same row, at most one finds it as
   * it was. An empty batch resolves.
   */
  commit(batch: Batch): Promise<void>

  /**
   * Overwrites, as far as the engine lets it, what deleted and replaced rows left in its files.
   * It changes no row and may run beside anything else. What it cannot clear is in the report.
   */
  scrub?(): Promise<ScrubReport>

  /**
   * Calls that are under way end first, or reject with `store_closed`. What the app brought (a
   * connection, a pool) is left open. Closing twice is no fault.
   */
  close(): Promise<void>
}
