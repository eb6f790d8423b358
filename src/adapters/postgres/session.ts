import type { Cell } from './cell.ts'
import type { PostgresParameter } from './client.ts'

/** Runs one statement and gives its rows. */
export type Query = (
  text: string,
  parameters: readonly PostgresParameter[],
) => Promise<readonly (readonly Cell[])[]>

/** What the store needs of any client; errors are the client's own, or typed when nothing was sent. */
export interface Session {
  /** One statement that changes nothing, the shortest way. */
  readonly read: Query
  /** One statement in a transaction of its own, on any connection. */
  readonly query: Query
  /** Several statements in one transaction; it rolls back, then rejects, when the work rejects. */
  transaction(work: (query: Query) => Promise<void>): Promise<void>
  /** Whether the database ends with this process. */
  readonly ephemeral: boolean
  /** Listens for as long as the store is open, where a client demands it. */
  attach(): void
  detach(): void
  /** Closes the client of the app. */
  end(): Promise<void>
}
