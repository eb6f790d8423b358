import type { Key, Row } from './store.ts'

/** Rows as a builder sees them: one snapshot, with what earlier builders of the batch changed on top. */
export interface Rows {
  /** The value of a key that the participant declared in `reads`; undefined when absent. */
  get(key: Key): Uint8Array | undefined
  /** Whether `get` may be asked for a key; absent where it may be for any. */
  isDeclared?(key: Key): boolean
}

/** What one operation changes, and its entry for the log. */
export interface Change<Entry> {
  readonly put: readonly Row[]
  readonly del: readonly Key[]
  readonly entry: Entry
}

/** A change as a batch takes it up, and what it found. */
export interface Applied<Entry> extends Change<Entry> {
  /** What the rows that it writes were before it, as far as somebody read them. */
  readonly before: ReadonlyMap<Key, Uint8Array | undefined>
}

/**
 * `done` needs no write: the operation was applied before. `postponed` needs something from elsewhere first, and is
 * only answered once no earlier attempt may land any more.
 */
export type Built<Entry, Value> =
  | { readonly kind: 'change'; readonly change: Change<Entry>; readonly value: Value }
  | { readonly kind: 'done' | 'postponed'; readonly value: Value }

/** One operation that wants to be part of a batch. */
export interface Participant<Entry, Value> {
  readonly reads: readonly Key[]
  /**
   * Of these, rows that a change rests on and does not write, while a writer of another log may: at the
   * commit they must be what was read. One that is not is a conflict like any other. The entry does not name them.
   */
  readonly held?: readonly Key[] | undefined
  /**
   * Decides and builds, without waiting: it runs again, on fresh rows, after every conflict. What it
   * throws drops this participant only.
   */
  build(rows: Rows): Built<Entry, Value>
  /** Marks the operation as void, so that an earlier attempt of unknown outcome can never land. */
  abandon?(rows: Rows): Change<Entry>
  readonly signal?: AbortSignal | undefined
  readonly operationId?: string | undefined
}

/** Adds what every batch needs (the log's own rows) and hands out a receipt per change. */
export interface Finisher<Entry, Receipt> {
  /** The first key is the head: each batch compares and rewrites it. */
  readonly reads: readonly [Key, ...Key[]]
  finish(changes: readonly Applied<Entry>[], rows: Rows): Promise<Finished<Receipt>>
  /** Runs once the batch is applied, before anybody hears of it; the receipts as they are then. */
  applied?(receipts: readonly Receipt[]): Promise<readonly Receipt[]>
}

/** Rows that a finisher adds to a batch. */
export interface Finished<Receipt> {
  readonly put: readonly Row[]
  readonly receipts: readonly Receipt[]
}

/** Result of a participant; no receipt when nothing had to be written. */
export interface Committed<Value, Receipt> {
  readonly value: Value
  readonly receipt: Receipt | undefined
}
