import type { Clock } from '../base/time.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { readNotedSize, sealNotedSize } from './noted-size.ts'
import type { EntryController, Shard } from './shard.ts'

/** What noting needs. */
export interface NotedShardsDeps {
  readonly keyspace: Keyspace
  readonly controller: EntryController
  readonly clock: Clock
}

/** Enters the checkpoints of these logs into the main log, which its anchor protects. */
export async function enterShards(
  deps: NotedShardsDeps,
  main: Shard,
  others: readonly Shard[],
): Promise<void> {
  for (const shard of others) await enterShard(deps, main, shard)
}

/** How many leaves of a log the main log knows of. */
export function readNotedShard(
  { keyspace, controller }: Pick<NotedShardsDeps, 'keyspace' | 'controller'>,
  number: number,
  sealed: Uint8Array | undefined,
): number {
  return readNotedSize(controller, keyspace.shardRegister(number), sealed)
}

async function enterShard(deps: NotedShardsDeps, main: Shard, shard: Shard): Promise<void> {
  const { keyspace, controller, clock } = deps
  const { range, note } = await shard.head()
  const key = keyspace.shardRegister(shard.number)
  await main.submit<null>({
    reads: [key],
    build: (rows) => {
      if (readNotedShard(deps, shard.number, rows.get(key)) >= range.size)
        return { kind: 'done', value: null }
      const row = sealNotedSize(controller, key, range.size)
      const event = { type: 'shard.noted', shard: shard.number, note }
      const entry = { kind: 'controller', at: clock.now(), event } as const
      return { kind: 'change', change: { put: [[key, row]], del: [], entry }, value: null }
    },
  })
}
