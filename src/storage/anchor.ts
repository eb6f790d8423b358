/**
 * What Privity asks of an anchor: remember the newest checkpoint of one log where whoever can change the
 * database cannot change it too. A database alone cannot tell that it was set back to an older copy of
 * itself; held against its anchor, it can.
 *
 * Trust. An anchor is worth as much as the distance between it and the database: another machine, another
 * account, another organisation. It learns the name, the size and the root of the log, and nothing of what
 * is in it. An anchor that lies can stop a log, or hide that it was set back; it cannot change it.
 *
 * Moving. `advance` is a compare-and-swap, and the only way in. A log moves forward: to at least as many
 * leaves, or to a log with another name.
 *
 * Concurrency. Any number of calls may be under way, and several processes may share an anchor. Of two calls
 * with the same `from`, at most one resolves to true, unless they pass the same `to`.
 *
 * Errors. An anchor rejects with what `prove` rejects with, or with a `PrivityError` of this table:
 *
 * | code | says |
 * |---|---|
 * | `invalid_input` | the arguments are no checkpoints |
 * | `store_unavailable`, `store_full`, `store_closed` | it cannot tell, and gives out what it did before |
 * | `outcome_unknown` | it may have moved: read again |
 * | `store_corrupt` | what it remembers cannot be read |
 * | `ledger_inconsistent` | it knows more leaves of the log than there are, `anchor_ahead`, or others, `fork` |
 */
export interface Anchor {
  /** The checkpoint last accepted, as a signed note; undefined when there is none yet. */
  read(): Promise<string | undefined>

  /**
   * Remembers `to` in place of `from`, and is durable when it resolves to true. False when something else
   * than `from` is remembered. `from` is what `read` gave, or what was accepted before. What is read afterwards
   * has the text of `to`, and may have other signatures below it.
   */
  advance(from: string | undefined, to: string, prove?: ProveConsistency): Promise<boolean>
}

/** A proof (RFC 6962 section 2.1.2) that the log of `size2` leaves grew out of that of `size1`. */
export type ProveConsistency = (size1: bigint, size2: bigint) => Promise<readonly Uint8Array[]>
